package admin_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/browsertest"
	"github.com/online-cinema/billing/core/billing"
)

// waiting lets the support ask for a whole period, so that an instruction waits for an
// approval.
func (s *site) waiting(user billing.UserID) {
	s.t.Helper()
	s.as("sonya").done(user, "give", url.Values{"length": {"period"}, "reason": {"two weeks without a picture"}})
}

// executing executes instructions as the API does, until the test ends.
func (s *site) executing() {
	x := s.executor()
	stopped := make(chan struct{})
	ctx := s.t.Context()
	go func() {
		defer close(stopped)
		for tick := time.Tick(100 * time.Millisecond); ; {
			select {
			case <-tick:
				_, _ = x.Execute(ctx, 100) // the pages show whether it works
			case <-ctx.Done():
				return
			}
		}
	}()
	s.t.Cleanup(func() { <-stopped })
}

// named gives a user a subject and a display name.
func (s *site) named(user billing.UserID, subject, display string) {
	s.t.Helper()
	if _, err := s.owner.Exec(s.t.Context(), "UPDATE users SET subject = $2, display = $3 WHERE id = $1", string(user), subject, display); err != nil {
		s.t.Fatal(err)
	}
}

// A person of the support helps a caller: one search by the e-mail address or the subject,
// why the viewer was charged, a refund, and three days. It takes less than a minute, in both
// languages, on a desktop and on a phone.
func TestBrowser_Support(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		language, search string
		screen           browsertest.Screen
		why              string
		refund, give     string // links
		refunded, given  string // results
		done             []string
	}{
		"English": {
			"en", "caller@example.com", browsertest.Screen{Width: 1440, Height: 900},
			"The first payment of plan gold", "Refund", "Give time",
			"₽100.00 of the payment of ₽399.00 goes back to the viewer, and the subscription to gold stays as it is.", "The viewer gets the time from",
			[]string{"Done: Give 3 days.", "Refund requested gold ₽100.00", "sonya: ticket 4711", "Time given gold"},
		},
		"Russian": {
			"ru", "auth0|4711", browsertest.Phone,
			"Первый платёж по тарифу gold", "Вернуть деньги", "Подарить время",
			"100,00 ₽ из платежа 399,00 ₽ вернётся зрителю, подписка на gold останется как есть.", "Зритель получит время с",
			[]string{"Выполнено: Подарить: 3 дня.", "Запрошен возврат gold 100,00 ₽", "sonya: ticket 4711", "Подарено время gold"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *admin.Config) { c.Await = time.Minute })
			user := s.subscribed(s.sell("gold", "Gold"))
			s.named(user, "auth0|4711", "caller@example.com")
			s.executing()
			w := s.window()
			w.Goto("/admin")
			w.fill(map[string]string{"username": "sonya", "password": goodPassword})
			w.Load("#sign-in")
			w.Load(`.side .languages button[value="` + c.language + `"]`)
			w.Resize(c.screen)
			began := time.Now()
			w.Run(chromedp.SendKeys("#find-text", c.search, chromedp.ByQuery))
			w.Load("#find")
			w.Sees(c.why)
			w.Shoot("found")
			follow := func(kind, link string) {
				t.Helper()
				w.Sees(link)
				w.Load(`a[href*="kind=` + kind + `"]`)
				w.Fits(kind)
			}
			confirm := func(want string) {
				t.Helper()
				w.Load("#check")
				w.Sees(want, "ticket 4711")
				w.Fits("confirmation")
				w.HasContrast("confirmation")
				w.Shoot(fmt.Sprintf("confirm-%s", c.language))
				w.Load("#confirm")
			}
			follow("refund", c.refund)
			w.fill(map[string]string{"amount": "100.00", "reason": "ticket 4711"})
			w.Run(chromedp.Click("#keep", chromedp.ByQuery))
			w.Shoot("refund")
			confirm(c.refunded)
			follow("give", c.give)
			w.fill(map[string]string{"days": "3", "reason": "ticket 4711"})
			w.Shoot("give")
			confirm(c.given)
			w.Sees(c.done...)
			w.Fits("viewer")
			w.HasContrast("viewer")
			w.Shoot("done")
			if took := time.Since(began); took > time.Minute {
				t.Errorf("helping the caller took %s, want less than a minute", took)
			}
			w.Done()
		})
	}
}

// Each action works in a browser: cancel, take back, retry, end now, settle and remove.
func TestBrowser_Actions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.Await = time.Minute })
	p := s.sell("gold", "Gold")
	s.executing()
	active, pastDue := s.subscribed(p), s.held(p, billing.InsufficientFunds)
	w := s.window()
	w.signIn("sonya")
	for _, c := range []struct {
		user       billing.UserID
		kind, want string
	}{
		{active, "cancel", "gold ends with the period"}, {active, "resume", "gold active"}, {active, "unlink", "No payment methods."}, {active, "cancel_now", "gold ended"},
		{pastDue, "retry", "Charge requested again gold"},
	} {
		w.Goto(pageOf(c.user))
		w.Load(`a[href*="kind=` + c.kind + `&"]`)
		w.Load("#check") // without a reason
		w.Sees("must have 1 to 500 characters")
		w.HasContrast("refused form")
		w.fill(map[string]string{"reason": "ticket 4711"})
		w.Load("#check")
		w.Load("#confirm")
		w.Sees("Done:", c.want, "sonya: ticket 4711")
	}
	w.Shoot("history")
	w.Done()
}

// An editor approves by the keyboard.
func TestBrowser_Approval(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.Await = time.Minute })
	user := s.subscribed(s.sell("gold", "Gold"))
	s.waiting(user)
	s.executing()
	w := s.window()
	w.signIn("anna")
	w.Goto("/admin/info/approvals")
	w.Sees("Give one period", "sonya, support: two weeks without a picture")
	w.Shoot("approvals")
	w.ShowsFocus("approvals")
	w.Run(chromedp.Focus(`button[value="approve"]`, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	w.WaitFor("Done: Give one period.")
	w.Sees("approved by anna", "Time given gold")
	w.Done()
}
