package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/online-cinema/billing/core/billing"
)

var receiptTime = day(0)

func aReceipt() billing.Receipt {
	p := billing.Payment{ID: "p1", UserID: "u1", PaymentSystem: "shop", Amount: money(399_00, "RUB"), CreatedAt: receiptTime}
	return billing.NewReceipt(p, "Премиум", billing.VAT20, billing.ReceiptContact{ID: "c1"}, billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 2})
}

func TestNewReceipt_HoldsWhatIsSent(t *testing.T) {
	t.Parallel()
	want := billing.Receipt{
		ID: "p1", UserID: "u1", PaymentID: "p1", PaymentSystem: "shop", ContactID: "c1", Item: "Премиум", VAT: billing.VAT20,
		Terms: billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 2}, Status: billing.ReceiptPending, CreatedAt: receiptTime,
	}
	r := aReceipt()
	if r != want || r.IsRefund() {
		t.Errorf("the receipt is %+v, want %+v", r, want)
	}
	r.Status, r.SettledAt = billing.ReceiptRegistered, receiptTime
	refund := r.Refund(billing.Refund{ID: "f1", CreatedAt: receiptTime.Add(time.Hour)})
	want.ID, want.CreatedAt = "f1", receiptTime.Add(time.Hour)
	if refund != want || !refund.IsRefund() {
		t.Errorf("the receipt of the refund is %+v, want %+v", refund, want)
	}
}

func TestNewReceipt_CutsItem(t *testing.T) {
	t.Parallel()
	family := "👩\u200d👩\u200d👧" // one character of five code points
	tests := []struct{ name, plan, want string }{
		{"short", "Премиум", "Премиум"},
		{"128 characters", strings.Repeat("ж", 128), strings.Repeat("ж", 128)},
		{"129 characters", strings.Repeat("ж", 129), strings.Repeat("ж", 128)},
		{"an accent after the last character", strings.Repeat("ж", 127) + "и\u0306", strings.Repeat("ж", 127)},
		{"an emoji that does not fit", strings.Repeat("ж", 126) + family, strings.Repeat("ж", 126)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := billing.NewReceipt(billing.Payment{}, tt.plan, billing.NoVAT, billing.ReceiptContact{}, billing.ReceiptTerms{}).Item
			if got != tt.want || !utf8.ValidString(got) {
				t.Errorf("the item is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReceipt_Settle(t *testing.T) {
	t.Parallel()
	const fresh, old = time.Hour, 48 * time.Hour
	tests := []struct {
		name     string
		from     billing.ReceiptStatus
		reported billing.ReceiptStatus
		moved    bool
		age      time.Duration
		want     billing.ReceiptStatus
	}{
		{"registered", billing.ReceiptPending, billing.ReceiptRegistered, true, fresh, billing.ReceiptRegistered},
		{"failed", billing.ReceiptPending, billing.ReceiptFailed, true, fresh, billing.ReceiptFailed},
		{"still pending", billing.ReceiptPending, billing.ReceiptPending, true, old, billing.ReceiptPending},
		{"the payment system says nothing", billing.ReceiptPending, "", true, old, billing.ReceiptPending},
		{"another word", billing.ReceiptPending, "nonsense", true, old, billing.ReceiptPending},
		{"no money moved yet", billing.ReceiptPending, "", false, fresh, billing.ReceiptPending},
		{"no money moved within two days", billing.ReceiptPending, "", false, old, billing.ReceiptVoid},
		{"registered stays", billing.ReceiptRegistered, billing.ReceiptFailed, true, old, billing.ReceiptRegistered},
		{"failed stays", billing.ReceiptFailed, billing.ReceiptRegistered, true, old, billing.ReceiptFailed},
		{"void stays", billing.ReceiptVoid, billing.ReceiptRegistered, true, old, billing.ReceiptVoid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := aReceipt()
			r.Status = tt.from
			got := r.Settle(tt.reported, tt.moved, tt.age, receiptTime)
			changed := got.Status != tt.from
			if got.Status != tt.want || changed && got.SettledAt != receiptTime || !changed && got != r {
				t.Errorf("the receipt is %s at %v, want %s", got.Status, got.SettledAt, tt.want)
			}
		})
	}
}

func TestPlan_Tax(t *testing.T) {
	t.Parallel()
	p := basicPlan()
	for _, v := range billing.VATs() {
		taxed, err := p.Tax(v, receiptTime)
		if err != nil || taxed.VAT != v || taxed.Check() != nil {
			t.Errorf("Tax(%s) = %s, %v", v, taxed.VAT, err)
		}
	}
	for _, v := range []billing.VAT{"", "20", "VAT20", "vat18"} {
		if _, err := p.Tax(v, receiptTime); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("Tax(%q) = %v, want ErrInvalid", v, err)
		}
		p := p
		p.VAT = v
		if err := p.Check(); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("a plan with the VAT %q: %v, want ErrInvalid", v, err)
		}
	}
	if same, _ := p.Tax(p.VAT, receiptTime); same.UpdatedAt != p.UpdatedAt {
		t.Error("the same rate again changes the plan")
	}
}
