package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestPlan_Lifecycle(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "plan", "add", "--code", "premium", "--name", "Premium", "--price", "399.00",
		"--currency", "RUB", "--feature", "hd", "--feature", "4k")
	out, _ := s.run(t, boot.OK, "plan", "set-price", "premium", "--price", "449")
	if want := "repriced plan premium: Premium, 449.00 RUB\n"; out != want {
		t.Errorf("set-price prints %q, want %q", out, want)
	}
	s.run(t, boot.OK, "plan", "add", "--code", "yearly", "--name", "A year", "--price", "99", "--currency", "EUR", "--interval-months", "12", "--group", "sport")
	s.run(t, boot.OK, "plan", "archive", "yearly")

	var plans []planJSON
	s.json(t, boot.OK, &plans, "plan", "list")
	want := []planJSON{
		{Code: "premium", Name: "Premium", Price: moneyJSON{44900, "RUB"}, IntervalMonths: 1, Features: []string{"hd", "4k"}, PlanGroup: "main", VAT: "none"},
		{Code: "yearly", Name: "A year", Price: moneyJSON{9900, "EUR"}, IntervalMonths: 12, Features: []string{}, PlanGroup: "sport", VAT: "none"},
	}
	ignored := cmpopts.IgnoreFields(planJSON{}, "ID", "CreatedAt", "UpdatedAt", "ArchivedAt", "EndingAt")
	if diff := cmp.Diff(want, plans, ignored); diff != "" {
		t.Fatalf("plans (-want +got):\n%s", diff)
	}
	if plans[0].ArchivedAt != nil || plans[1].ArchivedAt == nil {
		t.Errorf("archived at %v and %v, want only the second", plans[0].ArchivedAt, plans[1].ArchivedAt)
	}
	s.run(t, boot.OK, "plan", "set-price", plans[0].ID, "--price", "10", "--currency", "USD") // by id, in another currency
}

func TestPlan_ListAsTable(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "plan", "add", "--code", "basic", "--name", "Basic", "--price", "199", "--currency", "RUB", "--feature", "sd")
	out, _ := s.run(t, boot.OK, "plan", "list")
	want := "CODE   NAME   PRICE       MONTHS  VAT   GROUP  FEATURES  ARCHIVED  ENDING\n" +
		"basic  Basic  199.00 RUB  1       none  main   sd        no        no\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestPlan_Refusals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "plan", "add", "--code", "basic", "--name", "Basic", "--price", "199", "--currency", "RUB")
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"code taken":      {[]string{"plan", "add", "--code", "basic", "--name", "B", "--price", "1", "--currency", "RUB"}, boot.Failed, "with this code already"},
		"unknown plan":    {[]string{"plan", "archive", "gold"}, boot.Failed, "plan"},
		"unknown price":   {[]string{"plan", "set-price", "gold", "--price", "1"}, boot.Failed, "there is no plan gold"},
		"free":            {[]string{"plan", "set-price", "basic", "--price", "0"}, boot.Misused, "price.amount must be more than zero"},
		"too many digits": {[]string{"plan", "set-price", "basic", "--price", "1.999"}, boot.Misused, "more than the 2 decimal digits"},
		"no group":        {[]string{"plan", "add", "--code", "b", "--name", "B", "--price", "1", "--currency", "RUB", "--group", ""}, boot.Misused, "billingctl: group must be 1 to 63"},
		"unknown group":   {[]string{"plan", "set-group", "gold", "sport"}, boot.Failed, "there is no such plan"},
		"bad group":       {[]string{"plan", "set-group", "basic", "Sport"}, boot.Misused, "billingctl: group must be 1 to 63"},
		"group missing":   {[]string{"plan", "set-group", "basic"}, boot.Misused, "needs two arguments, the code of a plan and a group: billingctl plan set-group CODE GROUP"},
		"unknown rate":    {[]string{"plan", "set-vat", "basic", "vat18"}, boot.Misused, "billingctl: vat must be one of [none vat0"},
		"rate of no plan": {[]string{"plan", "set-vat", "gold", "vat22"}, boot.Failed, "there is no such plan"},
		"several faults":  {[]string{"plan", "add", "--code", "A B", "--name", " ", "--price", "1", "--currency", "RUB", "--interval-months", "0"}, boot.Misused, "billingctl: name must not be empty\nbillingctl: interval_months must be 1 to 36\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, errs := s.run(t, test.code, test.args...); !strings.Contains(errs, test.want) {
				t.Errorf("stderr is %q, want %q in it", errs, test.want)
			}
		})
	}
}

func TestPlan_VAT(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	var p planJSON
	s.json(t, boot.OK, &p, "plan", "add", "--code", "sport", "--name", "Sport", "--price", "99", "--currency", "RUB", "--vat", "vat20")
	if p.VAT != "vat20" {
		t.Errorf("added with the rate %s, want vat20", p.VAT)
	}
	if out, _ := s.run(t, boot.OK, "plan", "set-vat", "sport", "vat22"); out != "plan sport has the VAT vat22 on receipts of new payments\n" {
		t.Errorf("set-vat prints %q", out)
	}
	if diff := cmp.Diff([]string{"vat22"}, query(t, s.url(), "SELECT vat FROM plans WHERE code = 'sport'")); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestPlan_SetGroup(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments) // of a subscription to basic, stored without a group
	s.run(t, boot.OK, "plan", "add", "--code", "sport", "--name", "Sport", "--price", "99", "--currency", "RUB", "--group", "add-ons")
	const secondID = "22222222-2222-4222-8222-222222222222"
	exec(t, s.url(), `INSERT INTO subscriptions SELECT (jsonb_populate_record(s, jsonb_build_object('id', '`+secondID+`', 'plan_id', p.id, 'plan_group', 'add-ons'))).*
		FROM subscriptions s, plans p WHERE p.code = 'sport'`)
	_, errs := s.run(t, boot.Failed, "plan", "set-group", "sport", "main")
	if want := "group main: 1; viewer " + ownerID + " has " + secondID + " to plan sport and " + ownerID + " to plan basic"; !strings.Contains(errs, want) {
		t.Errorf("stderr is %q, want %q in it", errs, want)
	}
	out, _ := s.run(t, boot.OK, "plan", "set-group", "sport", "extras")
	if want := "moved plan sport to group extras\n"; out != want {
		t.Errorf("set-group prints %q, want %q", out, want)
	}
	var moved planJSON
	s.json(t, boot.OK, &moved, "plan", "set-group", "basic", "old")
	if moved.Code != "basic" || moved.PlanGroup != "old" {
		t.Errorf("moved %+v", moved)
	}
	got := query(t, s.url(), "SELECT id || ' ' || plan_group FROM subscriptions ORDER BY id")
	if diff := cmp.Diff([]string{ownerID + " old", secondID + " extras"}, got); diff != "" {
		t.Errorf("groups of the subscriptions (-want +got):\n%s", diff)
	}
}

func TestPaymentSystem_Lifecycle(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "payment-system", "add", "--code", "simulator", "--name", "Simulated payments")
	_, errs := s.run(t, boot.Failed, "payment-system", "add", "--code", "simulator", "--name", "Another")
	if !strings.Contains(errs, "with this code already") {
		t.Errorf("stderr is %q", errs)
	}
	s.run(t, boot.Failed, "payment-system", "archive", "bank")
	s.run(t, boot.OK, "payment-system", "archive", "simulator")
	out, _ := s.run(t, boot.OK, "payment-system", "list")
	want := "CODE       NAME                ARCHIVED\n" +
		"simulator  Simulated payments  yes\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	var list []paymentSystemJSON
	s.json(t, boot.OK, &list, "payment-system", "list")
	if len(list) != 1 || list[0].ArchivedAt == nil {
		t.Errorf("list is %+v, want one archived payment system", list)
	}
}

func TestList_EmptyIsJSONArray(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	for _, command := range []string{"plan", "payment-system"} {
		if out, _ := s.run(t, boot.OK, command, "list", "--json"); out != "[]\n" {
			t.Errorf("%s list is %q, want []", command, out)
		}
	}
}

func TestPaymentSystemAdd_Adapter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ string
		args    string
		code    int
		want    string // in stderr
	}{
		"adapter":             {"BILLING_ENV=test", "--code simulator --name S", boot.OK, ""},
		"no adapter":          {"BILLING_ENV=test", "--code mybank --name M", boot.Misused, "payment system mybank has no adapter in this version, so nothing could be charged; it has adapters for: simulator, stripe, yookassa; --force adds it anyway"},
		"no adapter, forced":  {"BILLING_ENV=test", "--code mybank --name M --force", boot.OK, ""},
		"adapter is off here": {"BILLING_ENV=production", "--code simulator --name S", boot.OK, "warning: simulator is off with BILLING_ENV=production"},
		"name missing":        {"BILLING_ENV=test", "--code mybank", boot.Misused, "--name is not set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDatabase(t)
			s.environ = append(s.environ, test.environ)
			_, stderr := s.run(t, test.code, append([]string{"payment-system", "add"}, strings.Fields(test.args)...)...)
			if !strings.Contains(stderr, test.want) || (test.want == "") != (stderr == "") {
				t.Errorf("stderr is %q, want %q in it", stderr, test.want)
			}
			var list []paymentSystemJSON
			if s.json(t, boot.OK, &list, "payment-system", "list"); len(list) == 1 != (test.code == boot.OK) {
				t.Errorf("payment systems are %+v", list)
			}
		})
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "plan", "add", "--code", "basic", "--name", "Basic", "--price", "199", "--currency", "RUB")
	s.run(t, boot.OK, "payment-system", "add", "--code", "simulator", "--name", "Simulated")
	s.run(t, boot.OK, "plan", "archive", "basic")
	s.run(t, boot.OK, "payment-system", "archive", "simulator")
	out, _ := s.run(t, boot.OK, "plan", "restore", "basic")
	if want := "restored plan basic: Basic, 199.00 RUB\n"; out != want {
		t.Errorf("plan restore prints %q, want %q", out, want)
	}
	var ps paymentSystemJSON
	if s.json(t, boot.OK, &ps, "payment-system", "restore", "simulator"); ps.ArchivedAt != nil {
		t.Errorf("the restored payment system is %+v", ps)
	}
	s.run(t, boot.OK, "plan", "restore", "basic") // changes nothing
	audit := query(t, s.url(), "SELECT action || ' ' || object FROM panel_audit WHERE action LIKE '%restore' ORDER BY id")
	if diff := cmp.Diff([]string{"plan.restore basic", "payment_system.restore simulator"}, audit); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	s.run(t, boot.Failed, "plan", "restore", "gold")
	s.run(t, boot.Failed, "payment-system", "restore", "bank")
}
