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
		"code": {"gold"}, "name": {"Gold"}, "price": {"499.50"}, "currency": {"RUB"}, "interval_months": {"3"}, "features": {"hd, 4k"}, "vat": {"vat20"},
	}
}

func TestAddPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	got := anna.submit("/admin/new/plans", newPlan())
	wantStatus(t, "add", got, http.StatusSeeOther)
	list := anna.get(got.header.Get("Location"))
	wantText(t, "list", list, "Plan “Gold” is on sale.", "Gold gold ₽499.50 3 months hd 4k VAT 20 % main 0 on sale")
	if reloaded := anna.get("/admin/info/plans"); strings.Contains(reloaded.text(), "“Gold” is on sale") {
		t.Error("the notice is shown twice")
	}
	p, _ := s.plan("gold")
	if p.Price != (billing.Money{Amount: 499_50, Currency: "RUB"}) || p.IntervalMonths != 3 || len(p.Features) != 2 || p.VAT != billing.VAT20 {
		t.Errorf("stored plan: %+v", p)
	}
	wantText(t, "audit", anna.get("/admin/info/audit"), "anna 127.0.0.1 plan added gold")
}

func TestAddPlan_InvalidFields(t *testing.T) {
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
		{"code with a space", url.Values{"code": {"Gold Plan"}}, []string{"must be 1 to 63 lower-case letters"}, 422},
		{"taken code", url.Values{"code": {"taken"}}, []string{"is already taken"}, 409},
		{"price in words", url.Values{"price": {"much"}}, []string{"must be a decimal number such as 399.00"}, 422},
		{"three decimals", url.Values{"price": {"1.234"}}, []string{"must be a decimal number"}, 422},
		{"price of 0", url.Values{"price": {"0"}}, []string{"must be more than zero"}, 422},
		{"negative price", url.Values{"price": {"-5"}}, []string{"must be a decimal number"}, 422},
		{"price with an exponent", url.Values{"price": {"1e3"}}, []string{"must be a decimal number"}, 422},
		{"unknown currency", url.Values{"currency": {"XXX"}}, []string{"must be an ISO 4217 code"}, 422},
		{"interval in words", url.Values{"interval_months": {"often"}}, []string{"must be a whole number"}, 422},
		{"interval of 37 months", url.Values{"interval_months": {"37"}}, []string{"must be 1 to 36"}, 422},
		{"invalid feature code", url.Values{"features": {"HD"}}, []string{`must be 1 to 63 lower-case letters, digits, - or _, and not look like an id: "HD"`}, 422},
		{"repeated feature", url.Values{"features": {"hd hd"}}, []string{"must not repeat a code"}, 422},
		{"several fields", url.Values{"name": {""}, "code": {"?"}, "price": {"x"}, "interval_months": {"x"}},
			[]string{"must not be empty", "must be 1 to 63", "must be a decimal number", "must be a whole number"}, 422},
		{"every field", url.Values{"name": {"\u200b" + strings.Repeat("n", 200)}, "code": {"taken"}, "price": {"x"}, "currency": {"XXX"}, "interval_months": {"99"}, "features": {"HD hd hd 4K"}},
			[]string{
				"must be at most 200 characters; must not contain control characters or invisible characters", "is already taken", "must be a decimal number",
				"must be an ISO 4217 code", "must be 1 to 36", `not look like an id: "HD", "4K"; must not repeat a code`,
			}, 422},
		{"price of 0, unknown currency and taken code", url.Values{"code": {"taken"}, "price": {"0"}, "currency": {"XXX"}},
			[]string{"must be more than zero", "must be an ISO 4217 code", "is already taken"}, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := newPlan()
			form.Set("name", "<i>typed</i> & kept")
			for field, value := range tt.change {
				form[field] = value
			}
			got := anna.submit("/admin/new/plans", form)
			wantStatus(t, "response", got, tt.status)
			wantText(t, "response", got, tt.want...)
			for field, value := range form {
				want := `name="` + field + `" value="` + htmlAttr(value[0]) + `"`
				if field == "vat" {
					want = `<option value="` + value[0] + `" selected`
				}
				if field != "csrf" && !strings.Contains(got.body, want) {
					t.Errorf("the form lost %s=%q", field, value[0])
				}
			}
		})
	}
	if n := s.audited(); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
}

// htmlAttr escapes a value as html/template does in an attribute.
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
		t.Errorf("form fields: %v", form)
	}
	if page := anna.get("/admin/info/plans/edit?id=" + string(p.ID)); !strings.Contains(page.body, `id="group" value="main" readonly`) {
		t.Error("the form does not show the group")
	}
	form.Set("name", "Gold & Silver")
	got := anna.post("/admin/edit/plans", form)
	wantStatus(t, "edit", got, http.StatusSeeOther)
	wantText(t, "list", anna.get("/admin/info/plans"), "Plan “Gold & Silver” is saved.")
	wantText(t, "audit", anna.get("/admin/info/audit"), "Name Gold → Gold & Silver")
}

func TestEditPlan_PriceChangeNeedsConfirmation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	s.subscribed(p)
	s.subscribed(p)
	anna := s.as("anna")
	form := anna.fields("/admin/info/plans/edit?id=" + string(p.ID))
	form.Set("price", "449,00") // decimal comma, as in Russian
	ask := anna.post("/admin/edit/plans", form)
	wantStatus(t, "unconfirmed", ask, http.StatusConflict)
	wantText(t, "unconfirmed", ask, "₽399.00 → ₽449.00", "2 subscribers: the price stays the same.")
	if now, _ := s.plan("gold"); now.Price != p.Price {
		t.Errorf("price before confirmation: %v", now.Price)
	}
	form.Set("confirmed", "450.00 RUB / 1") // a price other than the submitted one
	wantStatus(t, "another price confirmed", anna.post("/admin/edit/plans", form), http.StatusConflict)
	form.Set("confirmed", "449.00 RUB / 1")
	wantStatus(t, "confirmed", anna.post("/admin/edit/plans", form), http.StatusSeeOther)
	if now, _ := s.plan("gold"); now.Price.Amount != 449_00 {
		t.Errorf("price after confirmation: %v", now.Price)
	}
}

func TestEditPlan_Interval(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	anna := s.as("anna")
	path := "/admin/info/plans/edit?id=" + string(p.ID)
	form := anna.fields(path)
	form.Set("interval_months", "12")
	ask := anna.post("/admin/edit/plans", form)
	wantStatus(t, "unconfirmed", ask, http.StatusConflict)
	wantText(t, "unconfirmed", ask, "Change the period?", "1 month → 12 months", "New subscribers pay ₽399.00 for 12 months.")
	form.Set("confirmed", "399.00 RUB / 6") // an interval other than the submitted one
	wantStatus(t, "another interval confirmed", anna.post("/admin/edit/plans", form), http.StatusConflict)
	form.Set("confirmed", "399.00 RUB / 12")
	wantStatus(t, "confirmed", anna.post("/admin/edit/plans", form), http.StatusSeeOther)

	p, _ = s.plan("gold")
	if p.IntervalMonths != 12 {
		t.Errorf("interval after confirmation: %d", p.IntervalMonths)
	}
	s.subscribed(p)
	wantText(t, "form of a plan with a subscriber", anna.get(path), "The plan has subscribers, so its period cannot change.")
	form = anna.fields(path)
	form.Set("interval_months", "1")
	form.Set("confirmed", "399.00 RUB / 1")
	refused := anna.post("/admin/edit/plans", form)
	wantStatus(t, "with a subscriber", refused, http.StatusUnprocessableEntity)
	wantText(t, "with a subscriber", refused, "cannot change while the plan has subscribers")
}

func TestEditPlan_TwoEditors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.sell("gold", "Gold")
	anna, boris := s.as("anna"), s.as("boris")
	path := "/admin/info/plans/edit?id=" + string(p.ID)
	first, second := anna.fields(path), boris.fields(path)
	first.Set("name", "Anna's")
	second.Set("name", "Boris's")
	wantStatus(t, "first editor", anna.post("/admin/edit/plans", first), http.StatusSeeOther)
	refused := boris.post("/admin/edit/plans", second)
	wantStatus(t, "second editor", refused, http.StatusConflict)
	wantText(t, "second editor", refused, "another editor changed the record", "Name : Anna's")
	if !strings.Contains(refused.body, `value="Boris&#39;s"`) {
		t.Error("the form lost the second editor's values")
	}
	if now, _ := s.plan("gold"); now.Name != "Anna's" {
		t.Errorf("plan name: %q", now.Name)
	}
	// The second editor has now seen the change, so a second submission replaces it.
	_, form, _ := strings.Cut(refused.body, `<form class="card`)
	for _, m := range fieldValue.FindAllStringSubmatch(form, -1) {
		second.Set(m[1], map[bool]string{true: m[2], false: second.Get(m[1])}[m[1] == "seen"])
	}
	wantStatus(t, "second editor, second submission", boris.post("/admin/edit/plans", second), http.StatusSeeOther)
	if now, _ := s.plan("gold"); now.Name != "Boris's" {
		t.Errorf("plan name: %q", now.Name)
	}
}

func TestDeletePlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	never, used := s.sell("never", "Never"), s.sell("used", "Used")
	s.subscribed(used)
	anna := s.as("anna")
	wantText(t, "confirmation page", anna.get("/admin/info/plans/delete?id="+string(used.ID)), "Archive “Used”?", "1 subscriber")
	for _, tt := range []struct {
		plan billing.Plan
		want string
	}{
		{never, "Plan “Never” is deleted: it never had a subscription."},
		{used, "Plan “Used” is archived. Its subscriptions keep renewing."},
	} {
		got := anna.submit("/admin/delete/plans", url.Values{"id": {string(tt.plan.ID)}})
		wantStatus(t, tt.plan.Name, got, http.StatusSeeOther)
		wantText(t, tt.plan.Name, anna.get("/admin/info/plans"), tt.want)
	}
	if _, there := s.plan("never"); there {
		t.Error("the unused plan still exists")
	}
	if p, _ := s.plan("used"); p.ArchivedAt.IsZero() {
		t.Error("the used plan is not archived")
	}
	wantText(t, "list", anna.get("/admin/info/plans"), "archived Edit Restore")
	wantText(t, "confirmation page", anna.get("/admin/info/plans/restore?id="+string(used.ID)), "Restore “Used”?", "for ₽399.00 / 1 month")
	wantStatus(t, "restore", anna.submit("/admin/restore/plans", url.Values{"id": {string(used.ID)}}), http.StatusSeeOther)
	wantText(t, "restored", anna.get("/admin/info/plans"), "Plan “Used” is on sale again.", "on sale Edit Archive")
	if p, _ := s.plan("used"); !p.ArchivedAt.IsZero() {
		t.Error("the restored plan is archived")
	}
	wantText(t, "audit", anna.get("/admin/info/audit"), "plan restored used")
	wantStatus(t, "restore a deleted plan", anna.submit("/admin/restore/plans", url.Values{"id": {string(never.ID)}}), http.StatusNotFound)
	wantStatus(t, "second deletion", anna.submit("/admin/delete/plans", url.Values{"id": {string(never.ID)}}), http.StatusNotFound)
}

func TestPaymentSystems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.as("anna")
	add := func(code, name string) response {
		return anna.submit("/admin/new/payment_systems", url.Values{"code": {code}, "name": {name}})
	}
	wantStatus(t, "add", add(system, "Simulated"), http.StatusSeeOther)
	wantStatus(t, "without an adapter", add("mybank", "My bank"), http.StatusUnprocessableEntity)
	wantText(t, "without an adapter and a name", add("mybank", ""), "no adapter with this code", "codes of its adapters: bank, simulator", "must not be empty")
	if _, err := s.catalog().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "mybank", Name: "My bank"}); err != nil {
		t.Fatal(err) // as billingctl payment-system add --force does
	}
	wantText(t, "list", anna.get("/admin/info/payment_systems"), "My bank mybank none", "Simulated simulator registered")
	taken := add(system, "Other")
	wantStatus(t, "taken", taken, http.StatusConflict)
	wantText(t, "taken", taken, "is already taken")
	wantText(t, "invalid fields", add("My Bank", ""), "must be 1 to 63", "must not be empty")
	wantText(t, "taken code without a name", add(system, ""), "is already taken", "must not be empty")

	form := anna.fields("/admin/info/payment_systems/edit?id=mybank")
	form.Set("name", "Our bank")
	form.Set("code", "other") // the code cannot be edited, so the panel ignores it
	wantStatus(t, "edit", anna.post("/admin/edit/payment_systems", form), http.StatusSeeOther)
	wantText(t, "list", anna.get("/admin/info/payment_systems"), "Our bank mybank")
	wantStatus(t, "edit with an outdated form", anna.post("/admin/edit/payment_systems", form), http.StatusConflict)

	s.subscribed(s.sell("gold", "Gold"))
	for code, want := range map[string]string{
		"mybank": "Payment system “Our bank” is deleted: it was never used.",
		system:   "Payment system “Simulated” is archived. Its subscriptions keep renewing.",
	} {
		wantStatus(t, code, anna.submit("/admin/delete/payment_systems", url.Values{"id": {code}}), http.StatusSeeOther)
		wantText(t, code, anna.get("/admin/info/payment_systems"), want)
	}
	wantStatus(t, "restore", anna.submit("/admin/restore/payment_systems", url.Values{"id": {system}}), http.StatusSeeOther)
	wantText(t, "restored", anna.get("/admin/info/payment_systems"), "Payment system “Simulated” takes new subscriptions again.", "available Edit Archive")
}
