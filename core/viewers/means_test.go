package viewers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// means is what the viewer pays with and removes.
type means struct {
	command        func() viewers.Subscribe
	removeOver     func(ports.Store) error // in a new process
	added, removed billing.EventType
	refused        error // of a subscribe after the removal; nil if it makes another payment method
	wallet         *wallet
}

func (m means) remove() error { return m.removeOver(m.wallet.Store) }

// allMeans are the means of payment, each ready to be paid with.
var allMeans = map[string]func(*wallet) means{
	"card": func(w *wallet) means {
		c := w.add(visa())
		return means{
			command: func() viewers.Subscribe { return subscribeWith(c) },
			removeOver: func(s ports.Store) error {
				cards := w.cards()
				cards.Store = s
				return cards.Remove(context.WithoutCancel(w.T.Context()), billingtest.Viewer, c.ID)
			},
			added: billing.EventCardAdded, removed: billing.EventCardRemoved, refused: billing.ErrCardNotFound, wallet: w,
		}
	},
	"linked token": func(w *wallet) means {
		linked := w.link(billingtest.Token)
		return means{
			command:    billingtest.SubscribeBasic,
			removeOver: func(s ports.Store) error { return w.removeMethodOver(s, linked.ID) },
			added:      billing.EventMethodAdded, removed: billing.EventMethodRemoved, wallet: w,
		}
	},
	"method of a card": func(w *wallet) means { // made by the first subscribe
		c := w.add(visa())
		return means{
			command: func() viewers.Subscribe { return subscribeWith(c) },
			removeOver: func(s ports.Store) error {
				subs := w.Subscriptions()
				if len(subs) == 0 {
					return nil
				}
				return w.removeMethodOver(s, subs[0].MethodID)
			},
			added: billing.EventCardAdded, removed: billing.EventMethodRemoved, wallet: w,
		}
	},
}

// withEachMeans runs a test in a new wallet for each means of payment.
func withEachMeans(t *testing.T, name string, test func(t *testing.T, w *wallet, m means)) {
	t.Helper()
	for kind, newMeans := range allMeans {
		t.Run(strings.TrimPrefix(name+", "+kind, ", "), func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			test(t, w, newMeans(w))
		})
	}
}

func (w *wallet) pay(m means) error {
	_, err := w.process().Subscribe(w.T.Context(), m.command())
	return err
}

func (w *wallet) mustPay(m means) {
	w.T.Helper()
	if err := w.pay(m); err != nil {
		w.T.Fatal(err)
	}
}

// methods returns a new process. Its pauses advance the clock instead of sleeping.
func (w *wallet) methods() *viewers.Methods {
	return &viewers.Methods{
		Store: w.Store, Clock: w.Clock, NewID: w.NewID, Limits: w.limits, Wait: w.wait,
		Providers: map[string]ports.Provider{w.Provider.Code: w.Provider}, Forgetters: w.forgetters(), Collector: w.canceller(),
		Pause: func(_ context.Context, d time.Duration) error { w.Clock.Advance(d); return nil },
	}
}

func linkToken(token billing.Secret) viewers.LinkToken {
	return viewers.LinkToken{User: billingtest.Viewer, PaymentSystem: billingtest.System, Token: token}
}

func (w *wallet) link(token billing.Secret) viewers.Method {
	w.T.Helper()
	m, err := w.methods().Link(w.T.Context(), linkToken(token))
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}

func (w *wallet) removeMethod(id billing.PaymentMethodID) error {
	return w.removeMethodOver(w.Store, id)
}

func (w *wallet) removeMethodOver(s ports.Store, id billing.PaymentMethodID) error {
	methods := w.methods()
	methods.Store = s
	return methods.Remove(context.WithoutCancel(w.T.Context()), billingtest.Viewer, id)
}
