package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// forecast sums up the decisions of a dry run.
type forecast struct {
	charges int
	amounts map[billing.Currency]int64
	ends    map[string]int // by reason
	none    map[string]int // not charged, by reason
}

func newForecast() *forecast {
	return &forecast{amounts: make(map[billing.Currency]int64), ends: make(map[string]int), none: make(map[string]int)}
}

func (f *forecast) add(l planned) {
	switch {
	case l.Action == "none":
		f.none[l.Reason]++
	case l.Amount != nil:
		f.charges++
		f.amounts[billing.Currency(l.Amount.Currency)] += l.Amount.Amount
	default:
		f.ends[l.Reason]++
	}
}

// summary returns the counts in the form of a run's summary. Like a run it counts a
// subscription that it cannot charge as failed, unless that waits for its notice.
func (f *forecast) summary() ports.Summary {
	waiting := f.none[string(renewals.NoNotice)]
	failed := total(f.none) - waiting
	return ports.Summary{Due: f.charges + failed, Ended: total(f.ends), Failed: failed, Waiting: waiting}
}

func total(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// money returns the sum of the charges in each currency, by currency.
func (f *forecast) money() []moneyJSON {
	list := make([]moneyJSON, 0, len(f.amounts))
	for _, c := range slices.Sorted(maps.Keys(f.amounts)) {
		list = append(list, moneyJSON{f.amounts[c], string(c)})
	}
	return list
}

// String returns one sentence, such as "would charge 29 subscriptions, 6,970.00 RUB; 1
// ends: cancelled".
func (f *forecast) String() string {
	parts := []string{"would charge nothing"}
	if f.charges > 0 {
		parts[0] = fmt.Sprintf("would charge %s, %s", counted(f.charges, "subscription"), strings.Join(f.sums(), ", "))
	}
	if n := total(f.ends); n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s: %s", n, plural(n, "ends", "end"), strings.Join(f.reasons(), ", ")))
	}
	for _, reason := range slices.Sorted(maps.Keys(f.none)) {
		if n := f.none[reason]; reason == string(renewals.NoNotice) {
			parts = append(parts, fmt.Sprintf("%s %s for the required notice", counted(n, "subscription"), plural(n, "waits", "wait")))
			continue
		}
		parts = append(parts, fmt.Sprintf("cannot charge %s: %s", counted(f.none[reason], "subscription"), cannotCharge[reason]))
	}
	return strings.Join(parts, "; ")
}

// cannotCharge explains the reasons for which a subscription is not charged.
var cannotCharge = map[string]string{
	"no_adapter":       "no adapter for the payment system",
	"no_consent":       "nothing proves that the viewer agreed to the terms",
	"token_unreadable": "the stored payment token cannot be decrypted",
}

func (f *forecast) sums() (list []string) {
	for _, m := range f.money() {
		list = append(list, grouped(billing.Money{Amount: m.Amount, Currency: billing.Currency(m.Currency)}))
	}
	return list
}

// reasons returns the reasons of the ends, with counts if there are several.
func (f *forecast) reasons() (list []string) {
	for _, reason := range slices.Sorted(maps.Keys(f.ends)) {
		text := strings.ReplaceAll(reason, "_", " ")
		if len(f.ends) > 1 {
			text = fmt.Sprintf("%d %s", f.ends[reason], text)
		}
		list = append(list, text)
	}
	return list
}

// grouped returns an amount with commas between thousands.
func grouped(m billing.Money) string {
	text := m.String()
	whole := strings.IndexAny(text, ". ")
	for i := whole - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func counted(n int, noun string) string {
	return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
