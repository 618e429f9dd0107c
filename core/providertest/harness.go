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

// Harness is a payment system made ready for one case of the suite. Cases run
// at once; several harnesses may share a payment system.
type Harness struct {
	Provider ports.Provider
	Ledger   ports.Ledger
	// Since bounds how much of the ledger the suite reads: the charges of the
	// suite are later. Zero is all of it.
	Since  time.Time
	Tokens Tokens
	// Card returns a card that can be charged any number of times, and LostCard one
	// of which the money is taken and the answer never comes.
	Card, LostCard func() ports.Card
	// Confirm does on the page at url what a viewer does. It goes with
	// Tokens.Confirmed.
	Confirm func(ctx context.Context, url string, approve bool) error
	// NotApplicable says, by the name of the case or "case/subcase", why a case
	// cannot be tried at this payment system. A case that needs a token which is
	// not there fails unless it is listed.
	NotApplicable map[string]string
}

// Tokens stand for situations. A token is good for any number of charges.
type Tokens struct {
	OK          billing.Secret // every charge is fine
	OtherOK     billing.Secret // the same, and not the same token
	Declined    map[billing.DeclineCode]billing.Secret
	LostAnswer  billing.Secret // the money is taken, the answer never comes
	Slow        billing.Secret // fine, but the answer takes a while
	Unavailable billing.Secret // the payment system is out of reach
	Unknown     billing.Secret // the payment system has never seen it
	Confirmed   billing.Secret // a viewer has to confirm the charge
}

// patience is how long anything may take that is not supposed to hang.
const patience = 20 * time.Second

// bench is a harness at work in one test.
type bench struct {
	*testing.T
	Harness
}

// need skips the test when its case is not applicable, and fails it when what
// it needs is missing all the same.
func (b bench) need(name string, has bool) {
	b.Helper()
	if why, listed := b.NotApplicable[name]; listed {
		b.Skipf("not applicable: %s", why)
	}
	if !has {
		b.Fatalf("the harness has nothing to try %q with; list it in NotApplicable if it cannot be tried", name)
	}
}

// sub runs a part of a case with the same harness.
func (b bench) sub(name string, f func(bench)) {
	b.Helper()
	b.Run(name, func(t *testing.T) {
		t.Parallel()
		f(bench{t, b.Harness})
	})
}

// newKey returns a key as the service mints them: a UUID.
func newKey() billing.PaymentID {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return billing.PaymentID(fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// order is a plausible request with a fresh key.
func order(token billing.Secret) ports.ChargeRequest {
	return ports.ChargeRequest{
		Key: newKey(), Token: token, Amount: rubles(29900), Initiator: billing.CustomerInitiated,
	}
}

// ask charges, and fails the test when the error shows the token.
func (b bench) ask(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	b.Helper()
	o, err := b.Provider.Charge(ctx, r)
	b.discreet(err, r.Token)
	if err != nil && o != (billing.Outcome{}) {
		b.Errorf("Charge returned both an outcome, %+v, and the error %q", o, err)
	}
	return o, err
}

func (b bench) discreet(err error, token billing.Secret) {
	b.Helper()
	if err == nil || token.IsZero() {
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(text, token.Reveal()) {
			b.Error("an error shows the token")
		}
	}
}

// charge charges within the suite's patience, and expects an outcome.
func (b bench) charge(r ports.ChargeRequest) billing.Outcome {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	o, err := b.ask(ctx, r)
	if err != nil {
		b.Fatalf("Charge: %v", err)
	}
	return o
}

// refuse charges within the suite's patience, and expects this error.
func (b bench) refuse(r ports.ChargeRequest, want error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	o, err := b.ask(ctx, r)
	if !errors.Is(err, want) || !alone(err) {
		b.Fatalf("Charge = %+v, %v; want the error %q and no other", o, err, want)
	}
}

// find expects an outcome under the key.
func (b bench) find(key billing.PaymentID) billing.Outcome {
	b.Helper()
	o, err := b.Provider.Find(b.Context(), key)
	if err != nil {
		b.Fatalf("Find: %v", err)
	}
	return o
}

// absent expects that nothing is known of the key, and nothing was taken.
func (b bench) absent(key billing.PaymentID) {
	b.Helper()
	if o, err := b.Provider.Find(b.Context(), key); !errors.Is(err, ports.ErrChargeNotFound) {
		b.Errorf("Find = %+v, %v; want ErrChargeNotFound", o, err)
	}
	b.taken(key)
}

// taken expects these amounts in the ledger under the key, and no others.
func (b bench) taken(key billing.PaymentID, want ...billing.Money) {
	b.Helper()
	got := b.entries(key)
	if len(got) != len(want) {
		b.Errorf("the ledger has %d charges with the key, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if got[i].Amount != want[i] {
			b.Errorf("the ledger says that %s was taken, want %s", got[i].Amount, want[i])
		}
	}
}

func (b bench) entries(key billing.PaymentID) []ports.LedgerEntry {
	b.Helper()
	var list []ports.LedgerEntry
	err := b.Ledger.Charges(b.Context(), b.Since, func(e ports.LedgerEntry) error {
		if e.Key == key {
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		b.Fatalf("Charges: %v", err)
	}
	return list
}

// definite are the errors that say more than "unknown".
var definite = []error{
	ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials, ports.ErrChargeNotFound,
}

func kinds(err error) (n int) {
	for _, d := range definite {
		if errors.Is(err, d) {
			n++
		}
	}
	return n
}

// alone reports whether an error says one definite thing.
func alone(err error) bool { return kinds(err) == 1 }

// unknown reports whether an error leaves the outcome open.
func unknown(err error) bool { return err != nil && kinds(err) == 0 }
