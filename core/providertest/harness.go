package providertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Harness is a payment system prepared for one case of the suite. Cases run in
// parallel. Several harnesses may share a payment system.
type Harness struct {
	Provider ports.Provider
	Ledger   ports.Ledger
	// Since limits the part of the ledger that the suite reads. It must be before the
	// suite's first charge. The zero time reads the whole ledger.
	Since  time.Time
	Tokens Tokens
	// Card returns a card that can be charged any number of times. LostCard returns a
	// card that is charged without a response.
	Card, LostCard func() ports.Card
	// Confirm replies to the page at url like a viewer. Tokens.Confirmed needs it.
	Confirm func(ctx context.Context, url string, approve bool) error
	// Canceller cancels charges that wait for their viewers.
	Canceller ports.Canceller
	// Saver saves methods without a charge, and Forgetter forgets them. SavePage saves a
	// good card on the page at url like a viewer, or ends the page without one.
	Saver     ports.Saver
	SavePage  func(ctx context.Context, url string, save bool) error
	Forgetter ports.Forgetter
	// Receipt returns the receipt that the payment system has got with the charge or the
	// refund of this key: its line, its rate and a digest of its contact. A provider that needs receipts
	// must have it.
	Receipt func(key billing.ReceiptID) (ReceivedReceipt, error)
	// NotApplicable lists the cases that this payment system cannot run, with the
	// reason. Keys are "case" or "case/subcase". A case without its token fails unless
	// it is listed.
	NotApplicable map[string]string
}

// Tokens produce situations. Each token can be charged any number of times.
type Tokens struct {
	OK           billing.Secret // every charge succeeds
	OtherOK      billing.Secret // another token whose charges succeed
	Declined     map[billing.DeclineCode]billing.Secret
	LostResponse billing.Secret // charged without a response
	Slow         billing.Secret // succeeds after a delay
	Unavailable  billing.Secret // the payment system is unavailable
	Unknown      billing.Secret // the payment system does not know this token
	Confirmed    billing.Secret // a viewer must confirm the charge
	RefundLost   billing.Secret // charges succeed; refunds are made without a response
}

// callTimeout limits each call that must not hang.
const callTimeout = 20 * time.Second

// suite is a harness in one test.
type suite struct {
	*testing.T
	Harness
}

// require skips the case if it is not applicable. Otherwise it fails the test unless
// the harness has the token or function that the case needs.
func (s suite) require(name string, has bool) {
	s.Helper()
	if reason, listed := s.NotApplicable[name]; listed {
		s.Skipf("not applicable: %s", reason)
	}
	if !has {
		s.Fatalf("the harness has no token or function for case %q; provide it or list the case in NotApplicable", name)
	}
}

// sub runs a subcase with the same harness.
func (s suite) sub(name string, f func(suite)) {
	s.Helper()
	s.Run(name, func(t *testing.T) {
		t.Parallel()
		f(suite{t, s.Harness})
	})
}

// newKey returns a random UUID, the form of the service's own keys.
func newKey() billing.PaymentID {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return billing.PaymentID(fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// newRequest returns a valid request with a new key. It has a receipt if the provider needs
// one.
func (s suite) newRequest(token billing.Secret) ports.ChargeRequest {
	return ports.ChargeRequest{
		Key: newKey(), Token: token, Amount: rubles(29900), Initiator: billing.CustomerInitiated, Receipt: s.newReceipt(),
	}
}

// chargeCtx charges, and fails the test if the error contains the token.
func (s suite) chargeCtx(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	s.Helper()
	o, err := s.Provider.Charge(ctx, r)
	s.expectNoSecret(err, r.Token)
	if err != nil && o != (billing.Outcome{}) {
		s.Errorf("Charge returned the outcome %+v and the error %q, want one of them", o, err)
	}
	return o, err
}

func (s suite) expectNoSecret(err error, token billing.Secret) {
	s.Helper()
	if err == nil || token.IsZero() {
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(text, token.Reveal()) {
			s.Error("the error contains the token")
		}
	}
}

// charge charges within callTimeout, and expects an outcome.
func (s suite) charge(r ports.ChargeRequest) billing.Outcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	o, err := s.chargeCtx(ctx, r)
	if err != nil {
		s.Fatalf("Charge: %v", err)
	}
	return o
}

// expectRefusal charges within callTimeout, and expects this error.
func (s suite) expectRefusal(r ports.ChargeRequest, want error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	o, err := s.chargeCtx(ctx, r)
	if !errors.Is(err, want) || !onlyOne(err) {
		s.Fatalf("Charge = %+v, %v; want only the error %q", o, err, want)
	}
}

// find looks up the key, and expects an outcome.
func (s suite) find(key billing.PaymentID) billing.Outcome {
	s.Helper()
	o, err := s.Provider.Find(s.Context(), ports.ChargeQuery{Key: key})
	if err != nil {
		s.Fatalf("Find: %v", err)
	}
	return o
}

// expectAbsent expects that the payment system does not know the key, and that the
// ledger has no charge with it.
func (s suite) expectAbsent(key billing.PaymentID) {
	s.Helper()
	if o, err := s.Provider.Find(s.Context(), ports.ChargeQuery{Key: key}); !errors.Is(err, ports.ErrChargeNotFound) {
		s.Errorf("Find = %+v, %v; want ErrChargeNotFound", o, err)
	}
	s.expectLedger(key)
}

// expectLedger expects exactly these amounts in the ledger under the key.
func (s suite) expectLedger(key billing.PaymentID, want ...billing.Money) {
	s.Helper()
	got := s.ledgerOf(key)
	if len(got) != len(want) {
		s.Errorf("the ledger has %d charges with the key, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if got[i].Amount != want[i] {
			s.Errorf("the ledger has a charge of %s, want %s", got[i].Amount, want[i])
		}
	}
}

func (s suite) ledgerOf(key billing.PaymentID) []ports.LedgerEntry {
	s.Helper()
	return s.ledgerBetween(key, s.Since, time.Time{})
}

func (s suite) ledgerBetween(key billing.PaymentID, from, to time.Time) []ports.LedgerEntry {
	s.Helper()
	var list []ports.LedgerEntry
	err := s.Ledger.Charges(s.Context(), from, to, func(e ports.LedgerEntry) error {
		if e.Key == key {
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		s.Fatalf("Charges: %v", err)
	}
	return list
}

// definiteErrors are the errors that define the outcome. Any other error leaves it
// unknown.
var definiteErrors = []error{
	ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials, ports.ErrChargeNotFound,
	ports.ErrRefundNotFound,
}

// kinds counts the definite errors that err wraps.
func kinds(err error) (n int) {
	for _, d := range definiteErrors {
		if errors.Is(err, d) {
			n++
		}
	}
	return n
}

// onlyOne reports whether err is exactly one definite error.
func onlyOne(err error) bool { return kinds(err) == 1 }

// outcomeUnknown reports whether err leaves the outcome unknown.
func outcomeUnknown(err error) bool { return err != nil && kinds(err) == 0 }
