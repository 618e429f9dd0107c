package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestLinkToken(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	m := w.link(billingtest.Token)
	if m.Kind() != billing.FromToken || m.Status() != billing.MethodActive || len(m.UsedBy) > 0 || m.PaymentSystem != billingtest.System {
		t.Errorf("Link = %+v", m)
	}
	w.ExpectHistory(billing.EventMethodAdded)
	w.ExpectCharges(0)
	theirs, err := w.methods().Link(t.Context(), viewers.LinkToken{User: otherViewer, PaymentSystem: billingtest.System, Token: billingtest.Token})
	if err != nil || theirs.ID == m.ID {
		t.Errorf("Link of another viewer's token = %+v, %v", theirs, err)
	}

	w.MustSubscribe() // uses the linked method
	again := w.link(billingtest.Token)
	if again.ID != m.ID || !slices.Equal(again.UsedBy, []billing.SubscriptionID{w.Subscriptions()[0].ID}) {
		t.Errorf("Link of the same token = %+v, want the method %s, used by the subscription", again, m.ID)
	}
	w.ExpectHistory(billing.EventMethodAdded, billing.EventSubscribed)
}

// A request that changes nothing releases its key, because only such requests have a
// limit of keys.
func TestLinkToken_AgainReleasesKey(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	for i, want := range []error{nil, billing.ErrNotFound} {
		cmd, r := linkToken(billingtest.Token), w.newRequest()
		r.Key = fmt.Sprint("key-", i)
		cmd.Request = &r
		_, err := w.methods().Link(t.Context(), cmd)
		billingtest.ExpectError(t, err, nil)
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.IdempotencyKeys.Find(ctx, r.User, r.Key)
			billingtest.ExpectError(t, err, want)
			return nil
		})
	}
}

func TestLinkToken_Refusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*wallet, *viewers.LinkToken)
		want   error
	}{
		"unknown payment system": {func(_ *wallet, l *viewers.LinkToken) { l.PaymentSystem = "unknown" }, billing.ErrPaymentSystemNotFound},
		"archived payment system": {func(w *wallet, _ *viewers.LinkToken) {
			_, err := w.Catalog().ArchivePaymentSystem(w.T.Context(), billingtest.System)
			billingtest.ExpectError(w.T, err, nil)
		}, billing.ErrPaymentSystemNotFound},
		"no adapter": {func(w *wallet, l *viewers.LinkToken) {
			_, err := w.Catalog().AddPaymentSystem(w.T.Context(), billing.PaymentSystem{Code: "planned", Name: "Planned"})
			billingtest.ExpectError(w.T, err, nil)
			l.PaymentSystem = "planned"
		}, billing.ErrPaymentSystemUnavailable},
		"no token":    {func(_ *wallet, l *viewers.LinkToken) { l.Token = billing.Secret{} }, billing.ErrInvalid},
		"card number": {func(_ *wallet, l *viewers.LinkToken) { l.Token = billing.NewSecret(visaNumber) }, billing.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			cmd, r := linkToken(billingtest.Token), w.newRequest()
			cmd.Request = &r
			c.change(w, &cmd)
			_, err := w.methods().Link(t.Context(), cmd)
			billingtest.ExpectError(t, err, c.want)
			w.expectMethods()
			w.ExpectHistory()
			w.expectUnclaimed(r)
		})
	}
}

func TestLinkToken_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	ids := make([]billing.PaymentMethodID, 10)
	errs := billingtest.Concurrently(len(ids), func(i int) error {
		m, err := w.methods().Link(t.Context(), linkToken(billingtest.Token))
		ids[i] = m.ID
		return err
	})
	if err := errors.Join(errs...); err != nil || len(slices.Compact(ids)) != 1 {
		t.Errorf("payment methods %v, %v; want one", ids, err)
	}
	w.ExpectHistory(billing.EventMethodAdded)
}

func TestLinkToken_Limit(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.limits.Cards = billing.Limits{{Max: 2, Per: time.Hour}}
	token := func(n int) billing.Secret { return billing.NewSecret(fmt.Sprint("tok_", n)) }
	first := w.link(token(1))
	w.link(token(2))
	refused := func() {
		t.Helper()
		cmd, r := linkToken(token(3)), w.newRequest()
		cmd.Request = &r
		_, err := w.methods().Link(t.Context(), cmd)
		var limited *billing.LimitedError
		if !errors.As(err, &limited) || limited.RetryAfter != time.Hour {
			t.Errorf("got %v, want ErrRateLimited with a retry after an hour", err)
		}
		w.expectUnclaimed(r)
	}
	refused()
	if err := w.removeMethod(first.ID); err != nil { // a removed method still counts
		t.Fatal(err)
	}
	refused()
	w.link(token(2)) // a linked token does not count twice
	w.add(visa())    // cards have a count of their own
	w.ExpectHistory(billing.EventMethodAdded, billing.EventMethodAdded, billing.EventMethodRemoved, billing.EventCardAdded)
	w.Clock.Advance(time.Hour)
	w.link(token(3))
}

// A repeated request after a crash links the same method.
func TestLinkToken_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	atEveryStep(t, 2, func(t *testing.T, crash *billingtest.Crash) {
		w := newWallet(t)
		crashing := w.methods()
		crashing.Store = crash.Store(w.Store)
		cmd, r := linkToken(billingtest.Token), w.newRequest()
		cmd.Request = &r
		_, _ = crashing.Link(t.Context(), cmd)
		repeated := w.newRequest()
		if response, work, err := w.process().Replay(t.Context(), repeated); response != nil || work != nil || err != nil {
			t.Fatalf("Replay = %v, %v, %v, want nothing", response, work, err)
		}
		cmd.Request = &repeated
		if _, err := w.methods().Link(t.Context(), cmd); err != nil {
			t.Error(err)
		}
		w.ExpectHistory(billing.EventMethodAdded)
	})
}

// Another request with the same key waits for the first, and is then refused.
func TestLinkToken_KeyClaimCatchesRace(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	link := func(token string) error {
		cmd, r := linkToken(billing.NewSecret(token)), w.newRequest()
		cmd.Request = &r
		_, err := w.methods().Link(t.Context(), cmd)
		return err
	}
	billingtest.ExpectError(t, link("tok_1"), nil)
	billingtest.ExpectError(t, link("tok_2"), billing.ErrRequestInProgress)
	w.ExpectHistory(billing.EventMethodAdded)
}

func TestListMethods(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	pay := func(plan string, f billingtest.Fault) billing.SubscriptionID {
		t.Helper()
		w.AddPlan(plan)
		w.Provider.SetFault(f)
		cmd := subscribeWith(c)
		cmd.Plan = plan
		if _, err := w.process().Subscribe(t.Context(), cmd); err != nil && !errors.Is(err, billing.ErrPaymentDeclined) {
			t.Fatal(err)
		}
		return w.Subscriptions()[0].ID
	}
	unused := w.link(billing.NewSecret("tok_unused"))
	saved, pending := pay("saved", billingtest.NoFault), pay("pending", billingtest.NeedsConfirmation)
	notSaved := pay("not-saved", billingtest.CardNotSaved)
	pay("declined", billingtest.Decline)
	w.Provider.SetFault(billingtest.NoFault)
	w.MustSubscribe()
	byToken := w.Subscriptions()[0].ID
	w.cancel("basic", billing.AtPeriodEnd)
	w.expectMethods(
		method("token active - used by "+string(byToken)),
		method("card failed visa 4242"),
		method("card failed visa 4242 used by "+string(notSaved)),
		method("card pending visa 4242 used by "+string(pending)),
		method("card active visa 4242 used by "+string(saved)),
		method("token active -"),
	)
	w.Clock.Advance(billingtest.Month) // the cancelled subscriptions are over
	if err := w.removeMethod(unused.ID); err != nil {
		t.Fatal(err)
	}
	w.expectMethods(
		method("token active -"),
		method("card failed visa 4242"),
		method("card failed visa 4242"),
		method("card pending visa 4242 used by "+string(pending)),
		method("card active visa 4242 used by "+string(saved)),
	)
	if list, err := w.methods().List(t.Context(), otherViewer, ports.Page{Limit: 10}); err != nil || len(list) > 0 {
		t.Errorf("List of another viewer = %v, %v, want none", list, err)
	}
}

// method describes an entry of the list.
type method string

func describe(m viewers.Method) method {
	text := fmt.Sprintf("%s %s ", m.Kind(), m.Status())
	if m.Brand == "" {
		text += "-"
	} else {
		text += string(m.Brand) + " " + m.Last4
	}
	for _, id := range m.UsedBy {
		text += " used by " + string(id)
	}
	return method(text)
}

// expectMethods compares the list of the viewer's methods.
func (w *wallet) expectMethods(want ...method) {
	w.T.Helper()
	list, err := w.methods().List(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	var got []method
	for _, m := range list {
		got = append(got, describe(m))
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the payment methods are\n%q, want\n%q", got, want)
	}
}

func TestRemoveMethod(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	linked := w.link(billingtest.Token)
	w.MustSubscribe()
	billingtest.ExpectError(t, w.methods().Remove(t.Context(), otherViewer, linked.ID), billing.ErrPaymentMethodNotFound)
	billingtest.ExpectError(t, w.removeMethod("id-nothing"), billing.ErrPaymentMethodNotFound)
	w.ExpectHistory(billing.EventMethodAdded, billing.EventSubscribed)
	for range 2 {
		if err := w.removeMethod(linked.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.expectMethods()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		m, err := tx.Methods.Find(ctx, billingtest.Viewer, linked.ID)
		if m.RemovedAt.IsZero() || !m.Token.IsZero() {
			t.Errorf("the payment method is still %+v", m)
		}
		return err
	})

	// The paid period runs to its end, and is not renewed.
	w.expectStopped(billing.MethodRemoved)
	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Due != 0 || sum.Ended != 1 {
		t.Errorf("the summary is %+v", sum)
	}
	w.ExpectHistory(billing.EventMethodAdded, billing.EventSubscribed, billing.EventMethodRemoved, billing.EventCancelRequested, billing.EventEnded)
	w.ExpectCharges(1)

	if again := w.link(billingtest.Token); again.ID == linked.ID {
		t.Error("the token got the id of the removed method")
	}
}

// A viewer subscribes with the token after the removal has looked for subscriptions.
func TestRemoveMethod_CancelsConcurrentSubscribe(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	linked := w.link(billingtest.Token)
	err := w.removeMethodOver(hookedStore{w.Store, &hook{n: 1, f: func() { w.MustSubscribe() }}}, linked.ID)
	billingtest.ExpectError(t, err, nil)
	w.ExpectHistory(billing.EventMethodAdded, billing.EventSubscribed, billing.EventMethodRemoved, billing.EventCancelRequested)
	w.expectStopped(billing.MethodRemoved)
}

// The methods with the same token are removed, whichever of them is named. The card of
// the methods stays, and so do its other methods.
func TestRemoveMethod_RemovesSameTokens(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"card's method", "linked token"} {
		t.Run(named, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			c := w.add(visa())
			for _, plan := range []string{"by-token", "other-token"} {
				w.AddPlan(plan)
			}
			w.mustSubscribe(c)
			linked := w.link(billing.NewSecret("tok_for_" + string(w.Payments()[0].ID)))
			byToken, other := billingtest.SubscribeBasic(), subscribeWith(c)
			byToken.Plan, byToken.Token, other.Plan = "by-token", billing.NewSecret("tok_for_"+string(w.Payments()[0].ID)), "other-token"
			for _, cmd := range []viewers.Subscribe{byToken, other} {
				if _, err := w.process().Subscribe(t.Context(), cmd); err != nil {
					t.Fatal(err)
				}
			}
			id := linked.ID
			if named == "card's method" {
				id = w.Subscriptions()[2].MethodID
			}
			if err := w.removeMethod(id); err != nil {
				t.Fatal(err)
			}
			for _, s := range w.Subscriptions() {
				if s.CancelAtPeriodEnd != (s.PlanCode != "other-token") {
					t.Errorf("the subscription to %s is cancelled: %t", s.PlanCode, s.CancelAtPeriodEnd)
				}
			}
			w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventMethodAdded, billing.EventSubscribed, billing.EventSubscribed,
				billing.EventMethodRemoved, billing.EventMethodRemoved, billing.EventCancelRequested, billing.EventCancelRequested)
			w.Clock.Advance(billingtest.Month)
			if sum := w.renew(); sum.Due != 1 || sum.Renewed != 1 || sum.Ended != 2 {
				t.Errorf("the summary is %+v", sum)
			}
			if list, err := w.cards().List(t.Context(), billingtest.Viewer, ports.Page{Limit: 10}); err != nil || len(list) != 1 {
				t.Errorf("the cards are %+v, %v, want one", list, err)
			}
		})
	}
}

// The removal of a card waits for a payment by a method that was removed before.
func TestRemoveCard_WaitsForRemovedMethod(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	w.mustSubscribe(c)
	billingtest.ExpectError(t, w.removeMethod(w.Subscriptions()[0].MethodID), billing.ErrUnavailable)
	billingtest.ExpectError(t, w.remove(c), billing.ErrUnavailable)
	w.Provider.DeclineAll()
	w.Clock.Advance(billingtest.PastSendWindow)
	w.sweep()
	billingtest.ExpectError(t, w.remove(c), nil)
}
