package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func newPlan() url.Values {
	return url.Values{
		"code": {"gold"}, "name": {"Gold"}, "price": {"499.50"}, "currency": {"RUB"}, "interval_months": {"3"}, "features": {"hd, 4k"},
	}
}

func TestAddPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	got := anna.submit("/admin/new/plans", newPlan())
	wantStatus(t, "add", got, http.StatusSeeOther)
	list := anna.get(got.header.Get("Location"))
	wantText(t, "list", list, "Plan “Gold” is on sale.", "Gold gold ₽499.50 3 months hd 4k 0 on sale")
	if again := anna.get("/admin/info/plans"); strings.Contains(again.text(), "“Gold” is on sale") {
		t.Error("what was done is told twice")
	}
	p, _ := s.plan("gold")
	if p.Price != (billing.Money{Amount: 499_50, Currency: "RUB"}) || p.IntervalMonths != 3 || len(p.Features) != 2 {
		t.Errorf("kept: %+v", p)
	}
	wantText(t, "audit", anna.get("/admin/info/audit"), "anna 127.0.0.1 plan added gold")
}

func TestWhatIsWrongWithAPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sell("taken", "Taken")
	anna := s.as("anna")
	tests := []struct {
		name   string
		change url.Values
		want   []string
		status int
	}{
		{"no name", url.Values{"name": {" "}}, []string{"must not be empty"}, 422},
		{"a code with a space", url.Values{"code": {"Gold Plan"}}, []string{"must be 1 to 63 lower-case letters"}, 422},
		{"a code that is taken", url.Values{"code": {"taken"}}, []string{"is taken already"}, 409},
		{"words for a price", url.Values{"price": {"much"}}, []string{"must be a decimal number such as 399.00"}, 422},
		{"a third decimal", url.Values{"price": {"1.234"}}, []string{"must be a decimal number"}, 422},
		{"a price of nothing", url.Values{"price": {"0"}}, []string{"must be more than zero"}, 422},
		{"less than nothing", url.Values{"price": {"-5"}}, []string{"must be a decimal number"}, 422},
		{"a float's price", url.Values{"price": {"1e3"}}, []string{"must be a decimal number"}, 422},
		{"no such currency", url.Values{"currency": {"XXX"}}, []string{"must be an ISO 4217 code"}, 422},
		{"no interval", url.Values{"interval_months": {"often"}}, []string{"must be a whole number"}, 422},
		{"a long interval", url.Values{"interval_months": {"37"}}, []string{"must be 1 to 36"}, 422},
		{"a feature that is no code", url.Values{"features": {"HD"}}, []string{`must be 1 to 63 lower-case letters, digits, - or _, and not look like an id: "HD"`}, 422},
		{"a feature twice", url.Values{"features": {"hd hd"}}, []string{"must not name one twice"}, 422},
		{"all at once", url.Values{"name": {""}, "code": {"?"}, "price": {"x"}, "interval_months": {"x"}},
			[]string{"must not be empty", "must be 1 to 63", "must be a decimal number", "must be a whole number"}, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := newPlan()
			form.Set("name", "<i>typed</i> & kept")
			for field, value := range tt.change {
				form[field] = value
			}
			got := anna.submit("/admin/new/plans", form)
			wantStatus(t, "answer", got, tt.status)
			wantText(t, "answer", got, append(tt.want, "Not saved")[:len(tt.want)]...)
			for field, value := range form {
				if field != "csrf" && !strings.Contains(got.body, `name="`+field+`" value="`+htmlAttr(value[0])+`"`) {
					t.Errorf("%s=%q is not kept", field, value[0])
				}
			}
		})
	}
	if n := s.audited(); n != 1 {
		t.Errorf("%d changes audited, want the one that was made", n)
	}
}

// htmlAttr is how html/template writes a value.
func htmlAttr(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;").Replace(s)
}

func TestEditPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	anna := s.as("anna")
	form := anna.fields("/admin/info/plans/edit?id=" + string(p.ID))
	if form.Get("price") != "399.00" || form.Get("name") != "Gold" || form.Get("features") != "hd" {
		t.Errorf("the form says %v", form)
	}
	form.Set("name", "Gold & Silver")
	got := anna.post("/admin/edit/plans", form)
	wantStatus(t, "edit", got, http.StatusSeeOther)
	wantText(t, "list", anna.get("/admin/info/plans"), "Plan “Gold & Silver” is saved.")
	wantText(t, "audit", anna.get("/admin/info/audit"), "Name Gold → Gold & Silver")
}

func TestAPriceChangeAsksFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	s.subscribed(p)
	s.subscribed(p)
	anna := s.as("anna")
	form := anna.fields("/admin/info/plans/edit?id=" + string(p.ID))
	form.Set("price", "449,00") // as people write it in Russian
	ask := anna.post("/admin/edit/plans", form)
	wantStatus(t, "unconfirmed", ask, http.StatusConflict)
	wantText(t, "unconfirmed", ask, "₽399.00 → ₽449.00", "2 subscribers: they keep the price they agreed to")
	if now, _ := s.plan("gold"); now.Price != p.Price {
		t.Errorf("the price is %v before anybody confirmed", now.Price)
	}
	form.Set("confirmed", "450.00 RUB") // the price that somebody confirmed was another
	wantStatus(t, "another price confirmed", anna.post("/admin/edit/plans", form), http.StatusConflict)
	form.Set("confirmed", "449.00 RUB")
	wantStatus(t, "confirmed", anna.post("/admin/edit/plans", form), http.StatusSeeOther)
	if now, _ := s.plan("gold"); now.Price.Amount != 449_00 {
		t.Errorf("the price is %v", now.Price)
	}
}

func TestTwoEditorsOnOnePlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	anna, boris := s.as("anna"), s.as("boris")
	path := "/admin/info/plans/edit?id=" + string(p.ID)
	first, second := anna.fields(path), boris.fields(path)
	first.Set("name", "Anna's")
	second.Set("name", "Boris's")
	wantStatus(t, "the first", anna.post("/admin/edit/plans", first), http.StatusSeeOther)
	told := boris.post("/admin/edit/plans", second)
	wantStatus(t, "the second", told, http.StatusConflict)
	wantText(t, "the second", told, "somebody else changed it meanwhile", "Name : Anna's")
	if !strings.Contains(told.body, `value="Boris&#39;s"`) {
		t.Error("what the second typed is lost")
	}
	if now, _ := s.plan("gold"); now.Name != "Anna's" {
		t.Errorf("the plan is called %q", now.Name)
	}
	// Whoever has read that may replace it.
	_, form, _ := strings.Cut(told.body, `<form class="card`)
	for _, m := range fieldValue.FindAllStringSubmatch(form, -1) {
		second.Set(m[1], map[bool]string{true: m[2], false: second.Get(m[1])}[m[1] == "seen"])
	}
	wantStatus(t, "the second again", boris.post("/admin/edit/plans", second), http.StatusSeeOther)
	if now, _ := s.plan("gold"); now.Name != "Boris's" {
		t.Errorf("the plan is called %q", now.Name)
	}
}

func TestDeletePlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	never, used := s.sell("never", "Never"), s.sell("used", "Used")
	s.subscribed(used)
	anna := s.as("anna")
	wantText(t, "question", anna.get("/admin/info/plans/delete?id="+string(used.ID)), "Delete “Used”?", "1 subscriber")
	for _, tt := range []struct {
		plan billing.Plan
		told string
	}{
		{never, "Plan “Never” is deleted: nobody ever subscribed to it."},
		{used, "Plan “Used” is archived, not deleted: there are subscriptions to it, and they keep renewing."},
	} {
		got := anna.submit("/admin/delete/plans", url.Values{"id": {string(tt.plan.ID)}})
		wantStatus(t, tt.plan.Name, got, http.StatusSeeOther)
		wantText(t, tt.plan.Name, anna.get("/admin/info/plans"), tt.told)
	}
	if _, there := s.plan("never"); there {
		t.Error("the plan that was never used is still there")
	}
	if p, _ := s.plan("used"); p.ArchivedAt.IsZero() {
		t.Error("the plan that was used is not archived")
	}
	wantStatus(t, "deleted twice", anna.submit("/admin/delete/plans", url.Values{"id": {string(never.ID)}}), http.StatusNotFound)
}

func TestPaymentSystems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	add := func(code, name string) answer {
		return anna.submit("/admin/new/payment_systems", url.Values{"code": {code}, "name": {name}})
	}
	wantStatus(t, "add", add(system, "Simulated"), http.StatusSeeOther)
	wantStatus(t, "add another", add("mybank", "My bank"), http.StatusSeeOther)
	wantText(t, "list", anna.get("/admin/info/payment_systems"), "My bank mybank none", "Simulated simulator answers")
	taken := add("mybank", "Other")
	wantStatus(t, "taken", taken, http.StatusConflict)
	wantText(t, "taken", taken, "is taken already")
	wantText(t, "wrong", add("My Bank", ""), "must be 1 to 63", "must not be empty")

	form := anna.fields("/admin/info/payment_systems/edit?id=mybank")
	form.Set("name", "Our bank")
	form.Set("code", "other") // the field is fixed, and nobody asks what it says
	wantStatus(t, "edit", anna.post("/admin/edit/payment_systems", form), http.StatusSeeOther)
	wantText(t, "list", anna.get("/admin/info/payment_systems"), "Our bank mybank")
	wantStatus(t, "edit with an old form", anna.post("/admin/edit/payment_systems", form), http.StatusConflict)

	s.subscribed(s.sell("gold", "Gold"))
	for code, told := range map[string]string{
		"mybank": "Payment system “Our bank” is deleted: nobody ever used it.",
		system:   "Payment system “Simulated” is archived, not deleted",
	} {
		wantStatus(t, code, anna.submit("/admin/delete/payment_systems", url.Values{"id": {code}}), http.StatusSeeOther)
		wantText(t, code, anna.get("/admin/info/payment_systems"), told)
	}
}
