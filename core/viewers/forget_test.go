package viewers_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
)

// tokenOf returns the token by which the newest payment was or will be charged.
func (w *wallet) tokenOf(kind string) billing.Secret {
	if kind == "linked token" {
		return billingtest.Token
	}
	return billing.NewSecret("tok_for_" + string(w.Payments()[0].ID))
}

func (w *wallet) forget() payments.Forgotten {
	w.T.Helper()
	f, err := w.Forgetter(w.Store, w.Provider).Forget(w.T.Context(), 10, 4)
	if err != nil {
		w.T.Error(err)
	}
	return f
}

// The payment system forgets the token of a removed card or method, and the token is
// erased. A removal that crashed at any step is finished by another process.
func TestRemove_ForgetsTokenAfterEveryCrash(t *testing.T) {
	t.Parallel()
	for kind, newMeans := range allMeans {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			atEveryStep(t, 4, func(t *testing.T, crash *billingtest.Crash) {
				w := newWallet(t)
				m := newMeans(w)
				w.mustPay(m)
				token := w.tokenOf(kind)
				_ = m.removeOver(crash.Store(w.Store))
				for range 2 {
					if err := m.remove(); err != nil {
						t.Fatal(err)
					}
				}
				if got := w.forget(); got != (payments.Forgotten{Done: 1}) || w.Provider.Forgot(token) != 1 {
					t.Errorf("Forget = %+v, and the payment system was asked %d times; want one token", got, w.Provider.Forgot(token))
				}
				if got := w.forget(); got != (payments.Forgotten{}) {
					t.Errorf("the second time Forget = %+v, want nothing", got)
				}
			})
		})
	}
}

// A removal that is rolled back lets nothing be forgotten.
func TestRemove_NotRemovedIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	linked := w.link(billingtest.Token)
	if err := w.removeMethodOver(billingtest.CrashAfter(0).Store(w.Store), linked.ID); err == nil {
		t.Fatal("the removal has no error")
	}
	if got := w.forget(); got != (payments.Forgotten{}) || w.Provider.Forgot(billingtest.Token) != 0 {
		t.Errorf("Forget = %+v, want nothing", got)
	}
	w.MustSubscribe()
}

// Two methods with one token are removed together. The payment system may be asked twice.
func TestRemove_ForgetsSharedToken(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	w.mustSubscribe(c)
	token := w.tokenOf("card")
	w.link(token)
	if err := w.remove(c); err != nil {
		t.Fatal(err)
	}
	if got := w.forget(); got.Done != 2 || got.Failed != 0 || w.Provider.Forgot(token) == 0 {
		t.Errorf("Forget = %+v, want both", got)
	}
}
