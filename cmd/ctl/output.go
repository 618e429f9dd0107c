package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/core/billing"
)

// withJSON adds the flag --json to a command that prints a result.
func (t *tool) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&t.json, "json", false, "print JSON")
	return cmd
}

// print writes v as JSON with --json, else calls human.
func (t *tool) print(v any, human func()) error {
	if !t.json {
		human()
		return nil
	}
	enc := json.NewEncoder(t.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (t *tool) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.stdout, format+"\n", args...)
}

// table prints aligned columns.
func (t *tool) table(header []string, rows [][]string) {
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

type moneyJSON struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type planJSON struct {
	ID             string     `json:"id"`
	Code           string     `json:"code"`
	Name           string     `json:"name"`
	Price          moneyJSON  `json:"price"`
	IntervalMonths int        `json:"interval_months"`
	Features       []string   `json:"features"`
	PlanGroup      string     `json:"plan_group"`
	VAT            string     `json:"vat"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	ArchivedAt     *time.Time `json:"archived_at"`
	EndingAt       *time.Time `json:"ending_at"`
}

func toPlanJSON(p billing.Plan) planJSON {
	return planJSON{
		ID: string(p.ID), Code: p.Code, Name: p.Name,
		Price:          moneyJSON{p.Price.Amount, string(p.Price.Currency)},
		IntervalMonths: p.IntervalMonths, Features: append([]string{}, p.Features...), PlanGroup: p.Group, VAT: string(p.VAT),
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ArchivedAt: orNull(p.ArchivedAt), EndingAt: orNull(p.EndingAt),
	}
}

type paymentSystemJSON struct {
	Code       string     `json:"code"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	ArchivedAt *time.Time `json:"archived_at"`
}

func toPaymentSystemJSON(ps billing.PaymentSystem) paymentSystemJSON {
	return paymentSystemJSON{Code: ps.Code, Name: ps.Name, CreatedAt: ps.CreatedAt, ArchivedAt: orNull(ps.ArchivedAt)}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// mapped returns f of each item. The result is never nil.
func mapped[A, B any](list []A, f func(A) B) []B {
	result := make([]B, len(list))
	for i, item := range list {
		result[i] = f(item)
	}
	return result
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
