package billing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

var (
	cardNow = time.Date(2026, time.March, 15, 12, 0, 0, 0, time.UTC)
	inUTC   = billing.NewCalendar(time.UTC)
)

func details(number string) billing.CardDetails {
	return billing.CardDetails{Number: billing.ParseCardNumber(number), ExpMonth: 12, ExpYear: 2031, Holder: "A VIEWER"}
}

func newCard(d billing.CardDetails) (billing.Card, error) {
	return billing.NewCard("c1", "u1", d, cardNow, inUTC)
}

// faultsOf returns the fields that err finds fault with.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var invalid *billing.InvalidError
	if err != nil && !errors.As(err, &invalid) {
		t.Fatalf("error %v, want an *InvalidError", err)
	}
	if err == nil {
		return nil
	}
	var fields []string
	for _, f := range invalid.Faults {
		fields = append(fields, f.Field)
	}
	return fields
}

func TestBrandsByNumber(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]billing.Brand{
		"2200000000000053":    billing.Mir,
		"2204000000000000014": billing.Mir,
		"4242424242424242":    billing.Visa,
		"4222222222222":       billing.Visa,
		"4000000000000000006": billing.Visa,
		"5555555555554444":    billing.Mastercard,
		"2221000000000009":    billing.Mastercard,
		"2720990000000007":    billing.Mastercard,
		"378282246310005":     billing.Amex,
		"341111111111111":     billing.Amex,
		"6200000000000005":    billing.UnionPay,
		"6200000000000000000": billing.UnionPay,
		"3530111333300000":    billing.JCB,
		"6759649826438453":    billing.Maestro,
		"500000000009":        billing.Maestro,
	} {
		c, err := newCard(details(number))
		if err != nil {
			t.Errorf("%s: %v", number, err)
		}
		if c.Brand != want || c.Last4 != number[len(number)-4:] {
			t.Errorf("%s: %s ending in %s, want %s", number, c.Brand, c.Last4, want)
		}
	}
}

func TestNumbersThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]string{
		"wrong check digit":     "4242424242424241",
		"two digits swapped":    "2442424242424242",
		"one digit short":       "424242424242424",
		"Visa of 14":            "42424242424246",
		"Mastercard of 17":      "55555555555544442",
		"Amex of 16":            "3782822463100055",
		"no brand":              "9999999999999995",
		"between the ranges":    "2205000000000008",
		"below Mastercard":      "2220990000000000",
		"above Mastercard":      "2721000000000004",
		"empty":                 "",
		"letters":               "4242x4242424242424",
		"other digits":          "４２４２４２４２４２４２４２４２",
		"leading space":         " 4242424242424242",
		"trailing newline":      "4242424242424242\n",
		"two spaces":            "4242  4242 4242 4242",
		"space and dash":        "4242 -4242 4242 4242",
		"dots":                  "4242.4242.4242.4242",
		"a dash at the end":     "4242424242424242-",
		"NUL":                   "4242424242424242\x00",
		"twenty digits":         "42424242424242424242",
		"nothing but one digit": "4",
		"all zeros":             "0000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := newCard(details(number))
			if got := faultsOf(t, err); !slices.Equal(got, []string{"number"}) || c.Last4 != "" {
				t.Errorf("card %+v, faults %v, want one with the number", c, got)
			}
			if number != "" && len(number) > 2 && strings.Contains(err.Error(), number) {
				t.Errorf("the error quotes the number: %v", err)
			}
		})
	}
}

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "4242 4242-42424242"} {
		if got := billing.ParseCardNumber(number).Reveal(); got != "4242424242424242" {
			t.Errorf("%q is read as %q", number, got)
		}
	}
}

// A card is good to the last instant of its month, where billing counts months.
func TestExpiry(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, time.April, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		now  time.Time
		cal  billing.Calendar
		want bool
	}{
		"the month before":         {end.AddDate(0, -1, 0), inUTC, false},
		"its last instant":         {end.Add(-time.Microsecond), inUTC, false},
		"the next month":           {end, inUTC, true},
		"Moscow, its last":         {end.Add(-3*time.Hour - time.Microsecond), billing.NewCalendar(moscow), false},
		"Moscow, the next month":   {end.Add(-3 * time.Hour), billing.NewCalendar(moscow), true},
		"the zero calendar is UTC": {end.Add(-time.Microsecond), billing.Calendar{}, false},
	} {
		card := billing.Card{ExpMonth: 3, ExpYear: 2026}
		if got := card.Expired(c.now, c.cal); got != c.want {
			t.Errorf("%s: expired %t, want %t", name, got, c.want)
		}
		usable := card.Usable(c.now, c.cal)
		if c.want != errors.Is(usable, billing.ErrInvalid) {
			t.Errorf("%s: usable %v", name, usable)
		}
	}
	card := billing.Card{ExpMonth: 12, ExpYear: 2026}
	if card.Expired(time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), inUTC) || !card.Expired(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), inUTC) {
		t.Error("December does not end with the year")
	}
}

func TestCardDetailsAreCheckedAllAtOnce(t *testing.T) {
	t.Parallel()
	good := details("4242424242424242")
	for name, c := range map[string]struct {
		change func(*billing.CardDetails)
		want   []string
	}{
		"good":              {func(*billing.CardDetails) {}, nil},
		"no holder":         {func(d *billing.CardDetails) { d.Holder = "" }, nil},
		"Cyrillic holder":   {func(d *billing.CardDetails) { d.Holder = "ИВАН О'НИЛ-ПЕТРОВ jr." }, nil},
		"this month":        {func(d *billing.CardDetails) { d.ExpMonth, d.ExpYear = 3, 2026 }, nil},
		"last month":        {func(d *billing.CardDetails) { d.ExpMonth, d.ExpYear = 2, 2026 }, []string{"exp_year"}},
		"month 0":           {func(d *billing.CardDetails) { d.ExpMonth = 0 }, []string{"exp_month"}},
		"month 13":          {func(d *billing.CardDetails) { d.ExpMonth = 13 }, []string{"exp_month"}},
		"two digits":        {func(d *billing.CardDetails) { d.ExpYear = 31 }, []string{"exp_year"}},
		"far away":          {func(d *billing.CardDetails) { d.ExpYear = 2047 }, []string{"exp_year"}},
		"number as holder":  {func(d *billing.CardDetails) { d.Holder = "4242 4242 4242 4242" }, []string{"holder"}},
		"long holder":       {func(d *billing.CardDetails) { d.Holder = strings.Repeat("A", 101) }, []string{"holder"}},
		"control in holder": {func(d *billing.CardDetails) { d.Holder = "A\x00B" }, []string{"holder"}},
		"everything": {func(d *billing.CardDetails) {
			*d = billing.CardDetails{ExpMonth: 99, Holder: "1"}
		}, []string{"number", "exp_month", "holder"}},
	} {
		d := good
		c.change(&d)
		_, err := newCard(d)
		if diff := cmp.Diff(c.want, faultsOf(t, err)); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", name, diff)
		}
	}
}

func TestCVVs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number, cvv string
		ok          bool
	}{
		{"4242424242424242", "123", true}, {"4242424242424242", "000", true}, {"4242424242424242", "1234", false},
		{"4242424242424242", "12", false}, {"4242424242424242", "", false}, {"4242424242424242", "12a", false},
		{"4242424242424242", " 123", false}, {"4242424242424242", "１２３", false}, {"4242424242424242", "-12", false},
		{"378282246310005", "1234", true}, {"378282246310005", "123", false},
	} {
		card, err := newCard(details(c.number))
		if err != nil {
			t.Fatal(err)
		}
		err = card.CheckCVV(billing.NewCVV(c.cvv))
		if (err == nil) != c.ok {
			t.Errorf("%s with the code %q: %v", card.Brand, c.cvv, err)
		}
		if err != nil && len(c.cvv) > 2 && strings.Contains(err.Error(), c.cvv) {
			t.Errorf("the error quotes the code: %v", err)
		}
	}
}

func TestRemovedCard(t *testing.T) {
	t.Parallel()
	card, err := newCard(details("4242424242424242"))
	if err != nil {
		t.Fatal(err)
	}
	card.Number = billing.Encrypted{Ciphertext: []byte("sealed"), KeyID: 7}
	card.Fingerprint[0] = 1
	later := cardNow.Add(time.Hour)
	removed, events := card.Remove(later)
	want := billing.Card{
		ID: "c1", UserID: "u1", Brand: billing.Visa, Last4: "4242", ExpMonth: 12, ExpYear: 2031,
		CreatedAt: cardNow, RemovedAt: later,
	}
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]billing.Event{{UserID: "u1", Type: billing.EventCardRemoved, At: later, CardID: "c1"}}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if again, events := removed.Remove(later.Add(time.Hour)); len(events) > 0 || !again.RemovedAt.Equal(later) {
		t.Errorf("removed again: %+v, %v", again, events)
	}
	if err := removed.Usable(later, inUTC); !errors.Is(err, billing.ErrCardNotFound) {
		t.Errorf("it can be paid with: %v", err)
	}
}

// Every number with one wrong digit, and every one with two neighbours swapped
// (but 0 and 9, which the check digit cannot tell), is found out.
func TestSlipsAreFoundOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := []byte(rapid.StringMatching(`4[0-9]{14}`).Draw(t, "digits") + "0")
		for d := byte('0'); d <= '9'; d++ {
			digits[15] = d
			if billing.LooksLikeCardNumber(string(digits)) {
				break
			}
		}
		if !billing.LooksLikeCardNumber(string(digits)) {
			t.Fatalf("no check digit fits %s", digits)
		}
		i := rapid.IntRange(0, 15).Draw(t, "place")
		wrong := slices.Clone(digits)
		wrong[i] = '0' + (wrong[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if billing.LooksLikeCardNumber(string(wrong)) {
			t.Errorf("%s passes for %s", wrong, digits)
		}
		if i < 15 {
			swapped := slices.Clone(digits)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			pair := string([]byte{min(digits[i], digits[i+1]), max(digits[i], digits[i+1])})
			if digits[i] != digits[i+1] && pair != "09" && billing.LooksLikeCardNumber(string(swapped)) {
				t.Errorf("%s passes for %s", swapped, digits)
			}
		}
	})
}

func TestCardSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	const pan, code = "4916338506082832", "7391"
	number, cvv := billing.ParseCardNumber(pan), billing.NewCVV(code)
	type holder struct {
		number billing.CardNumber
		cvv    billing.CVV
		Number billing.CardNumber
		CVV    billing.CVV
		Ptr    *billing.CardNumber
	}
	values := map[string]any{
		"number": number, "cvv": cvv, "pointer": &number, "details": billing.CardDetails{Number: number},
		"struct": holder{number, cvv, number, cvv, &number}, "pointer to struct": &holder{number, cvv, number, cvv, &number},
		"slice": []billing.CVV{cvv}, "map": map[string]billing.CardNumber{"n": number}, "any": struct{ any }{cvv},
		"nested": map[string][]holder{"x": {{number: number, cvv: cvv}}},
	}
	forms := []string{pan, code, fmt.Sprintf("%x", pan), fmt.Sprintf("%x", code), strings.Trim(fmt.Sprint([]byte(pan)), "[]"), strings.Trim(fmt.Sprint([]byte(code)), "[]")}
	for name, v := range values {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%20s"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var line strings.Builder
		slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&line, nil)).Info("x", "v", v)
		texts = append(texts, string(raw), line.String(), fmt.Errorf("bad: %v", v).Error())
		for _, text := range texts {
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%s shows %s: %s", name, form, text)
				}
			}
		}
	}
	if number.Reveal() != pan || cvv.Reveal() != code {
		t.Error("what they hide is gone")
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	digits := []byte("4242424242424242")
	number := billing.CardNumberFromDigits(digits)
	other := number
	number.Wipe()
	number.Wipe()
	if !other.IsZero() || other.Reveal() != "" || strings.Trim(string(digits), "\x00") != "" {
		t.Errorf("left: %q, in memory %q", other.Reveal(), digits)
	}
	var zero billing.CVV
	zero.Wipe()
	if !zero.IsZero() || zero.Reveal() != "" {
		t.Error("the zero code hides something")
	}
	if _, err := newCard(billing.CardDetails{Number: number, ExpMonth: 1, ExpYear: 2030}); err == nil {
		t.Error("a wiped number makes a card")
	}
}

func TestTokenThatIsACardNumber(t *testing.T) {
	t.Parallel()
	_, err := billing.NewPaymentMethod("m", "u", "s", billing.NewSecret("4242424242424242"), cardNow)
	if got := faultsOf(t, err); !slices.Equal(got, []string{"payment_token"}) {
		t.Errorf("faults %v, want one with the token", got)
	}
	for _, token := range []string{"tok_4242424242424242", "1234567890123", "4242424242424241"} {
		if _, err := billing.NewPaymentMethod("m", "u", "s", billing.NewSecret(token), cardNow); err != nil {
			t.Errorf("%s: %v", token, err)
		}
	}
}
