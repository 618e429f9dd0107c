package billing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestMethodSave_Apply(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	pending := billing.NewSave(billing.NewPageMethod("m", "u", "s", now.Add(-time.Hour)), "https://cinema.example/")
	token := billing.NewSecret("tok")
	page := billing.SaveOutcome{Status: billing.MethodPending, ProviderRef: "ref", ActionURL: "https://pay.example/1", PageUntil: now.Add(time.Hour)}
	for name, tt := range map[string]struct {
		outcome billing.SaveOutcome
		want    func(*billing.MethodSave)
	}{
		"page": {page, func(s *billing.MethodSave) {
			s.ProviderRef, s.ActionURL, s.PageUntil = page.ProviderRef, page.ActionURL, page.PageUntil
		}},
		"active": {billing.SaveOutcome{Status: billing.MethodActive, ProviderRef: "ref", Token: token, Brand: billing.Mir, Last4: "0053"}, func(s *billing.MethodSave) {
			s.Status, s.ProviderRef, s.Brand, s.Last4, s.SettledAt = billing.MethodActive, "ref", billing.Mir, "0053", now
		}},
		"active without a token": {billing.SaveOutcome{Status: billing.MethodActive, Last4: "0053"}, func(s *billing.MethodSave) {
			s.Status, s.DeclineCode, s.SettledAt = billing.MethodFailed, billing.MethodNotSaved, now
		}},
		"failed": {billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.ActionExpired, ActionURL: "https://pay.example/1"}, func(s *billing.MethodSave) {
			s.Status, s.DeclineCode, s.SettledAt = billing.MethodFailed, billing.ActionExpired, now
		}},
		"an unknown status": {billing.SaveOutcome{Status: "strange"}, func(*billing.MethodSave) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := pending
			tt.want(&want)
			got, settled := pending.Apply(tt.outcome, now)
			if got != want || settled != want.Settled() {
				t.Errorf("Apply = %+v, %t; want %+v", got, settled, want)
			}
			later, again := got.Apply(billing.SaveOutcome{Status: billing.MethodActive, Token: token}, now.Add(time.Hour))
			if want.Settled() && (again || later != want) {
				t.Errorf("a later outcome changes the save to %+v", later)
			}
		})
	}
}

func TestSaveOutcome_Clean(t *testing.T) {
	t.Parallel()
	good := billing.SaveOutcome{
		Status: billing.MethodActive, ProviderRef: "ref", Token: billing.NewSecret("tok"), Brand: billing.Visa, Last4: "4242",
	}
	if clean, changed := good.Clean(); clean != good || len(changed) > 0 {
		t.Errorf("Clean = %+v, %v; want it unchanged", clean, changed)
	}
	never := good
	never.PageUntil = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) // JSON has no such time
	if clean, _ := never.Clean(); clean != good {
		t.Errorf("Clean = %+v, want no time", clean)
	}
	moscow := time.FixedZone("MSK", 3*60*60)
	bad := billing.SaveOutcome{
		Status: billing.MethodActive, DeclineCode: "Strange code", ProviderRef: "a\nb", ActionURL: "javascript:alert(1)",
		PageUntil: time.Date(2026, 3, 1, 12, 0, 0, 1234, moscow), Token: billing.NewSecret("a b"), Brand: "elo", Last4: "42 2",
	}
	clean, changed := bad.Clean()
	want := billing.SaveOutcome{
		Status: billing.MethodActive, DeclineCode: billing.UnknownDecline, ProviderRef: "ab", PageUntil: time.Date(2026, 3, 1, 9, 0, 0, 1000, time.UTC),
	}
	slices.Sort(changed)
	if clean != want || strings.Join(changed, " ") != "action_url brand decline_code last4 provider_ref token" {
		t.Errorf("Clean = %+v, %v; want %+v", clean, changed, want)
	}
}

func TestSave_Limits(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for lookup, want := range map[time.Duration]bool{0: false, 25*time.Hour - 1: false, 25 * time.Hour: true} {
		if got := (billing.SendTimes{First: first, Lookup: first.Add(lookup)}).SaveOverdue(); got != want {
			t.Errorf("after %s SaveOverdue = %t, want %t", lookup, got, want)
		}
	}
	if (billing.SendTimes{Lookup: first}).SaveOverdue() {
		t.Error("a save that was never sent is overdue")
	}
	for age, want := range map[time.Duration]bool{30*24*time.Hour - 1: false, 30 * 24 * time.Hour: true} {
		if got := billing.ForgetOverdue(age); got != want {
			t.Errorf("after %s ForgetOverdue = %t, want %t", age, got, want)
		}
	}
}
