package vault

import (
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/ports"
)

// RuleTokens refuses payment tokens that are stored as plaintext. It is enforced once
// no such token is left. From then on a plaintext token was put there by somebody who
// can write to the database, in place of an encrypted one.
const RuleTokens = "tokens"

// RuleConsents refuses charges of subscriptions whose consent is not signed. It is
// enforced once every consent is signed.
const RuleConsents = "consents"

// Enforce makes programs enforce a rule. The rule is stored in the keyset file, because
// the database can be written by the attackers whom it stops.
func (f Files) Enforce(rule string) error {
	return f.update(f, func(k keys) (keys, error) {
		if !slices.Contains(k.enforced, rule) {
			k.enforced = append(k.enforced, rule)
		}
		return k, nil
	})
}

// Enforced returns the rules that programs enforce: none without a keyset.
func (f Files) Enforced() ([]string, error) {
	if f.Keyset == "" {
		return nil, nil
	}
	k, err := f.read()
	return k.enforced, err
}

// Enforces reports whether a rule is enforced.
func (v *Vault) Enforces(rule string) bool { return slices.Contains(v.current().enforced, rule) }

// warnEvery is the number of plaintext tokens between two warnings, because a run may
// read a million of them.
const warnEvery = 1000

// AcceptPlaintext implements [ports.Vault]. Unless the rule is enforced, it counts the
// text and logs a warning now and then.
func (v *Vault) AcceptPlaintext(at ports.Place) error {
	if v.Enforces(RuleTokens) {
		return fmt.Errorf("%s of %s is plaintext, but all were encrypted before: %w", at.Purpose, at.Row, ports.ErrNotDecrypted)
	}
	if n := v.plaintexts.Add(1); n%warnEvery == 1 {
		v.log.Warn("a payment token is stored as plaintext: run billingctl vault rewrap, which encrypts all of them; "+
			"afterwards plaintext tokens are refused", "payment_method_id", at.Row, "read", n)
	}
	return nil
}

// PlaintextReads returns how many plaintext tokens were accepted.
func (v *Vault) PlaintextReads() int64 { return v.plaintexts.Load() }
