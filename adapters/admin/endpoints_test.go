package admin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// addEndpoint adds an endpoint as billingctl does, and returns it with its secret.
func (s *site) addEndpoint(types ...billing.EventType) (billing.Endpoint, string) {
	s.t.Helper()
	c := operators.Endpoints{
		Store: postgres.NewStore(s.owner), Clock: wallClock{}, Wall: time.Now, NewID: newID,
		Random: func(n int) []byte { return []byte(strings.Repeat("s", n)) }, By: operators.CLIOperator(),
	}
	e, secret, err := c.Add(s.t.Context(), "https://crm.example/billing?team=<b>", types...)
	if err != nil {
		s.t.Fatal(err)
	}
	return e, secret.Reveal()
}

func (s *site) endpoint(id billing.EndpointID) (e billing.Endpoint) {
	s.t.Helper()
	err := s.store.InTx(s.t.Context(), func(tx ports.Repos) (err error) {
		e, err = tx.Endpoints.Lock(context.WithoutCancel(s.t.Context()), id)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func TestBrowser_Endpoints(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e, secret := s.addEndpoint(billing.EventRenewed, billing.EventEnded)
	w := s.window()
	w.signIn("anna")
	w.Goto("/admin/info/endpoints")
	w.Sees("https://crm.example/billing?team=<b>", "renewed, ended", "delivers")
	w.Shoot("list")
	manage := "/admin/info/endpoints/manage?id=" + string(e.ID)
	w.Goto(manage)
	w.Load("#disable")
	w.Sees("is disabled", "disabled")
	w.Goto(manage)
	w.Load("#enable")
	w.Sees("receives events again")
	w.Goto(manage)
	w.Load("#test")
	w.Sees("is being tested", "sent")
	w.Goto(manage)
	w.Shoot("manage")
	w.Run(chromedp.SetValue("#from", "2026-01-31", chromedp.ByQuery))
	w.Load("#replay")
	w.Sees("all events since the chosen day")
	if got := s.endpoint(e.ID); !got.ReplayFrom.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) || got.TestAskedAt.IsZero() || !got.DisabledAt.IsZero() {
		t.Errorf("the endpoint is %+v", got)
	}
	w.Goto("/admin/info/audit")
	w.Sees("endpoint disabled", "endpoint enabled", "endpoint tested", "events delivered again")
	for _, path := range []string{"/admin/info/endpoints", manage, "/admin/info/audit"} {
		var page string
		w.Goto(path)
		w.Run(chromedp.OuterHTML("html", &page))
		if strings.Contains(page, secret) || strings.Contains(page, "whsec_") {
			t.Errorf("%s shows a secret", path)
		}
	}
}

func TestEndpoints_ReaderCannotChange(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e, _ := s.addEndpoint()
	b := s.browser()
	b.signIn("vera", goodPassword)
	if r := b.get("/admin/info/endpoints"); r.status != http.StatusOK || !strings.Contains(r.body, "crm.example") || strings.Contains(r.body, "/manage") {
		t.Errorf("the list of a reader: %d", r.status)
	}
	for _, change := range []string{"test", "disable", "enable", "replay"} {
		form := url.Values{"id": {string(e.ID)}}
		if change == "replay" {
			form.Set("from", "2026-01-31")
		}
		if r := b.submit("/admin/endpoints/"+change, form); r.status != http.StatusForbidden {
			t.Errorf("%s by a reader: %d, want 403", change, r.status)
		}
	}
	if got := s.endpoint(e.ID); !got.DisabledAt.IsZero() || !got.TestAskedAt.IsZero() || !got.ReplayFrom.IsZero() {
		t.Errorf("the endpoint is %+v", got)
	}
}

func TestEndpoints_WrongForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e, _ := s.addEndpoint()
	b := s.browser()
	b.signIn("anna", goodPassword)
	for form, want := range map[string]int{
		"id=" + string(e.ID) + "&from=":           http.StatusUnprocessableEntity,
		"id=" + string(e.ID) + "&from=yesterday":  http.StatusUnprocessableEntity,
		"id=" + string(e.ID) + "&from=2999-01-01": http.StatusUnprocessableEntity,
		"id=x&from=2026-01-31":                    http.StatusNotFound,
		"id=" + newID() + "&from=2026-01-31":      http.StatusNotFound,
		"id=" + string(e.ID) + "&from=2026-01-31": http.StatusSeeOther,
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		if r := b.submit("/admin/endpoints/replay", values); r.status != want {
			t.Errorf("%s: %d, want %d", form, r.status, want)
		} else if want == http.StatusUnprocessableEntity {
			wantText(t, form, r, "Choose today or an earlier day.", "Deliver again")
		}
	}
}

// The store counts the events up to a limit, so the list does not show the limit as their
// exact number.
func TestEndpoints_ManyEventsBehind(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e, _ := s.addEndpoint(billing.EventRenewalReminder)
	user := s.subscribed(s.sell("gold", "Gold"))
	remind := func(n int) {
		t.Helper()
		_, err := s.owner.Exec(t.Context(), `INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, amount, currency, decline_code, reason, charge_at)
			SELECT user_id, (left($2, 24) || lpad(to_hex(n), 12, '0'))::uuid, 'renewal_reminder', now(), id, 'gold', 39900, 'RUB', '', 'law', '2031-05-07Z'
			FROM subscriptions, generate_series(1, $3::int) AS n WHERE user_id = $1`, string(user), newID(), n)
		if err != nil {
			t.Fatal(err)
		}
	}
	vera := s.as("vera")
	remind(ports.MaxBehind - 1)
	wantText(t, "before the limit", vera.get("/admin/info/endpoints"), e.URL+" renewal_reminder delivers 9,999 ")
	remind(1)
	wantText(t, "at the limit", vera.get("/admin/info/endpoints"), "delivers 10,000 or more ")
	vera.post("/admin/language", url.Values{"language": {"ru"}})
	wantText(t, "at the limit, in Russian", vera.get("/admin/info/endpoints"), "доставляет 10 000 или больше ")
}
