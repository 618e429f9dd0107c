package billing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
)

const uuid = "0198c0de-0000-7000-8000-000000000001"

func basicPlan() billing.Plan {
	return billing.Plan{ID: "plan-1", Code: "basic", Name: "Basic", Price: money(399_00, "RUB"), IntervalMonths: 1, Group: billing.DefaultGroup, VAT: billing.NoVAT}
}

func TestPlan_Check(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*billing.Plan)
		faults []string
	}{
		{"an ordinary plan", func(*billing.Plan) {}, nil},
		{"the longest code", func(p *billing.Plan) { p.Code = strings.Repeat("a", 63) }, nil},
		{"a code with every kind of character", func(p *billing.Plan) { p.Code = "4k_family-2" }, nil},
		{"no code", func(p *billing.Plan) { p.Code = "" }, []string{"code"}},
		{"a code too long", func(p *billing.Plan) { p.Code = strings.Repeat("a", 64) }, []string{"code"}},
		{"a code with a capital", func(p *billing.Plan) { p.Code = "Basic" }, []string{"code"}},
		{"a code with a space", func(p *billing.Plan) { p.Code = "ba sic" }, []string{"code"}},
		{"a code with a slash", func(p *billing.Plan) { p.Code = "ba/sic" }, []string{"code"}},
		{"a code with a newline", func(p *billing.Plan) { p.Code = "basic\n" }, []string{"code"}},
		{"a code that begins with a hyphen", func(p *billing.Plan) { p.Code = "-basic" }, []string{"code"}},
		{"a code that looks like an id", func(p *billing.Plan) { p.Code = uuid }, []string{"code"}},
		{"no name", func(p *billing.Plan) { p.Name = "" }, []string{"name"}},
		{"a blank name", func(p *billing.Plan) { p.Name = " \u00a0 " }, []string{"name"}},
		{"the longest name, in Cyrillic", func(p *billing.Plan) { p.Name = strings.Repeat("ж", 200) }, nil},
		{"a name too long", func(p *billing.Plan) { p.Name = strings.Repeat("ж", 201) }, []string{"name"}},
		{"a name with a NUL", func(p *billing.Plan) { p.Name = "a\x00b" }, []string{"name"}},
		{"a name that is not UTF-8", func(p *billing.Plan) { p.Name = "a\xff" }, []string{"name"}},
		{"the largest price", func(p *billing.Plan) { p.Price.Amount = billing.MaxAmount }, nil},
		{"free", func(p *billing.Plan) { p.Price.Amount = 0 }, []string{"price.amount"}},
		{"a negative price", func(p *billing.Plan) { p.Price.Amount = -1 }, []string{"price.amount"}},
		{"a price too large", func(p *billing.Plan) { p.Price.Amount = billing.MaxAmount + 1 }, []string{"price.amount"}},
		{"no currency", func(p *billing.Plan) { p.Price.Currency = "" }, []string{"price.currency"}},
		{"an unknown currency", func(p *billing.Plan) { p.Price.Currency = "rub" }, []string{"price.currency"}},
		{"the longest interval", func(p *billing.Plan) { p.IntervalMonths = 36 }, nil},
		{"no interval", func(p *billing.Plan) { p.IntervalMonths = 0 }, []string{"interval_months"}},
		{"an interval too long", func(p *billing.Plan) { p.IntervalMonths = 37 }, []string{"interval_months"}},
		{"features", func(p *billing.Plan) { p.Features = []string{"uhd", "new-releases"} }, nil},
		{"fifty features", func(p *billing.Plan) { p.Features = features(50) }, nil},
		{"too many features", func(p *billing.Plan) { p.Features = features(51) }, []string{"features"}},
		{"a feature twice", func(p *billing.Plan) { p.Features = []string{"uhd", "hd", "uhd"} }, []string{"features"}},
		{"two bad features", func(p *billing.Plan) { p.Features = []string{"UHD", ""} }, []string{"features", "features"}},
		{"another group", func(p *billing.Plan) { p.Group = "add-ons_2" }, nil},
		{"no group", func(p *billing.Plan) { p.Group = "" }, []string{"group"}},
		{"a group with a capital", func(p *billing.Plan) { p.Group = "Sport" }, []string{"group"}},
		{
			"every field",
			func(p *billing.Plan) { *p = billing.Plan{Name: "\n", Features: []string{"X", "X"}} },
			[]string{"code", "name", "name", "price.currency", "price.amount", "interval_months", "features", "features", "features", "group", "vat"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := basicPlan()
			tt.change(&p)
			expectFaults(t, p.Check(), tt.faults...)
		})
	}
}

func features(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("feature-%d", i)
	}
	return list
}

func TestPlan_CheckNameVisible(t *testing.T) {
	t.Parallel()
	const control, letter = billing.RuleControlCharacters, billing.RuleNoLetter
	for name, want := range map[string][]billing.Rule{
		"Премиум 4K": nil, "7": nil, "دیدنی\u200cها": nil, "क्\u200dष": nil, "Family 👨\u200d👩\u200d👧": nil, "Kino ❤\ufe0f": nil, "映画": nil, "½": nil,
		"\u200b": {letter, control}, "\u200d": {letter, control}, "\u3164": {letter, control}, "\u2800": {letter}, "—": {letter}, "⭐": {letter},
		"a\u200bb": {control}, "a\u00ad": {control}, "\ufeffa": {control}, "a\u0085b": {control}, "a\u009bb": {control}, "a\u202eb": {control},
		"a\u2066b": {control}, "\u200fa": {control}, "a\u2028b": {control}, "a\u200d": {control}, "a \u200c b": {control}, "a\u200d\u200db": {control},
		"a\u115fb": {control}, "a\ue000": {control}, "a\tb": {control}, "a\x7f": {control}, "a\U000e0041": {control},
	} {
		p := basicPlan()
		p.Name = name
		ps := billing.PaymentSystem{Code: "bank", Name: name}
		for kind, err := range map[string]error{"plan": p.Check(), "payment system": ps.Check()} {
			var got []billing.Rule
			if invalid, ok := errors.AsType[*billing.InvalidError](err); ok {
				for _, f := range invalid.Faults {
					got = append(got, f.Rule)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %+q (-want +got):\n%s", kind, name, diff)
			}
		}
	}
}

func TestPlan_RepriceIgnoresOtherFields(t *testing.T) {
	t.Parallel()
	p := basicPlan()
	p.Name = "\u200b" // allowed by an earlier version
	if _, err := p.Reprice(money(1, "RUB"), day(1)); err != nil {
		t.Error(err)
	}
}

func TestPlan_CheckNamesRules(t *testing.T) {
	t.Parallel()
	p := billing.Plan{Name: strings.Repeat("\n", 201), Price: money(billing.MaxAmount+1, "RUB"), Features: append(features(50), "A", "A")}
	invalid, _ := errors.AsType[*billing.InvalidError](p.Check())
	if invalid == nil {
		t.Fatal("no InvalidError")
	}
	var got []billing.Fault
	for _, f := range invalid.Faults {
		if f.Message == "" {
			t.Errorf("%s: %s has no message", f.Field, f.Rule)
		}
		f.Message = ""
		got = append(got, f)
	}
	want := []billing.Fault{
		{Field: "code", Rule: billing.RuleCodeFormat},
		{Field: "name", Rule: billing.RuleRequired}, {Field: "name", Rule: billing.RuleTooLong}, {Field: "name", Rule: billing.RuleControlCharacters},
		{Field: "price.amount", Rule: billing.RuleTooLarge}, {Field: "interval_months", Rule: billing.RuleIntervalRange},
		{Field: "features", Rule: billing.RuleTooMany}, {Field: "features", Rule: billing.RuleCodeFormat, Value: `"A"`},
		{Field: "features", Rule: billing.RuleCodeFormat, Value: `"A"`}, {Field: "features", Rule: billing.RuleDuplicate},
		{Field: "group", Rule: billing.RuleCodeFormat}, {Field: "vat", Rule: billing.RuleUnknownVAT},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlan_CheckQuotesFeatureSafely(t *testing.T) {
	t.Parallel()
	p := basicPlan()
	p.Features = []string{"a" + strings.Repeat("ж", 1000)}
	text := p.Check().Error()
	if !utf8.ValidString(text) || strings.Contains(text, `\x`) || len(text) > 250 {
		t.Errorf("the error splits a character or is too long: %q", text)
	}
}

func TestPlan_CheckKeepsFeatureOrder(t *testing.T) {
	t.Parallel()
	p := basicPlan()
	p.Features = []string{"uhd", "hd"}
	expectFaults(t, p.Check())
	if diff := cmp.Diff([]string{"uhd", "hd"}, p.Features); diff != "" {
		t.Error(diff)
	}
}

func TestPlan_Reprice(t *testing.T) {
	t.Parallel()
	before := basicPlan()
	after, err := before.Reprice(money(449_00, "RUB"), day(1))
	if err != nil {
		t.Fatal(err)
	}
	want := before
	want.Price, want.UpdatedAt = money(449_00, "RUB"), day(1)
	expectSame(t, after, want)
	if before.Price != money(399_00, "RUB") {
		t.Error("Reprice changed its receiver")
	}
	_, err = before.Reprice(money(0, "xxx"), day(1))
	expectFaults(t, err, "price.currency", "price.amount")
}

func TestPlan_Archive(t *testing.T) {
	t.Parallel()
	want := basicPlan()
	want.ArchivedAt, want.UpdatedAt = day(1), day(1)
	archived := basicPlan().Archive(day(1))
	expectSame(t, archived, want)
	expectSame(t, archived.Archive(day(2)), want)
}

func TestPlan_End(t *testing.T) {
	t.Parallel()
	onSale := basicPlan()
	want := onSale
	want.ArchivedAt, want.EndingAt, want.UpdatedAt = day(2), day(2), day(2)
	ending, err := onSale.End(day(2))
	if err != nil {
		t.Fatal(err)
	}
	expectSame(t, ending, want)

	archived := onSale.Archive(day(1))
	want.ArchivedAt = day(1)
	if ending, err = archived.End(day(2)); err != nil {
		t.Fatal(err)
	}
	expectSame(t, ending, want)

	again, err := ending.End(day(3))
	if !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("a second end returns %v, want ErrInvalidTransition", err)
	}
	expectSame(t, again, ending)

	want = onSale
	want.UpdatedAt = day(4)
	expectSame(t, ending.Restore(day(4)), want)
}

func TestIsID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		uuid: true, strings.ToUpper(uuid): false, uuid + "\n": false, "{" + uuid + "}": false,
		strings.ReplaceAll(uuid, "-", ""): false, "basic": false, "": false,
	} {
		if got := billing.IsID(text); got != want {
			t.Errorf("IsID(%q) = %v", text, got)
		}
	}
}

// expectFaults checks that err reports exactly these fields, in this order.
func expectFaults(t *testing.T, err error, fields ...string) {
	t.Helper()
	if len(fields) == 0 {
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
		return
	}
	invalid, ok := errors.AsType[*billing.InvalidError](err)
	if !ok || !errors.Is(err, billing.ErrInvalid) {
		t.Fatalf("got error %v, want an InvalidError", err)
	}
	got := make([]string, len(invalid.Faults))
	for i, f := range invalid.Faults {
		got[i] = f.Field
	}
	if diff := cmp.Diff(fields, got); diff != "" {
		t.Errorf("%v\nfields (-want +got):\n%s", err, diff)
	}
}

func expectSame(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// day returns noon in UTC, n days after 1 March 2026.
func day(n int) time.Time { return time.Date(2026, time.March, 1+n, 12, 0, 0, 0, time.UTC) }

func TestPlan_Edit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		change      func(*billing.Plan)
		subscribers int
		faults      []billing.Rule
	}{
		{"all fields, without subscribers", func(p *billing.Plan) {
			p.Code, p.Name, p.Price, p.IntervalMonths, p.Features = "gold", "Gold", money(449_00, "KZT"), 12, []string{"hd"}
		}, 0, nil},
		{"the interval, with a subscriber", func(p *billing.Plan) { p.IntervalMonths = 12 }, 1, []billing.Rule{billing.RuleIntervalFixed}},
		{"the price, with a subscriber", func(p *billing.Plan) { p.Price.Amount++ }, 1, nil},
		{"the interval and a wrong name", func(p *billing.Plan) { p.IntervalMonths, p.Name = 12, "" }, 1,
			[]billing.Rule{billing.RuleRequired, billing.RuleIntervalFixed}},
		{"an interval out of range, without subscribers", func(p *billing.Plan) { p.IntervalMonths = 0 }, 0, []billing.Rule{billing.RuleIntervalRange}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			to := basicPlan()
			tt.change(&to)
			got, err := basicPlan().Edit(to, tt.subscribers, day(1))
			var rules []billing.Rule
			var invalid *billing.InvalidError
			if errors.As(err, &invalid) {
				for _, f := range invalid.Faults {
					rules = append(rules, f.Rule)
				}
			}
			expectSame(t, rules, tt.faults)
			if tt.faults == nil {
				to.UpdatedAt = day(1)
				expectSame(t, got, to)
			}
		})
	}
}
