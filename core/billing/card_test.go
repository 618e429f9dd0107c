package billing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// faultsOf returns the fields that err reports.
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

func TestNewCard_Brand(t *testing.T) {
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
			t.Errorf("%s: got %s ending in %s, want %s", number, c.Brand, c.Last4, want)
		}
	}
}

func TestNewCard_InvalidNumber(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]string{
		"wrong check digit":          "4242424242424241",
		"two digits swapped":         "2442424242424242",
		"one digit short":            "424242424242424",
		"Visa, 14 digits":            "42424242424246",
		"Mastercard, 17 digits":      "55555555555544442",
		"Amex, 16 digits":            "3782822463100055",
		"unknown brand":              "9999999999999995",
		"between the ranges":         "2205000000000008",
		"below the Mastercard range": "2220990000000000",
		"above the Mastercard range": "2721000000000004",
		"empty":                      "",
		"letters":                    "4242x4242424242424",
		"full-width digits":          "４２４２４２４２４２４２４２４２",
		"leading space":              " 4242424242424242",
		"trailing newline":           "4242424242424242\n",
		"two spaces":                 "4242  4242 4242 4242",
		"space and dash":             "4242 -4242 4242 4242",
		"dots":                       "4242.4242.4242.4242",
		"trailing dash":              "4242424242424242-",
		"NUL":                        "4242424242424242\x00",
		"twenty digits":              "42424242424242424242",
		"one digit":                  "4",
		"all zeros":                  "0000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := newCard(details(number))
			if got := faultsOf(t, err); !slices.Equal(got, []string{"number"}) || c.Last4 != "" {
				t.Errorf("got card %+v and faults %v, want one fault of the number", c, got)
			}
			if number != "" && len(number) > 2 && strings.Contains(err.Error(), number) {
				t.Errorf("the error contains the number: %v", err)
			}
		})
	}
}

// A card is valid until the last instant of its month, in the calendar's time zone.
func TestCard_Expired(t *testing.T) {
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
		"the month before":                {end.AddDate(0, -1, 0), inUTC, false},
		"its last instant in UTC":         {end.Add(-time.Microsecond), inUTC, false},
		"the next month":                  {end, inUTC, true},
		"its last instant in Moscow":      {end.Add(-3*time.Hour - time.Microsecond), billing.NewCalendar(moscow), false},
		"the next month in Moscow":        {end.Add(-3 * time.Hour), billing.NewCalendar(moscow), true},
		"the zero calendar counts in UTC": {end.Add(-time.Microsecond), billing.Calendar{}, false},
	} {
		card := billing.Card{ExpMonth: 3, ExpYear: 2026}
		if got := card.Expired(c.now, c.cal); got != c.want {
			t.Errorf("%s: Expired = %t, want %t", name, got, c.want)
		}
		usable := card.Usable(c.now, c.cal)
		if c.want != errors.Is(usable, billing.ErrInvalid) {
			t.Errorf("%s: Usable = %v", name, usable)
		}
	}
	card := billing.Card{ExpMonth: 12, ExpYear: 2026}
	if card.Expired(time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), inUTC) || !card.Expired(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), inUTC) {
		t.Error("a card of December does not expire at the end of the year")
	}
}

func TestNewCard_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	good := details("4242424242424242")
	for name, c := range map[string]struct {
		change func(*billing.CardDetails)
		want   []string
	}{
		"good":                  {func(*billing.CardDetails) {}, nil},
		"no holder":             {func(d *billing.CardDetails) { d.Holder = "" }, nil},
		"Cyrillic holder":       {func(d *billing.CardDetails) { d.Holder = "ИВАН О'НИЛ-ПЕТРОВ jr." }, nil},
		"Devanagari holder":     {func(d *billing.CardDetails) { d.Holder = "दीपक" }, nil},
		"Sinhala holder":        {func(d *billing.CardDetails) { d.Holder = "ශ්\u200dරී" }, nil},
		"holder as on a stripe": {func(d *billing.CardDetails) { d.Holder = "SMITH/JOHN" }, nil},
		"company as holder":     {func(d *billing.CardDetails) { d.Holder = "SMITH & SONS (UK), LTD." }, nil},
		"decomposed holder":     {func(d *billing.CardDetails) { d.Holder = "JOSE\u0301" }, nil},
		"mark without a letter": {func(d *billing.CardDetails) { d.Holder = "\u0301A" }, []string{"holder"}},
		"joiner between spaces": {func(d *billing.CardDetails) { d.Holder = "A \u200d B" }, []string{"holder"}},
		"zero width space":      {func(d *billing.CardDetails) { d.Holder = "A\u200bB" }, []string{"holder"}},
		"Arabic digits":         {func(d *billing.CardDetails) { d.Holder = "٤٢٤٢" }, []string{"holder"}},
		"this month":            {func(d *billing.CardDetails) { d.ExpMonth, d.ExpYear = 3, 2026 }, nil},
		"last month":            {func(d *billing.CardDetails) { d.ExpMonth, d.ExpYear = 2, 2026 }, []string{"exp_year"}},
		"month 0":               {func(d *billing.CardDetails) { d.ExpMonth = 0 }, []string{"exp_month"}},
		"month 13":              {func(d *billing.CardDetails) { d.ExpMonth = 13 }, []string{"exp_month"}},
		"year of two digits":    {func(d *billing.CardDetails) { d.ExpYear = 31 }, []string{"exp_year"}},
		"too far in the future": {func(d *billing.CardDetails) { d.ExpYear = 2047 }, []string{"exp_year"}},
		"number as holder":      {func(d *billing.CardDetails) { d.Holder = "4242 4242 4242 4242" }, []string{"holder"}},
		"long holder":           {func(d *billing.CardDetails) { d.Holder = strings.Repeat("A", 101) }, []string{"holder"}},
		"NUL in holder":         {func(d *billing.CardDetails) { d.Holder = "A\x00B" }, []string{"holder"}},
		"every field": {func(d *billing.CardDetails) {
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

func TestCard_CheckCVV(t *testing.T) {
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
			t.Errorf("%s, code %q: %v", card.Brand, c.cvv, err)
		}
		if err != nil && len(c.cvv) > 2 && strings.Contains(err.Error(), c.cvv) {
			t.Errorf("the error contains the code: %v", err)
		}
	}
}

func TestCard_Remove(t *testing.T) {
	t.Parallel()
	card, err := newCard(details("4242424242424242"))
	if err != nil {
		t.Fatal(err)
	}
	card.Number = billing.Encrypted{Ciphertext: []byte("encrypted"), KeyID: 7}
	card.Fingerprint[0] = 1
	later := cardNow.Add(time.Hour)
	removed, events := card.Remove(later)
	want := billing.Card{
		ID: "c1", UserID: "u1", Brand: billing.Visa, Last4: "4242", ExpMonth: 12, ExpYear: 2031,
		CreatedAt: cardNow, RemovedAt: later,
	}
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("removed card (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]billing.Event{{UserID: "u1", Type: billing.EventCardRemoved, At: later, CardID: "c1"}}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if repeated, events := removed.Remove(later.Add(time.Hour)); len(events) > 0 || !repeated.RemovedAt.Equal(later) {
		t.Errorf("the second Remove changed something: %+v, events %v", repeated, events)
	}
	if err := removed.Usable(later, inUTC); !errors.Is(err, billing.ErrCardNotFound) {
		t.Errorf("Usable = %v, want ErrCardNotFound", err)
	}
}
