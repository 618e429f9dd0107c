package yookassa_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newReceiptShop returns a shop that refuses payments without a receipt.
func newReceiptShop(t *testing.T) shop {
	t.Helper()
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey, Receipts: true})
	server := httptest.NewServer(checked(t, f))
	t.Cleanup(server.Close)
	y := newAdapter(t, server.URL+"/v3", func(c *yookassa.Config) {
		c.Now, c.Receipts = f.Now, &billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 2}
	})
	return shop{y, f, server.URL}
}

func receiptFor(contact string, v billing.VAT) *billing.Receipt {
	return &billing.Receipt{
		Contact: billing.Contact{Secret: billing.NewSecret(contact)}, Item: "Премиум", VAT: v,
		Terms: billing.ReceiptTerms{Mode: billing.FullPrepayment, TaxSystem: 2},
	}
}

func withReceipt(r ports.ChargeRequest, contact string) ports.ChargeRequest {
	r.Receipt = receiptFor(contact, billing.VAT20)
	return r
}

func TestCharge_ReceiptBody(t *testing.T) {
	t.Parallel()
	for name, contact := range map[string]string{"receipt_email": "ann@example.com", "receipt_phone": "79001234567"} {
		body, err := yookassa.Body(newReceiptShop(t).YooKassa, withReceipt(renewal("token"), contact))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".golden", string(body))
	}
}

func TestVATCodes_Golden(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	s, seen := newReceiptShop(t), []int{}
	for _, v := range billing.VATs() {
		r := renewal("token")
		r.Receipt = receiptFor("ann@example.com", v)
		body, err := yookassa.Body(s.YooKassa, r)
		var sent struct {
			Receipt struct {
				Items []struct {
					VATCode int `json:"vat_code"`
				} `json:"items"`
			} `json:"receipt"`
		}
		if err != nil || json.Unmarshal(body, &sent) != nil || len(sent.Receipt.Items) != 1 {
			t.Fatalf("the body for %s is %s, %v", v, body, err)
		}
		code := sent.Receipt.Items[0].VATCode
		if slices.Contains(seen, code) {
			t.Errorf("%s has the code %d of another rate", v, code)
		}
		seen = append(seen, code)
		fmt.Fprintf(&table, "%s %d\n", v, code)
	}
	golden(t, "vat_codes.golden", table.String())
}

func TestCharge_ReceiptIsNeeded(t *testing.T) {
	t.Parallel()
	s := newReceiptShop(t)
	if s.Capabilities().Receipts == nil || newShop(t).Capabilities().Receipts != nil {
		t.Error("the capabilities do not say whether receipts are needed")
	}
	for name, r := range map[string]*billing.Receipt{
		"none": nil, "without a contact": receiptFor("", billing.VAT20), "with an unknown rate": receiptFor("ann@example.com", "vat18"),
	} {
		c := onPage()
		c.Receipt = r
		if _, err := s.Charge(t.Context(), c); !errors.Is(err, ports.ErrRefused) {
			t.Errorf("a receipt %s: %v, want ErrRefused", name, err)
		}
	}
}

func TestCharge_ReceiptRegistration(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]billing.ReceiptStatus{"succeeded": billing.ReceiptRegistered, "canceled": billing.ReceiptFailed} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := newReceiptShop(t)
			c := withReceipt(onPage(), "ann@example.com")
			o, err := s.Charge(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if err := reply(t.Context(), o.ActionURL, "approve", "5555 5555 5555 4477"); err != nil {
				t.Fatal(err)
			}
			q := ports.ChargeQuery{Key: c.Key, ProviderRef: o.ProviderRef, Amount: c.Amount}
			if o, err = s.Find(t.Context(), q); err != nil || o.Status != billing.PaymentSucceeded || o.Receipt != billing.ReceiptPending {
				t.Fatalf("the payment is %s, its receipt %s, %v", o.Status, o.Receipt, err)
			}
			refund := ports.RefundRequest{
				Key: "01890000-0000-7000-8000-0000000000f1", Payment: c.Key, PaymentRef: o.ProviderRef, Amount: c.Amount, Receipt: c.Receipt,
			}
			if _, err := s.Refund(t.Context(), refund); err != nil {
				t.Fatal(err)
			}
			s.RegisterReceipts(state)
			if o, err = s.Find(t.Context(), q); err != nil || o.Receipt != want {
				t.Errorf("the receipt is %s, %v, want %s", o.Receipt, err, want)
			}
			r, err := s.FindRefund(t.Context(), ports.RefundQuery{Key: refund.Key, Payment: c.Key, PaymentRef: o.ProviderRef})
			if err != nil || r.Receipt != want {
				t.Errorf("the receipt of the refund is %s, %v, want %s", r.Receipt, err, want)
			}
		})
	}
}

// A repetition with another contact is another request.
func TestCharge_ReceiptIsPartOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newReceiptShop(t)
	if _, err := s.Charge(t.Context(), withReceipt(onPage(), "ann@example.com")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Charge(t.Context(), withReceipt(onPage(), "ann@example.com")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if _, err := s.Charge(t.Context(), withReceipt(onPage(), "79001234567")); !errors.Is(err, ports.ErrKeyConflict) {
		t.Errorf("with another contact: %v, want ErrKeyConflict", err)
	}
}
