package simulator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// request is a charge request and its outcome, by key.
type request struct {
	key         billing.PaymentID
	fingerprint digest
	token       digest
	amount      billing.Money // taken if the request succeeds
	status      billing.PaymentStatus
	decline     billing.DeclineCode
	ref         string
	action      string     // name of the page on which the viewer confirms the payment
	expiresAt   *time.Time // end of the time for that confirmation
	awaitsCard  bool       // the viewer enters a card on that page first
	returnURL   string     // where the viewer goes afterwards; empty for nowhere

	approvalDecline billing.DeclineCode // decline code after the confirmation; "" accepts
	settlesAt       *time.Time          // when the payment settles without the viewer, on the wall clock
	settleDecline   billing.DeclineCode // decline code at settlesAt; "" accepts

	receipt receipt

	age    time.Duration // since it was stored, on the clock of the database
	issued string        // token for the card, which the outcome has once the payment succeeded

	refunds refundsAs // how refunds of it go
}

type digest [sha256.Size]byte

// newRequest returns an undecided request. It keeps a digest of the token, because the
// tables only need to recognise it. It keeps no digest of a card number, because the
// number could be guessed from it.
func newRequest(r ports.ChargeRequest, b behaviour, receipt receipt) request {
	q := request{
		key: r.Key, token: subjectOf(r, b), amount: r.Amount,
		status: billing.PaymentPending, ref: "sim_" + rand.Text(), returnURL: r.ReturnURL, receipt: receipt,
	}
	if r.Card != nil || b.reissuesToken {
		q.issued = newCardToken(b.cardName)
	}
	if r.Card != nil {
		q.token = sha256.Sum256([]byte(q.issued))
	}
	content := fmt.Appendf(nil, "%d %q %q %x", r.Amount.Amount, r.Amount.Currency, r.Initiator, subjectOf(r, b))
	if receipt.text != "" {
		content = fmt.Appendf(content, " %q %x", receipt.text, receipt.contact)
	}
	q.fingerprint = sha256.Sum256(content)
	return q
}

// subjectOf returns a digest that identifies the token or the card. For a card it
// covers the name of the test card and the printed data except the number.
func subjectOf(r ports.ChargeRequest, b behaviour) digest {
	if r.Card == nil {
		return sha256.Sum256([]byte(r.Token.Reveal()))
	}
	return sha256.Sum256(fmt.Appendf(nil, "card %q %d %d %q", b.cardName, r.Card.ExpMonth, r.Card.ExpYear, r.Card.Holder))
}

// outcome returns the outcome for the port, at a time of the wall clock.
func (q request) outcome(baseURL string, wall time.Time) billing.Outcome {
	o := billing.Outcome{Status: q.status, DeclineCode: q.decline, ProviderRef: q.ref}
	switch q.status {
	case billing.PaymentSucceeded:
		o.Amount, o.Receipt = q.amount, q.receipt.status(wall)
		if q.issued != "" {
			o.Token = billing.NewSecret(q.issued)
		}
	case billing.PaymentPending:
		if q.action != "" && q.settlesAt == nil {
			o.ActionURL, o.ActionExpiresAt = baseURL+"/"+q.action, q.expiresAt.UTC().Truncate(time.Microsecond)
		}
	}
	return o
}

// claim inserts the request and reports whether its key was free, and then whether its
// token was forgotten. If another transaction is inserting the key, claim waits for its end.
func claim(ctx context.Context, tx pgx.Tx, q request, now time.Time) (free, forgotten bool, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO simulator.requests (key, fingerprint, token, amount, currency, status, ref, return_url, created_at,
		                                receipt, receipt_contact, receipt_fails, receipt_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), $11, $12, $13)
		ON CONFLICT (key) DO NOTHING
		RETURNING EXISTS (SELECT FROM simulator.tokens t WHERE t.hash = $3 AND t.forgotten)`,
		q.key, q.fingerprint[:], q.token[:], q.amount.Amount, q.amount.Currency, q.status, q.ref, q.returnURL, now,
		q.receipt.text, q.receipt.contact, q.receipt.fails, q.receipt.at).Scan(&forgotten)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("claim the key: %w", err)
	}
	return true, forgotten, nil
}

// countCharge counts a charge with a token, and returns the token's history. Other
// charges with the token wait until this transaction ends.
func countCharge(ctx context.Context, tx pgx.Tx, token digest) (h tokenHistory, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO simulator.tokens AS t (hash, charges) VALUES ($1, 1)
		ON CONFLICT (hash) DO UPDATE SET charges = t.charges + 1
		RETURNING charges, confirmed`, token[:]).Scan(&h.charges, &h.confirmed)
	if err != nil {
		return h, fmt.Errorf("count the charge: %w", err)
	}
	return h, nil
}

// record stores the outcome of a claimed request. If the money moved, it adds that
// many entries to the ledger.
func record(ctx context.Context, tx pgx.Tx, q request, now time.Time, times int) error {
	var batch pgx.Batch
	batch.Queue(`
		UPDATE simulator.requests
		SET amount = $2, status = $3, decline_code = $4, action = nullif($5, ''), expires_at = $6,
		    issued = $7, approval_decline = $8, settles_at = $9, settles_decline = $10,
		    awaits_card = $11, token = $12, refunds_as = $13
		WHERE key = $1`, q.key, q.amount.Amount, q.status, q.decline, q.action, q.expiresAt,
		q.issued, q.approvalDecline, q.settlesAt, q.settleDecline, q.awaitsCard, q.token[:], q.refunds)
	if q.status == billing.PaymentSucceeded {
		for range times {
			batch.Queue(`
				INSERT INTO simulator.charges (key, ref, amount, currency, at) VALUES ($1, $2, $3, $4, $5)`,
				q.key, q.ref, q.amount.Amount, q.amount.Currency, now)
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("record the outcome: %w", err)
	}
	return nil
}

const selectRequest = `
	SELECT key, fingerprint, token, amount, currency, status, decline_code, ref, coalesce(action, ''), expires_at,
	       issued, approval_decline, settles_at, settles_decline, awaits_card, return_url, clock_timestamp() - stored_at, refunds_as,
	       coalesce(receipt, ''), receipt_contact, receipt_fails, receipt_at
	FROM simulator.requests WHERE `

// Conditions of readRequest.
const (
	byKey    = "key = $1"
	byAction = "action = $1"
)

type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readRequest returns one request, or [pgx.ErrNoRows].
func readRequest(ctx context.Context, from queryer, where, value string) (q request, err error) {
	var fingerprint, token []byte
	err = from.QueryRow(ctx, selectRequest+where, value).Scan(&q.key, &fingerprint, &token,
		&q.amount.Amount, &q.amount.Currency, &q.status, &q.decline, &q.ref, &q.action, &q.expiresAt,
		&q.issued, &q.approvalDecline, &q.settlesAt, &q.settleDecline, &q.awaitsCard, &q.returnURL, &q.age, &q.refunds,
		&q.receipt.text, &q.receipt.contact, &q.receipt.fails, &q.receipt.at)
	copy(q.fingerprint[:], fingerprint)
	copy(q.token[:], token)
	return q, err
}

// errNoTransaction means that no transaction began, so nothing was written.
var errNoTransaction = errors.New("cannot begin a transaction")

// inTx runs f once, in a transaction. After an error other than [errNoTransaction] and
// the errors of f, the transaction may have been committed.
func (s *Simulator) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return fmt.Errorf("%w: %w", errNoTransaction, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // no effect after a commit
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// inEffect is inTx for a call that takes effect. If no transaction began, the call was not
// sent.
func (s *Simulator) inEffect(ctx context.Context, f func(tx pgx.Tx) error) error {
	err := s.inTx(ctx, f)
	if errors.Is(err, errNoTransaction) {
		err = fmt.Errorf("%w: %w", ports.ErrNotSent, err)
	}
	return err
}

// Charges calls each for the entries of the ledger, oldest first. It holds a connection
// while each runs. See [ports.Ledger].
func (s *Simulator) Charges(ctx context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	var e ports.LedgerEntry
	rows, err := s.pool.Query(ctx, `
		SELECT key, amount, currency, at FROM simulator.charges
		WHERE at >= coalesce($1::timestamptz, '-infinity') AND at < coalesce($2::timestamptz, 'infinity')
		ORDER BY at, id`, orNull(from), orNull(to))
	if err == nil {
		into := []any{&e.Key, &e.Amount.Amount, &e.Amount.Currency, &e.At}
		_, err = pgx.ForEachRow(rows, into, func() error {
			e.At = e.At.UTC()
			return each(e)
		})
	}
	if err != nil {
		return fmt.Errorf("simulator: read the ledger: %w", err)
	}
	return nil
}

// orNull returns nil for the zero time, which means no limit.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
