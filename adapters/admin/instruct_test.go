package admin_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// executor executes instructions with the rights of the API.
func (s *site) executor() operators.Executor {
	s.t.Helper()
	pool, err := postgres.OpenRole(s.t.Context(), s.db, postgres.APIRole)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(pool.Close)
	store := postgres.NewStore(pool)
	return operators.Executor{
		Support:  operators.Support{Store: store, Clock: wallClock{}, NewID: newID},
		Payments: operators.Payments{Collector: &payments.Collector{Store: store, Clock: wallClock{}, NewID: newID, Log: slog.New(slog.DiscardHandler)}},
		Methods:  &viewers.Methods{Store: store, Clock: wallClock{}, NewID: newID},
	}
}

// execute executes the open instructions.
func (s *site) execute() operators.Executed {
	s.t.Helper()
	got, err := s.executor().Execute(s.t.Context(), 100)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// target returns the id of the record that an instruction of this kind is about.
func (s *site) target(user billing.UserID, kind string) string {
	s.t.Helper()
	subs, err := s.store.Views().Subscriptions(s.t.Context(), user, ports.Page{Limit: 1})
	if err != nil || len(subs) != 1 {
		s.t.Fatal(subs, err)
	}
	switch kind {
	case "refund", "settle":
		return string(subs[0].LatestPaymentID)
	case "unlink":
		return string(subs[0].MethodID)
	}
	return string(subs[0].ID)
}

func (s *site) formOf(user billing.UserID, kind string) string {
	s.t.Helper()
	return "/admin/info/instruct?" + url.Values{"kind": {kind}, "user": {string(user)}, "target": {s.target(user, kind)}}.Encode()
}

// instruct fills the form of an instruction, confirms it, and returns the response to that.
func (b *browser) instruct(user billing.UserID, kind string, fill url.Values) response {
	b.t.Helper()
	form := b.fields(b.formOf(user, kind))
	for field, values := range fill {
		form[field] = values
	}
	if check := b.post("/admin/instruct/check", form); check.status != http.StatusOK {
		return check
	}
	return b.post("/admin/instruct/submit", form)
}

// done confirms an instruction, lets the API execute it, and returns the viewer's page.
func (b *browser) done(user billing.UserID, kind string, fill url.Values) response {
	b.t.Helper()
	submitted := b.instruct(user, kind, fill)
	wantStatus(b.t, kind, submitted, http.StatusSeeOther)
	b.execute()
	return b.get(submitted.header.Get("Location"))
}

func TestInstruct_Actions(t *testing.T) {
	t.Parallel()
	// The subtests share the database, so one may execute the instruction of another.
	s := newSite(t, func(c *admin.Config) { c.Await = time.Minute })
	p := s.sell("gold", "Gold")
	reason := url.Values{"reason": {"ticket 4711"}}
	with := func(pairs ...string) url.Values {
		v := url.Values{"reason": {"ticket 4711"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for name, c := range map[string]struct {
		user   billing.UserID
		kind   string
		fill   url.Values
		result string // on the page that asks for the confirmation
		want   []string
	}{
		"cancel":     {s.subscribed(p), "cancel", reason, "The subscription to gold ends on", []string{"gold ends with the period", "cancelled gold", "sonya: ticket 4711"}},
		"cancel now": {s.subscribed(p), "cancel_now", reason, "The subscription to gold ends at once", []string{"gold ended"}},
		"give":       {s.subscribed(p), "give", with("days", "3"), "The viewer gets the time from", []string{"time given gold", "Give 3 days done"}},
		"refund":     {s.subscribed(p), "refund", with("amount", "100,50", "access", "keep"), "₽100.50 of the payment of ₽399.00 goes back to the viewer, and the subscription to gold stays as it is.", []string{"gold active", "Refund ₽100.50 pending", "sonya: ticket 4711"}},
		"refund end": {s.subscribed(p), "refund", with("access", "end"), "₽399.00 of the payment of ₽399.00 goes back to the viewer, and the subscription to gold ends at once.", []string{"gold ended", "Refund ₽399.00 pending"}},
		"unlink":     {s.subscribed(p), "unlink", reason, "so the subscription to gold ends on", []string{"payment method removed", "gold ends with the period", "No payment methods."}},
		"retry":      {s.held(p, billing.InsufficientFunds), "retry", reason, "The next run charges ₽399.00 for gold", []string{"charge requested again gold"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := *s
			own.t = t
			b := own.as("sonya")
			form := b.fields(b.formOf(c.user, c.kind))
			for field, values := range c.fill {
				form[field] = values
			}
			check := b.post("/admin/instruct/check", form)
			wantStatus(t, "confirmation", check, http.StatusOK)
			wantText(t, "confirmation", check, c.result, "Reason: ticket 4711")
			page := b.done(c.user, c.kind, c.fill)
			wantText(t, "page", page, append(c.want, "Done:", "Instructions")...)
		})
	}
}

func TestInstruct_TakeCancelBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	sonya := s.as("sonya")
	sonya.done(user, "cancel", url.Values{"reason": {"asked by phone"}})
	page := sonya.done(user, "resume", url.Values{"reason": {"stays"}})
	wantText(t, "page", page, "gold active", "cancellation revoked gold", "sonya: stays")
	wantText(t, "history of all users", sonya.get("/admin/info/history?type=cancel_revoked"), "cancellation revoked "+string(user[:8]), "sonya stays")
	sonya.done(user, "cancel", url.Values{"reason": {"asked again"}})
	refused := sonya.instruct(user, "cancel", url.Values{"reason": {"again"}})
	wantStatus(t, "a second cancel", refused, http.StatusConflict)
	wantText(t, "a second cancel", refused, "It was so already")
}

func TestInstruct_FormTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	sonya := s.as("sonya")
	form := sonya.fields(sonya.formOf(user, "give"))
	form.Set("days", "3")
	form.Set("reason", "ticket 4711")
	for range 2 {
		wantStatus(t, "the form", sonya.post("/admin/instruct/submit", form), http.StatusSeeOther)
		s.execute()
	}
	if n := strings.Count(sonya.get(pageOf(user)).text(), "time given"); n != 1 {
		t.Errorf("time is given %d times, want once", n)
	}
	form.Set("days", "4")
	wantStatus(t, "the form with other values", sonya.post("/admin/instruct/submit", form), http.StatusConflict)
}

func TestInstruct_Refusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	sonya := s.as("sonya")
	for name, c := range map[string]struct {
		kind   string
		fill   url.Values
		status int
		text   string
	}{
		"no reason":       {"cancel", url.Values{"reason": {" "}}, http.StatusUnprocessableEntity, "must have 1 to 500 characters"},
		"a card number":   {"cancel", url.Values{"reason": {"card 4242 4242 4242 4242"}}, http.StatusUnprocessableEntity, "must not contain what could be a card number"},
		"no days":         {"give", url.Values{"reason": {"x"}}, http.StatusUnprocessableEntity, "must be a number from 1 to 366"},
		"too many days":   {"give", url.Values{"reason": {"x"}, "days": {"367"}}, http.StatusUnprocessableEntity, "must be a number from 1 to 366"},
		"no choice":       {"refund", url.Values{"reason": {"x"}}, http.StatusUnprocessableEntity, "choose what happens to the subscription"},
		"no amount":       {"refund", url.Values{"reason": {"x"}, "access": {"keep"}, "amount": {"much"}}, http.StatusUnprocessableEntity, "must be a number above 0"},
		"too much":        {"refund", url.Values{"reason": {"x"}, "access": {"keep"}, "amount": {"399.01"}}, http.StatusConflict, "399.00 RUB can still be refunded"},
		"nothing due":     {"retry", url.Values{"reason": {"x"}}, http.StatusConflict, "not past due"},
		"settled already": {"settle", url.Values{"reason": {"x"}, "as": {"declined"}}, http.StatusConflict, "The payment is succeeded already"},
	} {
		got := sonya.instruct(user, c.kind, c.fill)
		wantStatus(t, name, got, c.status)
		wantText(t, name, got, c.text)
		if strings.Contains(got.body, "4242") {
			t.Errorf("%s: the page repeats the card number", name)
		}
	}
	for name, path := range map[string]string{
		"unknown kind":   "/admin/info/instruct?kind=charge&user=" + string(user) + "&target=" + s.target(user, "cancel"),
		"unknown target": "/admin/info/instruct?kind=cancel&user=" + string(user) + "&target=" + newID(),
		"another viewer": "/admin/info/instruct?kind=cancel&user=" + newID() + "&target=" + s.target(user, "cancel"),
		"no target":      "/admin/info/instruct?kind=cancel&user=" + string(user),
		"malformed id":   pageOf(user) + "&instruction=x",
	} {
		wantStatus(t, name, sonya.get(path), http.StatusNotFound)
	}
	if got := s.execute(); got != (operators.Executed{}) {
		t.Errorf("refused forms made instructions: %+v", got)
	}
}

func TestInstruct_Roles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	vera, sonya := s.as("vera"), s.as("sonya")
	form := sonya.fields(sonya.formOf(user, "cancel"))
	form.Set("reason", "ticket 4711")
	wantStatus(t, "form of a reader", vera.get(s.formOf(user, "cancel")), http.StatusForbidden)
	wantStatus(t, "instruction of a reader", vera.submit("/admin/instruct/submit", form), http.StatusForbidden)
	wantStatus(t, "form of another session", s.as("anna").post("/admin/instruct/submit", form), http.StatusForbidden)
	if strings.Contains(vera.get(pageOf(user)).body, "/admin/info/instruct") {
		t.Error("the viewer's page offers actions to a reader")
	}
	wantStatus(t, "new plan of the support", sonya.get("/admin/info/plans/new"), http.StatusForbidden)
}

// An instruction above the limits waits for an editor, and its author cannot approve it.
func TestApprovals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	user := s.subscribed(p)
	sonya, anna, vera := s.as("sonya"), s.as("anna"), s.as("vera")
	give := url.Values{"days": {"8"}, "reason": {"ticket 4711"}}
	form := sonya.fields(sonya.formOf(user, "give"))
	form.Set("days", "8")
	form.Set("reason", "ticket 4711")
	wantText(t, "confirmation", sonya.post("/admin/instruct/check", form), "An editor must approve it first.", "Ask for approval")
	wantText(t, "page of the author", sonya.done(user, "give", give), "an editor must approve it on the page Approvals", "Give 8 days waits for approval")
	decide := func(b *browser, decision string) response {
		b.t.Helper()
		waiting, err := s.store.Views().WaitingInstructions(t.Context(), 1)
		if err != nil || len(waiting) != 1 {
			t.Fatal(waiting, err)
		}
		return b.submit("/admin/approvals", url.Values{"user": {string(user)}, "id": {string(waiting[0].ID)}, "decision": {decision}})
	}
	wantText(t, "approvals of the author", sonya.get("/admin/info/approvals"), "Give 8 days", "sonya, support: ticket 4711", "Another editor must decide")
	wantStatus(t, "approval by the author", decide(sonya, "approve"), http.StatusForbidden)
	wantStatus(t, "approval by a reader", decide(vera, "approve"), http.StatusForbidden)
	wantStatus(t, "another decision", decide(anna, "perhaps"), http.StatusBadRequest)
	approved := decide(anna, "approve")
	wantStatus(t, "approval", approved, http.StatusSeeOther)
	s.execute()
	wantText(t, "page after the approval", anna.get(approved.header.Get("Location")), "Done: Give 8 days.", "approved by anna", "time given gold", "sonya: ticket 4711")
	wantText(t, "approvals afterwards", anna.get("/admin/info/approvals"), "No instruction waits for an approval.")

	wantStatus(t, "a period", sonya.instruct(user, "give", url.Values{"length": {"period"}, "reason": {"ticket 4712"}}), http.StatusSeeOther)
	wantStatus(t, "rejection", decide(anna, "reject"), http.StatusSeeOther)
	wantText(t, "approvals after the rejection", anna.get("/admin/info/approvals"), "Rejected: Give one period.")
	wantText(t, "page after the rejection", sonya.get(pageOf(user)), "Give one period rejected", "rejected by anna")
	wantText(t, "audit", anna.get("/admin/info/audit"), "instruction approved", "instruction rejected", "time given")
}

// The page of the viewer waits for the API, so that the operator sees the result.
func TestInstruct_WaitsForExecution(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.Await = time.Minute })
	user := s.subscribed(s.sell("gold", "Gold"))
	sonya := s.as("sonya")
	submitted := sonya.instruct(user, "cancel", url.Values{"reason": {"ticket 4711"}})
	page := make(chan response)
	go func() { page <- sonya.get(submitted.header.Get("Location")) }()
	s.execute()
	wantText(t, "page", <-page, "Done: Cancel the subscription with its period.")
}

// An instruction that the rules refuse at its execution changes nothing and says why.
func TestInstruct_RefusedLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	sonya := s.as("sonya")
	submitted := sonya.instruct(user, "give", url.Values{"days": {"3"}, "reason": {"ticket 4711"}})
	s.change(func(ctx context.Context, tx ports.Repos) ([]billing.Event, error) {
		sub, err := tx.Subscriptions.Named(ctx, user, "gold")
		if err != nil {
			return nil, err
		}
		sub, events, err := sub.Cancel(billing.AtOnce, wallClock{}.Now())
		if err != nil {
			return nil, err
		}
		return events, tx.Subscriptions.Save(ctx, sub)
	})
	s.execute()
	page := sonya.get(submitted.header.Get("Location"))
	wantText(t, "page", page, "Nothing was changed. Give 3 days: The subscription has ended, so no time can be given to it; give the plan to the viewer.", "Give 3 days not possible")
	sonya.post("/admin/language", url.Values{"language": {"ru"}, "next": {"/admin"}})
	wantText(t, "page in Russian", sonya.get(submitted.header.Get("Location")), "Ничего не изменилось. Подарить: 3 дня: Состояние подписки или платежа этого не позволяет.")
}

// seen registers a user who never subscribed.
func (s *site) seen() billing.UserID {
	s.t.Helper()
	user := billing.UserID(newID())
	s.change(func(ctx context.Context, tx ports.Repos) ([]billing.Event, error) {
		return nil, tx.Users.Seen(ctx, wallClock{}.Now(), user)
	})
	return user
}

const givePlanForm = "/admin/info/instruct?kind=give_plan&user="

// givePlan fills the form that gives a plan, and confirms it.
func (b *browser) givePlan(user billing.UserID, fill url.Values) (check, submitted response) {
	b.t.Helper()
	form := b.fields(givePlanForm + string(user))
	for field, values := range fill {
		form[field] = values
	}
	if check = b.post("/admin/instruct/check", form); check.status != http.StatusOK {
		return check, check
	}
	return check, b.post("/admin/instruct/submit", form)
}

func TestInstruct_GivePlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	s.archive(s.sell("old", "Old"))
	until := wallClock{}.Now().AddDate(0, 0, 3)
	for name, c := range map[string]struct {
		language string
		user     billing.UserID
		link     string
		result   string
		page     []string
	}{
		"in English": {"en", s.seen(), "Give a plan", "Gold until " + until.Format("2 Jan 2006") + ", free, not renewed.",
			[]string{"Done: Give Gold for 3 days.", "gold given, not renewed", "Given period", "time given gold", "sonya: ticket 4711"}},
		"in Russian, after the end": {"ru", s.subscribed(p), "Подарить тариф", ": бесплатно, без продления.",
			[]string{"Выполнено: Подарить Gold: 3 дня.", "gold подарена, без продления", "Подаренный период", "подарено время gold"}},
	} {
		sonya := s.as("sonya")
		if c.language == "ru" {
			sonya.done(c.user, "cancel_now", url.Values{"reason": {"asked by phone"}})
		}
		sonya.post("/admin/language", url.Values{"language": {c.language}, "next": {"/admin"}})
		wantText(t, name, sonya.get(pageOf(c.user)), c.link)
		if form := sonya.get(givePlanForm + string(c.user)); !strings.Contains(form.body, ">Gold</option>") || strings.Contains(form.body, ">Old</option>") {
			t.Errorf("%s: the form does not offer exactly the plans on sale", name)
		}
		check, submitted := sonya.givePlan(c.user, url.Values{"days": {"3"}, "reason": {"ticket 4711"}})
		wantText(t, name, check, c.result)
		wantStatus(t, name, submitted, http.StatusSeeOther)
		if got := s.execute(); got != (operators.Executed{Done: 1}) {
			t.Errorf("%s: executed %+v, want one", name, got)
		}
		page := sonya.get(submitted.header.Get("Location"))
		wantText(t, name, page, c.page...)
		for _, unwanted := range []string{"kind=resume", "kind=give_plan", "kind=cancel&amp;"} {
			if strings.Contains(page.body, unwanted) {
				t.Errorf("%s: the page has the action %s", name, unwanted)
			}
		}
		wantText(t, name, sonya.get("/admin/info/subscriptions"), "gold "+strings.TrimPrefix(c.page[1], "gold "))
	}
}

// A subscription to a plan of another group does not hide the action.
func TestInstruct_GivePlanOfAnotherGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	anna := s.as("anna")
	offers := func() bool { return strings.Contains(anna.get(pageOf(user)).body, "kind=give_plan") }
	if offers() {
		t.Error("the page offers to give a plan, but there is none outside of the group")
	}
	p, err := s.catalog().AddPlan(t.Context(), billing.Plan{Code: "sport", Name: "Sport", Group: "add-ons", Price: billing.Money{Amount: 99_00, Currency: "RUB"}, IntervalMonths: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !offers() {
		t.Error("the page does not offer to give a plan of another group")
	}
	s.archive(p)
	if offers() {
		t.Error("the page offers to give an archived plan")
	}
}

func TestInstruct_GivePlanRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	viewer, other := s.seen(), s.subscribed(p)
	sonya := s.as("sonya")
	fill := url.Values{"days": {"3"}, "reason": {"ticket 4711"}, "target": {string(p.ID)}}
	none := url.Values{"days": {"3"}, "reason": {"ticket 4711"}, "target": {""}}
	form, _ := sonya.givePlan(viewer, none)
	wantStatus(t, "no plan", form, http.StatusUnprocessableEntity)
	wantText(t, "no plan", form, "choose a plan")
	form, _ = sonya.givePlan(other, fill)
	wantStatus(t, "a live subscription", form, http.StatusConflict)
	wantText(t, "a live subscription", form, "The viewer has a live subscription to plan gold; give the time to it.")
	wantStatus(t, "unknown plan", sonya.get(givePlanForm+string(viewer)+"&target="+newID()), http.StatusNotFound)
	wantStatus(t, "unknown viewer", sonya.get(givePlanForm+newID()), http.StatusNotFound)
	wantStatus(t, "a reader", s.as("vera").get(givePlanForm+string(viewer)), http.StatusForbidden)

	// A whole period needs an editor, who reads the name of the plan.
	_, submitted := sonya.givePlan(viewer, url.Values{"length": {"period"}, "reason": {"ticket 4711"}})
	wantStatus(t, "a period", submitted, http.StatusSeeOther)
	wantText(t, "approvals", s.as("anna").get("/admin/info/approvals"), "Give Gold for one period", "sonya, support: ticket 4711")
	if got := s.execute(); got != (operators.Executed{}) {
		t.Errorf("executed %+v before the approval", got)
	}
}
