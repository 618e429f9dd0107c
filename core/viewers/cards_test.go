package viewers_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	visaNumber  = "4242424242424242"
	otherViewer = billing.UserID("22222222-2222-2222-2222-222222222222")
)

// wallet is a world with cards: its processes have a vault and card limits.
type wallet struct {
	world
	vault  *vault.Vault
	limits billing.CardLimits
	wait   time.Duration
	// cancels makes removals cancel payments that wait for the viewer.
	cancels bool
	// recording stores the outcomes of these cancels; nil for the store of the wallet.
	recording ports.Store
}

func newWallet(t *testing.T) *wallet {
	t.Helper()
	v, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	return &wallet{world: newWorld(t), vault: v}
}

// cards returns a new process. Its pauses advance the clock instead of sleeping.
func (w *wallet) cards() *viewers.Cards {
	return &viewers.Cards{
		Store: w.Store, Clock: w.Clock, NewID: w.NewID, Vault: w.vault, Limits: w.limits, Wait: w.wait, Forgetters: w.forgetters(), Collector: w.canceller(),
		Pause: func(_ context.Context, d time.Duration) error { w.Clock.Advance(d); return nil },
	}
}

// canceller returns the collector of a new process, or nil if removals do not cancel.
func (w *wallet) canceller() *payments.Collector {
	if !w.cancels {
		return nil
	}
	return w.processWith(cmp.Or(w.recording, ports.Store(w.Store)), w.Provider).Collector
}

// forgetters are the payment systems that forget tokens.
func (w *wallet) forgetters() map[string]ports.Forgetter {
	return map[string]ports.Forgetter{w.Provider.Code: w.Provider}
}

func (w *wallet) process() process { return w.processWith(w.Store, w.Provider) }

func (w *wallet) processWith(s ports.Store, p ports.Provider) process {
	pr := w.ProcessOver(&noWaitStore{s, func() {}}, p)
	pr.Collector.Vault, pr.Subscriber.Limits = w.vault, w.limits
	return pr
}

// noWaitStore stops a renewal run when it begins to wait for unsettled payments,
// because the clock stands still.
type noWaitStore struct {
	ports.Store
	stop func()
}

func (s *noWaitStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	waits := false
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Leases = waitNotingLeases{tx.Leases, &waits}
		return f(tx)
	})
	if waits {
		s.stop()
	}
	return err
}

// waitNotingLeases notes the query that a run makes before it waits.
type waitNotingLeases struct {
	ports.PaymentLeases
	waits *bool
}

func (p waitNotingLeases) MaxSendRemaining(context.Context) (time.Duration, error) {
	*p.waits = true
	return 0, nil
}

func visa() billing.CardDetails {
	return billing.CardDetails{Number: billing.ParseCardNumber(visaNumber), ExpMonth: 12, ExpYear: 2030, Holder: "A VIEWER"}
}

func (w *wallet) add(d billing.CardDetails) billing.Card {
	w.T.Helper()
	c, _, err := w.cards().Add(w.T.Context(), viewers.AddCard{User: billingtest.Viewer, Card: d})
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// subscribeWith is the command by which the viewer subscribes with a card.
func subscribeWith(c billing.Card) viewers.Subscribe {
	s := billingtest.SubscribeBasic()
	s.Token, s.Card, s.CVV = billing.Secret{}, c.ID, billing.NewCVV("737")
	return s
}

func (w *wallet) subscribe(c billing.Card) error {
	_, err := w.process().Subscribe(w.T.Context(), subscribeWith(c))
	return err
}

func (w *wallet) mustSubscribe(c billing.Card) {
	w.T.Helper()
	if err := w.subscribe(c); err != nil {
		w.T.Fatal(err)
	}
}

// run makes a renewal run in the given process.
func (w *wallet) run(p process) (ports.Summary, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.T.Context()))
	defer cancel()
	p.Collector.Store.(*noWaitStore).stop = cancel
	r := &renewals.Renewer{
		Store: p.Collector.Store, Clock: w.Clock, NewID: w.NewID, Collector: p.Collector,
		Log: slog.New(slog.DiscardHandler), Concurrency: 2,
	}
	return r.Run(ctx)
}

func (w *wallet) renew() ports.Summary {
	w.T.Helper()
	sum, err := w.run(w.process())
	if err != nil {
		w.T.Errorf("renew: %v", err)
	}
	return sum
}

func (w *wallet) remove(c billing.Card) error {
	return w.cards().Remove(context.WithoutCancel(w.T.Context()), billingtest.Viewer, c.ID)
}

func TestAddCard(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	d := visa()
	c, added, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: d})
	if err != nil || !added || c.Brand != billing.Visa || c.Last4 != "4242" || c.Holder != "A VIEWER" {
		t.Fatalf("Add = %+v, %t, %v", c, added, err)
	}
	if !d.Number.IsZero() {
		t.Error("the number was not wiped")
	}
	if len(c.Number.Ciphertext) == 0 || c.Fingerprint == (billing.Fingerprint{}) {
		t.Error("the card has no ciphertext or no fingerprint")
	}
	w.ExpectHistory(billing.EventCardAdded)

	again := visa()
	again.ExpYear, again.Holder = 2031, "ANOTHER NAME"
	same, added, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: again})
	if err != nil || added || same.ID != c.ID || same.ExpYear != 2031 || same.Holder != "ANOTHER NAME" {
		t.Errorf("Add of the same card = %+v, %t, %v", same, added, err)
	}
	theirs, added, err := w.cards().Add(t.Context(), viewers.AddCard{User: otherViewer, Card: visa()})
	if err != nil || !added || theirs.ID == c.ID || theirs.Fingerprint == c.Fingerprint {
		t.Errorf("Add of another viewer's card = %+v, %t, %v", theirs, added, err)
	}
	list, err := w.cards().List(t.Context(), billingtest.Viewer, ports.Page{Limit: 10})
	if err != nil || len(list) != 1 || list[0].ID != c.ID || list[0].ExpYear != 2031 {
		t.Errorf("List = %+v, %v, want the updated card", list, err)
	}
	w.ExpectHistory(billing.EventCardAdded)
}

func TestAddCard_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	ids := make([]billing.CardID, 10)
	errs := billingtest.Concurrently(len(ids), func(i int) error {
		c, _, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: visa()})
		ids[i] = c.ID
		return err
	})
	if err := errors.Join(errs...); err != nil || len(slices.Compact(ids)) != 1 {
		t.Errorf("cards %v, %v; want one", ids, err)
	}
	w.ExpectHistory(billing.EventCardAdded)
}

func TestSubscribe_WithCard(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	cmd := subscribeWith(w.add(visa()))
	v, err := w.process().Subscribe(t.Context(), cmd)
	if err != nil || v.Status != billing.StatusActive {
		t.Fatalf("Subscribe = %s, %v", v.Status, err)
	}
	if !slices.Equal(w.Provider.Cards, []string{visaNumber + " 737"}) {
		t.Errorf("the payment system received %v", w.Provider.Cards)
	}
	r := w.Provider.Requests()[0]
	if r.Initiator != billing.CustomerInitiated || !r.Card.Number.IsZero() || !r.Card.CVV.IsZero() || !cmd.CVV.IsZero() {
		t.Error("the card was not wiped after the call")
	}

	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Renewed != 1 {
		t.Fatalf("the summary is %+v, want one renewed", sum)
	}
	r = w.Provider.Requests()[1]
	if r.Card != nil || r.Initiator != billing.MerchantInitiated || r.Token.Reveal() != "tok_for_"+string(v.Latest.ID) {
		t.Errorf("the renewal is %+v with the token %q", r, r.Token.Reveal())
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventRenewed)
	w.ExpectReconciled()
}

func TestSubscribe_CardResponseLost(t *testing.T) {
	t.Parallel()
	for m, want := range map[billingtest.Fault]billing.EventType{
		billingtest.ResponseLost: billing.EventSubscribed, billingtest.HangsAfterCharge: billing.EventSubscribed,
		billingtest.RequestLost: billing.EventPaymentAbandoned, billingtest.HangsBeforeCharge: billing.EventPaymentAbandoned,
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			c := w.add(visa())
			w.Provider.SetFault(m)
			p := w.process()
			p.Collector.ChargeTimeout = 20 * time.Millisecond
			if v, err := p.Subscribe(t.Context(), subscribeWith(c)); err != nil || v.Status != billing.StatusIncomplete {
				t.Errorf("Subscribe = %s, %v; want incomplete", v.Status, err)
			}
			w.Provider.SetFault(billingtest.NoFault)
			for range 5 {
				if _, err := w.process().Sweep(t.Context(), 10, 16); err != nil {
					t.Error(err)
				}
				w.renew()
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one: a card cannot be sent again", n)
			}
			w.ExpectHistory(billing.EventCardAdded, want)
			w.ExpectReconciled()
			if want == billing.EventSubscribed { // the lookup returns the token
				w.Clock.Advance(billingtest.Month)
				if sum := w.renew(); sum.Renewed != 1 {
					t.Errorf("the summary is %+v, want one renewed", sum)
				}
			}
		})
	}
}

func TestSubscribe_CardNotSaved(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.Provider.SetFault(billingtest.CardNotSaved)
	w.mustSubscribe(w.add(visa()))
	w.expectStopped(billing.MethodNotSaved)
	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Ended != 1 || sum.Due != 0 {
		t.Errorf("the summary is %+v, want one ended", sum)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
	w.ExpectCharges(1)
}

// A sweep settles the first payment by a card that the payment system did not save.
func TestSweep_CardNotSaved(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	w.mustSubscribe(w.add(visa()))
	w.Provider.ConfirmAll() // without a token
	w.Clock.Advance(billingtest.PastSendWindow)
	w.sweep()
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCancelRequested)
	w.expectStopped(billing.MethodNotSaved)
}

func TestSubscribe_CardRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*wallet, *viewers.Subscribe)
		want   error
	}{
		"unknown card":          {func(_ *wallet, s *viewers.Subscribe) { s.Card = "id-nothing" }, billing.ErrCardNotFound},
		"another viewer's card": {func(_ *wallet, s *viewers.Subscribe) { s.User = otherViewer }, billing.ErrCardNotFound},
		"no CVV":                {func(_ *wallet, s *viewers.Subscribe) { s.CVV = billing.CVV{} }, billing.ErrInvalid},
		"CVV too long":          {func(_ *wallet, s *viewers.Subscribe) { s.CVV = billing.NewCVV("1234") }, billing.ErrInvalid},
		"expired since":         {func(w *wallet, _ *viewers.Subscribe) { w.Clock.Advance(5 * 365 * 24 * time.Hour) }, billing.ErrInvalid},
		"removed since": {func(w *wallet, s *viewers.Subscribe) {
			if err := w.remove(billing.Card{ID: s.Card}); err != nil {
				w.T.Error(err)
			}
		}, billing.ErrCardNotFound},
		"another price": {func(_ *wallet, s *viewers.Subscribe) { s.Price.Amount++ }, billing.ErrPriceChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			cmd := subscribeWith(w.add(visa()))
			c.change(w, &cmd)
			cvv := cmd.CVV
			_, err := w.process().Subscribe(t.Context(), cmd)
			billingtest.ExpectError(t, err, c.want)
			if !cvv.IsZero() {
				t.Error("the CVV was not wiped")
			}
			if len(w.Provider.Requests())+len(w.Payments())+len(w.Subscriptions()) > 0 {
				t.Error("a charge was sent, or a payment or subscription stored")
			}
		})
	}
	t.Run("no vault", func(t *testing.T) {
		t.Parallel()
		w := newWallet(t)
		cmd := subscribeWith(w.add(visa()))
		_, err := w.ProcessOver(w.Store, w.Provider).Subscribe(t.Context(), cmd)
		billingtest.ExpectError(t, err, billing.Unavailable)
		w.ExpectCharges(0)
	})
}

// A card that cannot be decrypted is not charged.
func TestSubscribe_CardDecryptionFails(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	other, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	p := w.process()
	p.Collector.Vault = other
	_, err = p.Subscribe(t.Context(), subscribeWith(c))
	billingtest.ExpectError(t, err, billing.Unavailable)
	if n := len(w.Provider.Requests()); n > 0 {
		t.Errorf("%d charges were sent, want none", n)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventPaymentAbandoned)
	w.mustSubscribe(c) // with the right vault
}

func TestDeclineLimit(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.limits.Declines = billing.Limits{{Max: 3, Per: time.Hour}, {Max: 5, Per: 24 * time.Hour}}
	c := w.add(visa())
	refused := func(wait time.Duration) {
		t.Helper()
		err := w.subscribe(c)
		var limited *billing.LimitedError
		if !errors.As(err, &limited) || limited.RetryAfter != wait || !errors.Is(err, billing.ErrRateLimited) {
			t.Fatalf("got %v, want ErrRateLimited with a retry after %v", err, wait)
		}
	}
	w.Provider.SetFault(billingtest.Decline)
	for range 3 {
		w.Clock.Advance(time.Minute)
		billingtest.ExpectError(t, w.subscribe(c), billing.ErrPaymentDeclined)
	}
	for i := range 3 {
		w.Clock.Advance(time.Minute)
		refused(time.Hour - time.Duration(3+i)*time.Minute)
	}
	declined := []billing.EventType{billing.EventCardAdded, billing.EventPaymentDeclined, billing.EventPaymentDeclined, billing.EventPaymentDeclined}
	w.ExpectHistory(append(declined, billing.EventDeclineLimitReached)...)
	if n := len(w.Provider.Requests()); n != 3 {
		t.Errorf("%d charges were sent, want 3", n)
	}

	// The limit applies to payments with a token, too.
	_, err := w.process().Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, billing.ErrRateLimited)

	// After an hour two more declines fit into the limit per day. Reaching the limit
	// again appends another event.
	w.Clock.Advance(time.Hour)
	for range 2 {
		billingtest.ExpectError(t, w.subscribe(c), billing.ErrPaymentDeclined)
	}
	w.Clock.Advance(time.Second)
	for range 2 {
		if err := w.subscribe(c); !errors.Is(err, billing.ErrRateLimited) {
			t.Errorf("got %v, want ErrRateLimited", err)
		}
	}
	w.ExpectHistory(append(declined, billing.EventDeclineLimitReached, billing.EventPaymentDeclined,
		billing.EventPaymentDeclined, billing.EventDeclineLimitReached)...)
	w.Clock.Advance(24 * time.Hour)
	w.Provider.SetFault(billingtest.NoFault)
	w.mustSubscribe(c)
}

func TestDeclineLimit_Tokens(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.limits.Declines = billing.Limits{{Max: 3, Per: time.Hour}}
	p := w.process()
	w.Provider.SetFault(billingtest.Decline)
	subscribe := func(i int) error {
		cmd := billingtest.SubscribeBasic()
		cmd.Token = billing.NewSecret(fmt.Sprintf("tok_stolen_%d", i))
		_, err := p.Subscribe(t.Context(), cmd)
		return err
	}
	for i := range 3 {
		billingtest.ExpectError(t, subscribe(i), billing.ErrPaymentDeclined)
	}
	for i := range 2 {
		billingtest.ExpectError(t, subscribe(3+i), billing.ErrRateLimited)
	}
	if n := len(w.Provider.Requests()); n != 3 {
		t.Errorf("%d charges were sent, want 3", n)
	}
	w.Clock.Advance(time.Hour)
	billingtest.ExpectError(t, subscribe(5), billing.ErrPaymentDeclined)
}

// Pending payments count, so concurrent requests cannot exceed the limit.
func TestDeclineLimit_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.limits.Declines = billing.Limits{{Max: 3, Per: time.Hour}}
	c := w.add(visa())
	w.Provider.SetFault(billingtest.Decline)
	const plans = 12
	for i := range plans {
		w.AddPlan(fmt.Sprintf("plan-%d", i))
	}
	// No charge gets a response before every request was charged or refused.
	var arrived sync.WaitGroup
	arrived.Add(plans)
	w.Provider.OnCharge = func() { arrived.Done(); arrived.Wait() }
	errs := billingtest.Concurrently(plans, func(i int) error {
		cmd := subscribeWith(c)
		cmd.Plan = fmt.Sprintf("plan-%d", i)
		_, err := w.process().Subscribe(t.Context(), cmd)
		if errors.Is(err, billing.ErrRateLimited) {
			arrived.Done()
		}
		return err
	})
	for _, err := range errs {
		if !errors.Is(err, billing.ErrPaymentDeclined) && !errors.Is(err, billing.ErrRateLimited) {
			t.Errorf("got %v, want ErrPaymentDeclined or ErrRateLimited", err)
		}
	}
	if n := len(w.Provider.Requests()); n != 3 {
		t.Errorf("%d charges were sent, want 3", n)
	}
	events, err := w.Queries().History(t.Context(), billingtest.Viewer, ports.Page{Limit: 1000})
	got := map[billing.EventType]int{} // the limit event may come between the declines
	for _, e := range events {
		got[e.Type]++
	}
	want := map[billing.EventType]int{billing.EventAgreed: 3, billing.EventCardAdded: 1, billing.EventDeclineLimitReached: 1, billing.EventPaymentDeclined: 3}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("the history has %v, %v, want %v", got, err, want)
	}
}

func TestNewCardLimit(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.limits.Cards = billing.Limits{{Max: 2, Per: time.Hour}}
	first := w.add(visa())
	other := visa()
	other.Number = billing.ParseCardNumber("5555555555554444")
	w.add(other)
	third := func() error {
		d := visa()
		d.Number = billing.ParseCardNumber("2200000000000053")
		_, _, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: d})
		return err
	}
	for range 3 {
		billingtest.ExpectError(t, third(), billing.ErrRateLimited)
	}
	if err := w.remove(first); err != nil { // a removed card still counts
		t.Fatal(err)
	}
	billingtest.ExpectError(t, third(), billing.ErrRateLimited)
	if again := visa(); true {
		again.Number = billing.ParseCardNumber("5555555555554444")
		w.add(again) // an existing card does not count twice
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventCardAdded, billing.EventCardLimitReached, billing.EventCardRemoved)
	w.Clock.Advance(time.Hour)
	if err := third(); err != nil {
		t.Errorf("Add after an hour: %v", err)
	}
}
