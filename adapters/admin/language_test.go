package admin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// sameInBoth are the keys of texts that are equal in both languages.
var sameInBoth = map[string]bool{"decline.": true}

func TestTexts_InBothLanguages(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, text := range texts {
		en, ru := text[english], text[russian]
		if (en == "" || ru == "" || en == ru) && !sameInBoth[key] {
			t.Errorf("%s: empty or equal texts %q and %q", key, en, ru)
		}
		if !sameInBoth[key] && !strings.ContainsFunc(ru, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) {
			t.Errorf("%s: no Cyrillic letter in %q", key, ru)
		}
		if len(verbs.FindAllString(en, -1)) != len(verbs.FindAllString(ru, -1)) {
			t.Errorf("%s: different verbs in %q and %q", key, en, ru)
		}
		if forms := strings.Count(en, "|"); forms > 0 && (forms != 1 || strings.Count(ru, "|") != 2) {
			t.Errorf("%s: want two forms in %q and three in %q", key, en, ru)
		}
	}
}

// The test searches the source files and the templates for text keys.
func TestTexts_EveryUsedKeyExists(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`(?:\.T|\.text|\.Count|\.count|T|key:|key :?=) ?\(?"([a-z_.]+)"`)
	n := 0
	search := func(name string, text []byte) {
		for _, m := range used.FindAllSubmatch(text, -1) {
			n++
			if key := string(m[1]); !hasText(key) && !strings.HasSuffix(key, ".") {
				t.Errorf("%s uses the unknown key %q", name, key)
			}
		}
	}
	err := fs.WalkDir(templates, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templates.ReadFile(name)
		search(name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		search(name, text)
	}
	if n < 100 {
		t.Errorf("only %d uses of texts found", n)
	}
}

func TestTexts_EveryCodeHasName(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, c := range append(billing.DeclineCodes(), billing.NotSent, billing.TokenUnknown, billing.Refused, billing.ReceiptContactMissing, billing.Postponed, billing.MethodRemoved, billing.MethodNotSaved, billing.PlanEnded) {
		keys = append(keys, "decline."+string(c))
	}
	for _, e := range eventTypes {
		keys = append(keys, "event."+string(e))
	}
	for _, a := range []billing.NextAction{billing.ConfirmPayment, billing.ReplacePaymentMethod, billing.AddReceiptContact} {
		keys = append(keys, "hold."+string(a))
	}
	for _, s := range []billing.Status{billing.StatusIncomplete, billing.StatusActive, billing.StatusPastDue, billing.StatusEnded} {
		keys = append(keys, "status."+string(s))
	}
	for _, s := range []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned} {
		keys = append(keys, "payment."+string(s))
	}
	for _, a := range []string{
		operators.PlanAdded, operators.PlanEdited, operators.PlanArchived, operators.PlanRestored, operators.PaymentSystemRestored, operators.PlanDeleted, operators.PaymentSystemAdded, operators.PaymentSystemEdited,
		operators.PaymentSystemArchived, operators.PaymentSystemDeleted, operators.PaymentSettled, operators.SubscriptionsGiven, operators.PanelUserAdded, operators.PanelUserPasswordChanged,
		operators.PanelUserDisabled, operators.PanelUserLockedOut, operators.PanelUserSignedIn, operators.PanelUserSignInFailed,
		operators.PanelUserEnabled, operators.PanelUserRoleChanged, operators.PanelUserPasswordReset, operators.PanelUserFactorOn, operators.PanelUserFactorOff,
		operators.PanelUserFactorReset, operators.PanelUserRecoveryRenewed, operators.PanelUserSessionsEnded,
		operators.EndpointAdded, operators.EndpointRotated, operators.EndpointDisabled, operators.EndpointEnabled, operators.EndpointReplayed, operators.EndpointTested,
		// billingctl audits these itself.
		"vault.keygen", "vault.rotate", "vault.prepare", "vault.new_kek", "vault.disable_old", "vault.enable_old", "vault.rewrap",
		"clock.set", "clock.advance", "clock.release",
	} {
		keys = append(keys, "action."+a)
	}
	for _, kind := range []string{"plans", "payment_systems"} {
		keys = append(keys, kind+".new")
		for _, done := range []string{"added", "edited", "deleted", "archived"} {
			keys = append(keys, "done."+kind+"."+done)
		}
	}
	facts := []string{"from", "to", "days", "plan", "source", "reason", "status", "viewers", "ending_at"}
	for _, field := range slices.Concat(planFields, systemFields, facts) {
		keys = append(keys, "field."+field)
	}
	for _, err := range []error{errNoPage, errBadRequest, errContentType, errCSRF, errCrossOrigin, errReadOnly, operators.ErrSignedOut, operators.ErrForbidden, billing.ErrUnavailable, ports.ErrInUse, os.ErrInvalid} {
		keys = append(keys, failureOf(err).key, failureOf(err).key+".text")
	}
	for _, key := range keys {
		if !hasText(key) {
			t.Errorf("no text %s", key)
		}
	}
}

func TestTextOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"gold", "gold"}, {billing.StatusPastDue, "past_due"}, {ports.RoleEditor, string(ports.RoleEditor)}, {billing.PaymentMethodID("01"), "01"},
		{billing.NewSecret("password"), ""}, {[]byte("gold"), ""}, {7, ""}, {nil, ""},
	} {
		if got := textOf(tt.value); got != tt.want {
			t.Errorf("textOf(%#v) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

// The filter of the history has every event type that billing declares.
func TestEventTypes_Complete(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../core/billing/event.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`\bEventType += "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if len(declared) != len(eventTypes) {
		t.Errorf("%d types are declared, the filter has %d", len(declared), len(eventTypes))
	}
	for _, m := range declared {
		if !slices.Contains(eventTypes, billing.EventType(m[1])) {
			t.Errorf("the filter has no type %s", m[1])
		}
	}
}

// Every fault that the rules of billing find in a plan has a Russian text.
func TestFaults_EveryRuleTranslated(t *testing.T) {
	t.Parallel()
	v := &view{lang: russian}
	bad := []billing.Plan{
		{}, {Code: "x y", Name: strings.Repeat("n", 201), Price: billing.Money{Amount: billing.MaxAmount + 1, Currency: "RUB"}, IntervalMonths: 99},
		{Name: "\x01", Features: []string{"A", "b", "b"}}, {Features: make([]string, 51)}, {Name: "—"},
	}
	n := 0
	for _, p := range bad {
		err := p.Check()
		var invalid *billing.InvalidError
		if !errors.As(err, &invalid) {
			t.Fatalf("%+v: %v", p, err)
		}
		for _, f := range invalid.Faults {
			n++
			if faultOf(f).key == "" {
				t.Errorf("%s: %q has no text", f.Field, f.Message)
			}
			text, _, _ := strings.Cut(v.faultText(faultOf(f)), ": ")
			if strings.ContainsFunc(text, func(r rune) bool {
				return r < unicode.MaxASCII && unicode.IsLetter(r) && !strings.ContainsRune("ISORUB", r)
			}) {
				t.Errorf("%s: %q is translated as %q", f.Field, f.Message, text)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d faults found, want at least 15", n)
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		money  billing.Money
		en, ru string
	}{
		{billing.Money{Amount: 399_00, Currency: "RUB"}, "₽399.00", "399,00 ₽"},
		{billing.Money{Amount: 1_234_567_05, Currency: "USD"}, "$1,234,567.05", "1 234 567,05 $"},
		{billing.Money{Amount: 1_500, Currency: "JPY"}, "¥1,500", "1 500 ¥"},
		{billing.Money{Amount: 1_500, Currency: "KWD"}, "1.500 KWD", "1,500 KWD"},
		{billing.Money{Amount: 5, Currency: "PLN"}, "0.05 PLN", "0,05 PLN"},
	} {
		for l, want := range map[lang]string{english: tt.en, russian: tt.ru} {
			if got := strings.ReplaceAll(l.money(tt.money), noBreak, " "); got != want {
				t.Errorf("%v in %s: %q, want %q", tt.money, l.code(), got, want)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "0 подписчиков", 1: "1 подписчик", 2: "2 подписчика", 5: "5 подписчиков", 11: "11 подписчиков", 12: "12 подписчиков",
		21: "21 подписчик", 22: "22 подписчика", 111: "111 подписчиков", 1001: "1 001 подписчик",
	} {
		if got := strings.ReplaceAll(russian.count("subscribers", n), noBreak, " "); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 subscribers", 1: "1 subscriber", 21: "21 subscribers", 1000: "1,000 subscribers"} {
		if got := strings.ReplaceAll(english.count("subscribers", n), noBreak, " "); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestCompactNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64][2]string{
		4: {"4", "4"}, 2000: {"2,000", "2 000"}, 40_000: {"40K", "40 тыс."}, 1_500_000: {"1.5M", "1,5 млн"}, 2_000_000_000: {"2B", "2 млрд"},
	} {
		if got := [2]string{english.compact(n), strings.ReplaceAll(russian.compact(n), noBreak, " ")}; got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]int64{0: 4, 4: 4, 5: 6, 9: 10, 11: 20, 99: 100, 101: 200, 4001: 6000} {
		if got := roundUp(n); got != want {
			t.Errorf("%d is rounded to %d, want %d", n, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 31, 9, 5, 0, 0, time.UTC)
	for l, want := range map[lang]string{english: "31 May 2026", russian: "31 мая 2026"} {
		if got := strings.ReplaceAll(l.date(at), noBreak, " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for d, want := range map[time.Duration]string{time.Second: "меньше минуты", 90 * time.Second: "1 минута", 5 * time.Hour: "5 часов", 72 * time.Hour: "3 дня"} {
		if got := strings.ReplaceAll(russian.duration(d), noBreak, " "); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// No style sheet or template refers to another site or to a missing file, and no
// template has an inline script or style.
func TestAssets_NoOtherSites(t *testing.T) {
	t.Parallel()
	a, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range a.files {
		if !strings.HasSuffix(name, ".css") {
			continue
		}
		for _, m := range reference.FindAllSubmatch(f.plain, -1) {
			ref := strings.Trim(string(m[1]), `"'`)
			if _, there := a.files["/"+ref]; !there && !strings.HasPrefix(ref, "data:") {
				t.Errorf("%s refers to the missing file %s", name, ref)
			}
		}
		if strings.Contains(string(f.plain), "@import") {
			t.Errorf("%s has an @import", name)
		}
	}
	foreign := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//`)
	err = fs.WalkDir(templates, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templates.ReadFile(name)
		if foreign.Match(text) || strings.Contains(string(text), "<script") || strings.Contains(string(text), "style=") || strings.Contains(string(text), " on") && regexp.MustCompile(` on[a-z]+=`).Match(text) {
			t.Errorf("%s has an external reference, a script or an inline style", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
