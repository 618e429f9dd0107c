package billing

import (
	"slices"
	"time"
)

// VAT is the rate of value-added tax on a receipt, as Federal Law 54-FZ names it (tag 1199
// of the fiscal data format). The price of a plan includes the tax.
type VAT string

// The rates. Those of a part of the price are calculated rates: the tax of an advance.
const (
	NoVAT    VAT = "none" // the seller pays no value-added tax
	VAT0     VAT = "vat0"
	VAT5     VAT = "vat5"
	VAT7     VAT = "vat7"
	VAT10    VAT = "vat10"
	VAT20    VAT = "vat20"
	VAT22    VAT = "vat22"
	VAT5105  VAT = "vat5_105" // 5/105 of the price
	VAT7107  VAT = "vat7_107"
	VAT10110 VAT = "vat10_110"
	VAT20120 VAT = "vat20_120"
	VAT22122 VAT = "vat22_122"
)

// VATs returns all rates.
func VATs() []VAT {
	return []VAT{NoVAT, VAT0, VAT5, VAT7, VAT10, VAT20, VAT22, VAT5105, VAT7107, VAT10110, VAT20120, VAT22122}
}

func (v VAT) check(f *faults) { f.check(slices.Contains(VATs(), v), "vat", RuleUnknownVAT) }

// Tax returns the plan with another rate of value-added tax. Receipts of payments that are
// stored keep their rate. It checks only the rate: see [Plan.Reprice].
func (p Plan) Tax(v VAT, now time.Time) (Plan, error) {
	var f faults
	v.check(&f)
	if v != p.VAT {
		p.VAT, p.UpdatedAt = v, now
	}
	return p, f.err()
}
