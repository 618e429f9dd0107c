package admin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// overdue returns a user whose renewal was due a few days ago.
func (s *site) overdue(p billing.Plan) billing.UserID {
	s.t.Helper()
	return s.subscribedAt(p, wallClock{}.Now().AddDate(0, 0, -32))
}

// held returns a user whose renewal was declined on its due date, so that the
// subscription is on hold.
func (s *site) held(p billing.Plan, code billing.DeclineCode) billing.UserID {
	s.t.Helper()
	user := s.overdue(p)
	s.renewed(user, p, declined(code))
	return user
}

func declined(code billing.DeclineCode) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code}
}

// renewed renews a user's subscription on its due date, with this outcome.
func (s *site) renewed(user billing.UserID, p billing.Plan, o billing.Outcome) {
	s.t.Helper()
	s.charge(user, p, o, func(sub billing.Subscription, m billing.PaymentMethod) (billing.Subscription, billing.Payment, time.Time) {
		at := sub.Current.End
		sub, pay, _, billed := sub.Bill(billing.PaymentID(newID()), m, billing.Calendar{}, at)
		if !billed {
			s.t.Fatal("no renewal is due")
		}
		return sub, pay, at
	})
}

// paid lets a user pay for the subscription that is past due, with this outcome.
func (s *site) paid(user billing.UserID, p billing.Plan, o billing.Outcome) {
	s.t.Helper()
	s.charge(user, p, o, func(sub billing.Subscription, m billing.PaymentMethod) (billing.Subscription, billing.Payment, time.Time) {
		at := wallClock{}.Now()
		sub, pay, _, err := sub.Pay(billing.PayRequest{Payment: billing.PaymentID(newID()), Method: m, Shown: sub.Price}, billing.Calendar{}, at)
		if err != nil {
			s.t.Fatal(err)
		}
		return sub, pay, at
	})
}

// charge stores the payment that bill returns, and settles it at the time that bill
// returns.
func (s *site) charge(user billing.UserID, p billing.Plan, o billing.Outcome,
	bill func(billing.Subscription, billing.PaymentMethod) (billing.Subscription, billing.Payment, time.Time),
) {
	s.t.Helper()
	retries, err := billing.NewRetrySchedule(5*24*time.Hour, 10*24*time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	s.change(func(ctx context.Context, tx ports.Repos) ([]billing.Event, error) {
		sub, err := tx.Subscriptions.Named(ctx, user, p.Code)
		if err != nil {
			return nil, err
		}
		sub, pay, at := bill(sub, billing.PaymentMethod{ID: sub.MethodID, UserID: user, PaymentSystem: sub.PaymentSystem})
		if err := tx.Payments.Add(ctx, 0, pay); err != nil {
			return nil, err
		}
		sub, pay, events := sub.Settle(pay, o, retries, billing.Calendar{}, at)
		if err := tx.Payments.Save(ctx, pay); err != nil {
			return nil, err
		}
		return events, tx.Subscriptions.Save(ctx, sub)
	})
}

// replaced gives a user's subscription its own payment method again, which ends a hold.
func (s *site) replaced(user billing.UserID, p billing.Plan) {
	s.t.Helper()
	s.change(func(ctx context.Context, tx ports.Repos) ([]billing.Event, error) {
		sub, err := tx.Subscriptions.Named(ctx, user, p.Code)
		if err != nil {
			return nil, err
		}
		sub, events, err := sub.Replace(billing.PaymentMethod{ID: sub.MethodID}, wallClock{}.Now())
		if err != nil {
			return nil, err
		}
		return events, tx.Subscriptions.Save(ctx, sub)
	})
}

// change runs f in a transaction that also stores the events of f.
func (s *site) change(f func(context.Context, ports.Repos) ([]billing.Event, error)) {
	s.t.Helper()
	err := postgres.NewStore(s.owner).InTx(s.t.Context(), func(tx ports.Repos) error {
		events, err := f(s.t.Context(), tx)
		if err != nil {
			return err
		}
		ports.Identify(events, newID)
		return tx.Events.Append(s.t.Context(), events...)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func pageOf(user billing.UserID) string { return "/admin/info/users/detail?id=" + string(user) }

func TestUserPage_PastDue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	const (
		replace = "The viewer can pay with another card, or replace the payment method. Nothing is charged before that. If the viewer does nothing, the subscription ends on"
		confirm = "The viewer can pay and confirm the payment with the bank, or pay with another card. Nothing is charged before that."
	)
	for name, c := range map[string]struct {
		user       billing.UserID
		want, none []string
	}{
		"card expired": {
			s.held(p, billing.CardExpired),
			[]string{"gold past due, on hold Price", "Next charge none Access until", "Reason card expired Payment system", replace},
			[]string{"Next attempt", confirm},
		},
		"to be confirmed": {
			s.held(p, billing.AuthenticationRequired),
			[]string{"gold past due, on hold Price", "Next charge none Access until", "Reason confirmation by the viewer required Payment system", confirm},
			[]string{"Next attempt", replace},
		},
		"unknown code": {
			s.held(p, "card_melted"), // retried once
			[]string{"gold past due Price", "Next attempt"}, []string{"on hold"},
		},
		"no funds": {
			s.held(p, billing.InsufficientFunds),
			[]string{"gold past due Price", "Next attempt", "Access until"}, []string{"on hold", "Next charge", "The viewer can"},
		},
		"not renewed yet": {
			s.overdue(p), []string{"gold active Price", "Next charge"}, []string{"on hold", "Next attempt", "The viewer can"},
		},
	} {
		page := s.as("vera").get(pageOf(c.user))
		wantText(t, name, page, c.want...)
		for _, text := range c.none {
			if strings.Contains(page.text(), text) {
				t.Errorf("%s: the page contains %q", name, text)
			}
		}
	}
}

func TestUserPage_ViewerPays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	user := s.held(p, billing.CardExpired)
	vera := s.as("vera")
	wantText(t, "on hold", vera.get(pageOf(user)), "the viewer must act gold", "Nothing more is charged before the viewer acts. card expired")
	s.paid(user, p, declined(billing.InsufficientFunds))
	wantText(t, "declined", vera.get(pageOf(user)), "gold past due, on hold", "Reason card expired",
		"payment declined gold ₽399.00", "The viewer's own payment for plan gold, for", "the renewal was past due. insufficient funds", "The viewer can pay")
	s.paid(user, p, billing.Outcome{Status: billing.PaymentPending, ActionURL: "https://bank.example/3ds"})
	page := vera.get(pageOf(user))
	wantText(t, "pending", page, "gold past due, on hold", "Next charge a payment is pending", "Access until")
	if strings.Contains(page.text(), "The viewer can pay") {
		t.Error("the page asks for a payment while one is pending")
	}
}

func TestUserPage_HoldEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	paid, replaced := s.held(p, billing.CardExpired), s.held(p, billing.TokenInvalid)
	s.paid(paid, p, billing.Outcome{Status: billing.PaymentSucceeded, Amount: p.Price})
	s.replaced(replaced, p)
	vera := s.as("vera")
	wantText(t, "paid", vera.get(pageOf(paid)), "gold active Price", "renewed gold ₽399.00", "The viewer's own payment for plan gold", "the viewer must act")
	wantText(t, "replaced", vera.get(pageOf(replaced)), "gold past due Price", "Next attempt", "payment method replaced gold")
	wantText(t, "history", vera.get("/admin/info/history?type=payment_action_required"), "the viewer must act "+string(paid[:8]), "invalid token")
	wantText(t, "history", vera.get("/admin/info/history?type=method_replaced"), "payment method replaced "+string(replaced[:8]))
}

func TestDashboardPage_Holds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	wantNone := func(when string) {
		t.Helper()
		if text := s.as("vera").get("/admin").text(); strings.Contains(text, "on hold") {
			t.Errorf("%s the overview shows holds:\n%s", when, text)
		}
	}
	wantNone("at first")
	s.held(p, billing.InsufficientFunds) // is tried again
	wantNone("with a retry")
	for range 3 {
		s.held(p, billing.CardExpired)
	}
	s.held(p, billing.ActionExpired)
	if _, err := s.owner.Exec(t.Context(), `INSERT INTO renewal_runs (id, started_at, due, declined, held) VALUES ($1, now(), 7, 5, 4)`, newID()); err != nil {
		t.Fatal(err)
	}
	wantText(t, "overview", s.as("vera").get("/admin"), "Past due 5 on hold: 4",
		"On hold by reason card expired 3 75% not confirmed in time 1 25%", "Declined 5 On hold 4 Unknown 0")
}
