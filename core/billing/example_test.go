package billing_test

import (
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func ExampleParseMoney() {
	price, err := billing.ParseMoney("399.5", "RUB")
	fmt.Println(price, price.Amount, err)

	_, err = billing.ParseMoney("399.505", "RUB")
	fmt.Println(err)
	// Output:
	// 399.50 RUB 39950 <nil>
	// amount "399.505" has more than the 2 decimal digits of RUB
}

// Every period is counted from the anchor, so a short month does not move the
// later ones.
func ExampleCalendar_Period() {
	cal := billing.NewCalendar(time.UTC)
	anchor := time.Date(2026, time.January, 31, 10, 0, 0, 0, time.UTC)
	for k := range 3 {
		p := cal.Period(anchor, k, 1)
		fmt.Println(p.Start.Format(time.DateTime), "to", p.End.Format(time.DateTime))
	}
	// Output:
	// 2026-01-31 10:00:00 to 2026-02-28 10:00:00
	// 2026-02-28 10:00:00 to 2026-03-31 10:00:00
	// 2026-03-31 10:00:00 to 2026-04-30 10:00:00
}

func ExampleNewRetrySchedule() {
	const day = 24 * time.Hour
	_, err := billing.NewRetrySchedule(1*day, 3*day, 5*day, 7*day)
	fmt.Println(err)

	_, err = billing.NewRetrySchedule(3*day, 1*day)
	fmt.Println(err)
	// Output:
	// <nil>
	// retry_schedule: each step must be longer than the one before, and the first longer than zero
}
