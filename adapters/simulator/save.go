package simulator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Save opens a page on which the viewer saves a card, once per key. It charges nothing. See
// [ports.Saver]. Of the random faults only those apply that can befall such a request.
func (s *Simulator) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	o, err := s.saveWith(ctx, r, s.randomFault())
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("simulator: save %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Simulator) saveWith(ctx context.Context, r ports.SaveRequest, fault Fault) (billing.SaveOutcome, error) {
	if err := s.before(ctx, fault); err != nil {
		return billing.SaveOutcome{}, err
	}
	if !validKey(billing.PaymentID(r.Key)) {
		return billing.SaveOutcome{}, ports.ErrRefused
	}
	saved, err := s.storeSave(ctx, r)
	if err == nil {
		err = s.after(ctx, fault)
	}
	if err != nil {
		return billing.SaveOutcome{}, err
	}
	return s.respondSave(ctx, saved)
}

// FindSave returns the outcome of the save with the key of the query. See [ports.Saver].
func (s *Simulator) FindSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	saved, err := s.currentSave(ctx, saveByKey, string(q.Key), reply{})
	if s.losesLookup() {
		err = errTruncated
	}
	var o billing.SaveOutcome
	if err == nil {
		o, err = s.respondSave(ctx, saved)
	}
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("simulator: find the save %q: %w", q.Key, err)
	}
	return o, nil
}

func (s *Simulator) respondSave(ctx context.Context, c savedCard) (billing.SaveOutcome, error) {
	if err := s.awaitResponse(ctx, s.cfg.Latency()); err != nil {
		return billing.SaveOutcome{}, err
	}
	return c.outcome(s.cfg.BaseURL), nil
}

// savedCard is a request to save a card and its outcome, by key.
type savedCard struct {
	key         billing.PaymentMethodID
	fingerprint digest
	status      billing.MethodStatus
	decline     billing.DeclineCode
	ref         string
	action      string // name of the page
	expiresAt   time.Time
	returnURL   string // where the viewer goes afterwards; empty for nowhere
	awaitsCard  bool   // the viewer enters a card on the page first

	approvalDecline billing.DeclineCode // decline code after the confirmation; "" accepts
	issued          string              // token for the card
	brand           billing.Brand
	last4           string
}

func (c savedCard) outcome(baseURL string) billing.SaveOutcome {
	o := billing.SaveOutcome{Status: c.status, DeclineCode: c.decline, ProviderRef: c.ref}
	switch c.status {
	case billing.MethodActive:
		o.Token, o.Brand, o.Last4 = billing.NewSecret(c.issued), c.brand, c.last4
	case billing.MethodPending:
		o.ActionURL, o.PageUntil = baseURL+"/"+c.action, c.expiresAt.UTC()
	}
	return o
}

// storeSave stores and commits a new save. If the key was used already, it returns the
// stored one as it is now.
func (s *Simulator) storeSave(ctx context.Context, r ports.SaveRequest) (c savedCard, err error) {
	fingerprint := sha256.Sum256(fmt.Appendf(nil, "%q %q", r.Payer, r.ReturnURL))
	now := s.cfg.Clock.Now()
	err = s.inEffect(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO simulator.saves (key, fingerprint, status, ref, action, expires_at, return_url, created_at)
			VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7)
			ON CONFLICT (key) DO NOTHING`,
			r.Key, fingerprint[:], "sim_save_"+rand.Text(), rand.Text(), now.Add(s.cfg.ActionTTL), r.ReturnURL, now)
		if err != nil {
			return fmt.Errorf("claim the key: %w", err)
		}
		c, err = s.settleSave(ctx, tx, saveByKey, string(r.Key), reply{})
		if err == nil && c.fingerprint != fingerprint {
			err = ports.ErrKeyConflict
		}
		return err
	})
	return c, err
}

// currentSave returns a save after a reply of the viewer, or after the time without one.
func (s *Simulator) currentSave(ctx context.Context, where, value string, r reply) (c savedCard, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) (err error) {
		c, err = s.settleSave(ctx, tx, where, value, r)
		return err
	})
	return c, err
}

// settleSave applies a reply. The first outcome is final.
func (s *Simulator) settleSave(ctx context.Context, tx pgx.Tx, where, value string, r reply) (savedCard, error) {
	before, err := readSave(ctx, tx, where+" FOR UPDATE", value)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return before, ports.ErrSaveNotFound
	case err != nil:
		return before, fmt.Errorf("read the save: %w", err)
	}
	c := before.settled(r, s.cfg.Clock.Now())
	if c == before {
		return c, nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE simulator.saves
		SET status = $2, decline_code = $3, awaits_card = $4, approval_decline = $5, issued = $6, brand = $7, last4 = $8
		WHERE key = $1`, c.key, c.status, c.decline, c.awaitsCard, c.approvalDecline, c.issued, c.brand, c.last4)
	if err != nil {
		return c, fmt.Errorf("record the save: %w", err)
	}
	return c, nil
}

func (c savedCard) settled(r reply, now time.Time) savedCard {
	switch {
	case c.status != billing.MethodPending:
	case !now.Before(c.expiresAt), c.awaitsCard && r.choice == decline:
		c.status, c.decline = billing.MethodFailed, billing.ActionExpired
	case c.awaitsCard && r.choice == save:
		return c.withCard(r.card, now)
	case c.awaitsCard:
	case r.choice == approve && c.approvalDecline == "":
		c.status = billing.MethodActive
	case r.choice == approve:
		c.status, c.decline = billing.MethodFailed, c.approvalDecline
	case r.choice == decline:
		c.status, c.decline = billing.MethodFailed, billing.AuthenticationFailed
	}
	return c
}

// withCard returns the save after the viewer has entered a card. The card decides by its
// behaviour in a first payment.
func (c savedCard) withCard(number billing.CardNumber, now time.Time) savedCard {
	card := testCardFor(number)
	c.awaitsCard, c.issued = false, newCardToken(card.name)
	details := billing.CardDetails{Number: number, ExpMonth: 12, ExpYear: now.Year() + 1}
	if known, err := billing.NewCard("", "", details, now, billing.Calendar{}); err == nil {
		c.brand, c.last4 = known.Brand, known.Last4
	}
	status, code := card.first.decide(tokenHistory{charges: 1}, billing.CustomerInitiated)
	switch {
	case status == billing.PaymentDeclined:
		c.status, c.decline = billing.MethodFailed, code
	case card.first.challenge:
		c.approvalDecline = card.first.approvalDecline
	default:
		c.status = billing.MethodActive
	}
	return c
}

// Conditions of readSave.
const (
	saveByKey    = "key = $1"
	saveByAction = "action = $1"
)

// readSave returns one save, or [pgx.ErrNoRows].
func readSave(ctx context.Context, from queryer, where, value string) (c savedCard, err error) {
	var fingerprint []byte
	err = from.QueryRow(ctx, `
		SELECT key, fingerprint, status, decline_code, ref, action, expires_at, return_url, awaits_card, approval_decline, issued, brand, last4
		FROM simulator.saves WHERE `+where, value).Scan(&c.key, &fingerprint, &c.status, &c.decline, &c.ref, &c.action,
		&c.expiresAt, &c.returnURL, &c.awaitsCard, &c.approvalDecline, &c.issued, &c.brand, &c.last4)
	copy(c.fingerprint[:], fingerprint)
	return c, err
}

// Forget deletes a token. Later charges by it return [ports.ErrTokenUnknown]. See
// [ports.Forgetter].
//
// A token without a suffix, such as tok_ok, belongs to no viewer. It stays known, because
// other viewers use it.
func (s *Simulator) Forget(ctx context.Context, token billing.Secret) error {
	text := token.Reveal()
	if _, known := behaviourOf(text); !known || !strings.Contains(text, "~") {
		return nil
	}
	hash := sha256.Sum256([]byte(text))
	_, err := s.pool.Exec(ctx, `
		INSERT INTO simulator.tokens (hash, charges, forgotten) VALUES ($1, 0, true)
		ON CONFLICT (hash) DO UPDATE SET forgotten = true`, hash[:])
	if err != nil {
		return fmt.Errorf("simulator: forget a token: %w", err)
	}
	return nil
}
