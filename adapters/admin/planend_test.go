package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

func endPath(p billing.Plan) string { return "/admin/info/plans/end?id=" + string(p.ID) }

// endPlans cancels the subscriptions of plans that are being ended, as the API does.
func (s *site) endPlans() operators.PlanEndTally {
	s.t.Helper()
	t, err := s.executor().EndPlans(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// end ends a plan without subscribers.
func (s *site) end(p billing.Plan) {
	s.t.Helper()
	anna := s.as("anna")
	form := anna.fields(endPath(p))
	form.Set("reason", "the rights end")
	form.Set("viewers", "0")
	wantStatus(s.t, "end", anna.post("/admin/end/plans", form), http.StatusSeeOther)
}

func TestPlanEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	first := s.subscribedAt(p, wallClock{}.Now().AddDate(0, 0, -5))
	last := s.subscribed(p)
	anna := s.as("anna")
	edit := anna.get("/admin/info/plans/edit?id=" + string(p.ID))
	if !strings.Contains(edit.body, `href="`+htmlAttr(endPath(p))+`"`) {
		t.Errorf("the plan's page has no link to its end: %s", edit.text())
	}
	page := anna.get(endPath(p))
	wantStatus(t, "form", page, http.StatusOK)
	wantText(t, "form", page, "End “Gold” for all subscribers?", "This stops the renewal of 2 subscriptions. The first ends on ",
		"and no viewer is charged for the plan again.", "Type 2.", "subscriptions that are past due end at once")

	form := anna.fields(endPath(p))
	for name, c := range map[string]struct {
		reason, viewers string
		status          int
		want            string
	}{
		"no reason":             {" ", "2", http.StatusUnprocessableEntity, "must have 1 to 500 characters"},
		"number in words":       {"the rights end", "two", http.StatusUnprocessableEntity, "type the number of subscriptions"},
		"no number":             {"the rights end", "", http.StatusUnprocessableEntity, "type the number of subscriptions"},
		"another number":        {"the rights end", "3", http.StatusConflict, "Not ended: by now it is 2 subscriptions."},
		"a card in the reason":  {"4111 1111 1111 1111", "2", http.StatusUnprocessableEntity, "could be a card number"},
		"reason longer than it": {strings.Repeat("x", 501), "2", http.StatusUnprocessableEntity, "must have 1 to 500 characters"},
	} {
		form.Set("reason", c.reason)
		form.Set("viewers", c.viewers)
		got := anna.post("/admin/end/plans", form)
		wantStatus(t, name, got, c.status)
		wantText(t, name, got, c.want)
		if strings.Contains(got.body, "4111") {
			t.Errorf("%s: the page shows the card number again", name)
		}
	}
	if stored, _ := s.plan("gold"); !stored.EndingAt.IsZero() {
		t.Fatalf("a refused form ended the plan: %+v", stored)
	}

	form.Set("reason", "the rights end")
	form.Set("viewers", " 2 ")
	got := anna.post("/admin/end/plans", form)
	wantStatus(t, "end", got, http.StatusSeeOther)
	progress := anna.get(got.header.Get("Location"))
	wantText(t, "progress", progress, "Plan “Gold” ends for all its subscribers.", "0 of about 2 subscriptions are set to end.", "In progress", "anna: the rights end")
	wantText(t, "list", anna.get("/admin/info/plans"), "ending")
	wantText(t, "viewer before the pass", anna.get(pageOf(last)), "gold ends with the period", "Next charge none")
	give := anna.fields(anna.formOf(last, "give"))
	give["days"], give["reason"] = []string{"3"}, []string{"ticket 4711"}
	wantText(t, "time before the pass", anna.post("/admin/instruct/check", give), "for free, and the subscription to gold then ends.")
	if tally := s.endPlans(); tally.Cancelled != 2 {
		t.Errorf("the pass counts %+v, want 2 cancelled", tally)
	}
	wantText(t, "done", anna.get(endPath(p)), "2 of about 2 subscriptions are set to end.", "Done:")
	wantText(t, "again", anna.get("/admin/info/plans/edit?id="+string(p.ID)), "The plan ends for all its subscribers.", "Show the progress")
	again := anna.post("/admin/end/plans", form)
	if again.status != http.StatusSeeOther || again.header.Get("Location") != endPath(p) {
		t.Errorf("a second submission: %d to %s, want the progress", again.status, again.header.Get("Location"))
	}
	for _, user := range []billing.UserID{first, last} {
		viewer := anna.get("/admin/info/users/detail?id=" + string(user))
		wantText(t, "viewer", viewer, "plan ended for all subscribers", "the rights end", "anna")
		if strings.Contains(viewer.text(), "Resume") {
			t.Errorf("the page of the viewer offers to resume: %s", viewer.text())
		}
	}
	wantText(t, "audit", anna.get("/admin/info/audit"), "plan ended for all subscribers gold", "Reason", "the rights end", "Subscribers")

	restore := "/admin/info/plans/restore?id=" + string(p.ID)
	wantText(t, "restore", anna.get(restore), "The plan no longer ends.")
	wantStatus(t, "restore", anna.post("/admin/restore/plans", anna.fields(restore)), http.StatusSeeOther)
	if stored, _ := s.plan("gold"); !stored.EndingAt.IsZero() || !stored.ArchivedAt.IsZero() {
		t.Errorf("restored, the plan is %+v", stored)
	}
	wantText(t, "ended before", anna.get(endPath(p)), "No subscription to the plan renews", "Type 0.")
}

func TestPlanEnd_InRussian(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Золотой")
	s.subscribed(p)
	anna := s.as("anna")
	anna.post("/admin/language", url.Values{"language": {"ru"}, "next": {"/admin"}})
	wantText(t, "plan", anna.get("/admin/info/plans/edit?id="+string(p.ID)), "Завершить для всех подписчиков…")
	wantText(t, "form", anna.get(endPath(p)), "Завершить «Золотой» для всех подписчиков?", "Продление остановится: 1 подписка. Она закончится ",
		"больше за этот тариф ни с кого не списываются деньги.", "Введите 1.")
	form := anna.fields(endPath(p))
	form.Set("viewers", "5")
	wantText(t, "faults", anna.post("/admin/end/plans", form), "от 1 до 500 знаков")
	form.Set("reason", "права кончились")
	wantText(t, "another number", anna.post("/admin/end/plans", form), "Не завершено: сейчас это 1 подписка.")
	form.Set("viewers", "1")
	got := anna.post("/admin/end/plans", form)
	wantStatus(t, "end", got, http.StatusSeeOther)
	wantText(t, "progress", anna.get(got.header.Get("Location")), "Тариф «Золотой» завершается для всех подписчиков.",
		"Подписок, которые больше не продлятся: 0 из примерно 1.", "Выполняется", "anna: права кончились")
	s.endPlans()
	wantText(t, "done", anna.get(endPath(p)), "1 из примерно 1.", "Выполнено:")
	wantText(t, "list", anna.get("/admin/info/plans"), "завершается")
}

func TestPlanEnd_OnlyEditors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	s.subscribed(p)
	anna := s.as("anna")
	for _, name := range []string{"vera", "sonya"} {
		b := s.as(name)
		wantStatus(t, name+" opens the page", b.get(endPath(p)), http.StatusForbidden)
		form := url.Values{"id": {string(p.ID)}, "reason": {"x"}, "viewers": {"1"}, "csrf": {b.fields("/admin/info/find").Get("csrf")}}
		wantStatus(t, name+" submits the form", b.post("/admin/end/plans", form), http.StatusForbidden)
	}
	if stored, _ := s.plan("gold"); !stored.EndingAt.IsZero() {
		t.Errorf("the plan is %+v, want that it does not end", stored)
	}
	wantStatus(t, "unknown plan", anna.get("/admin/info/plans/end?id="+newID()), http.StatusNotFound)
	wantStatus(t, "no plan", anna.get("/admin/info/plans/end"), http.StatusNotFound)
}
