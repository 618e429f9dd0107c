package simulator

import (
	"crypto/sha256"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
)

// receiptText returns the recorded parts of a receipt, and a digest of its contact:
// the tables must not hold personal data. It returns nothing for nil.
func receiptText(r *billing.Receipt) (text string, contact []byte) {
	if r == nil {
		return "", nil
	}
	sum := sha256.Sum256([]byte(r.Contact.Reveal()))
	return fmt.Sprintf("%s|%s|%s|%d", r.Item, r.VAT, r.Terms.Mode, r.Terms.TaxSystem), sum[:]
}
