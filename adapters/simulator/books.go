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

// request is what was asked under a key, and the first outcome.
type request struct {
	key         billing.PaymentID
	fingerprint digest
	token       digest
	amount      billing.Money // what is taken, if it is
	status      billing.PaymentStatus
	decline     billing.DeclineCode
	ref         string
	action      string              // names the page on which the viewer confirms it
	expires     *time.Time          // until when
	approval    billing.DeclineCode // what is said once it was confirmed; "" accepts it
	settles     *time.Time          // when it is settled without the viewer, on the wall clock
	settlesAs   billing.DeclineCode // what is said then; "" accepts it
	issued      string              // the token that is given for a card, once it is paid
}

type digest [sha256.Size]byte

// newRequest returns a request of which nothing has been decided. It keeps the
// token as a digest: the books need to recognise it, not to use it. Of a card it
// keeps nothing, not even a digest of the number, which could be guessed.
func newRequest(r ports.ChargeRequest, b behaviour) request {
	q := request{
		key: r.Key, token: subjectOf(r, b), amount: r.Amount,
		status: billing.PaymentPending, ref: "sim_" + rand.Text(),
	}
	if r.Card != nil || b.reissues {
		q.issued = tokenOfCard + b.line + "~" + rand.Text()
	}
	if r.Card != nil {
		q.token = sha256.Sum256([]byte(q.issued))
	}
	asked := fmt.Appendf(nil, "%d %q %q %x", r.Amount.Amount, r.Amount.Currency, r.Initiator, subjectOf(r, b))
	q.fingerprint = sha256.Sum256(asked)
	return q
}

// subjectOf is what is charged, as far as the books know it: the token, or of a
// card what the table calls it and what is printed beside its number.
func subjectOf(r ports.ChargeRequest, b behaviour) digest {
	if r.Card == nil {
		return sha256.Sum256([]byte(r.Token.Reveal()))
	}
	return sha256.Sum256(fmt.Appendf(nil, "card %q %d %d %q", b.line, r.Card.ExpMonth, r.Card.ExpYear, r.Card.Holder))
}

// outcome says it in the words of the port.
func (q request) outcome(baseURL string) billing.Outcome {
	o := billing.Outcome{Status: q.status, DeclineCode: q.decline, ProviderRef: q.ref}
	switch q.status {
	case billing.PaymentSucceeded:
		o.Amount = q.amount
		if q.issued != "" {
			o.Token = billing.NewSecret(q.issued)
		}
	case billing.PaymentPending:
		if q.action != "" {
			o.ActionURL = baseURL + "/" + q.action
		}
	}
	return o
}

// claim takes the key for a request and reports whether it was free. While
// another transaction holds the key, it waits to learn what becomes of that.
func claim(ctx context.Context, tx pgx.Tx, q request, now time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO simulator.requests (key, fingerprint, token, amount, currency, status, ref, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (key) DO NOTHING`,
		q.key, q.fingerprint[:], q.token[:], q.amount.Amount, q.amount.Currency, q.status, q.ref, now)
	if err != nil {
		return false, fmt.Errorf("claim the key: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// remember counts a charge with a token. Others with the same token wait until
// this one is committed.
func remember(ctx context.Context, tx pgx.Tx, token digest) (m memory, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO simulator.tokens AS t (hash, charges) VALUES ($1, 1)
		ON CONFLICT (hash) DO UPDATE SET charges = t.charges + 1
		RETURNING charges, confirmed`, token[:]).Scan(&m.charges, &m.confirmed)
	if err != nil {
		return m, fmt.Errorf("remember the token: %w", err)
	}
	return m, nil
}

// record writes down what became of a claimed request and, if the money moved,
// enters it in the ledger so many times.
func record(ctx context.Context, tx pgx.Tx, q request, now time.Time, times int) error {
	var batch pgx.Batch
	batch.Queue(`
		UPDATE simulator.requests
		SET amount = $2, status = $3, decline_code = $4, action = nullif($5, ''), expires_at = $6,
		    issued = $7, approval_decline = $8, settles_at = $9, settles_decline = $10
		WHERE key = $1`, q.key, q.amount.Amount, q.status, q.decline, q.action, q.expires,
		q.issued, q.approval, q.settles, q.settlesAs)
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
	       issued, approval_decline, settles_at, settles_decline
	FROM simulator.requests WHERE `

// How a request is found.
const (
	byKey    = "key = $1"
	byAction = "action = $1"
)

type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// read returns one request, or [pgx.ErrNoRows].
func read(ctx context.Context, from queryer, where, value string) (q request, err error) {
	var fingerprint, token []byte
	err = from.QueryRow(ctx, selectRequest+where, value).Scan(&q.key, &fingerprint, &token,
		&q.amount.Amount, &q.amount.Currency, &q.status, &q.decline, &q.ref, &q.action, &q.expires,
		&q.issued, &q.approval, &q.settles, &q.settlesAs)
	copy(q.fingerprint[:], fingerprint)
	copy(q.token[:], token)
	return q, err
}

// errNotBegun says that there was no transaction: surely nothing was written.
var errNotBegun = errors.New("the books cannot be opened")

// inTx runs f in a transaction, once. Any error but [errNotBegun] and those of f
// leaves open whether it was committed.
func (s *Simulator) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotBegun, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // nothing to do after a commit, nothing to gain if it fails
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Charges lists the ledger: each time that money moved, oldest first. It holds
// a connection while each runs. See [ports.Ledger].
func (s *Simulator) Charges(ctx context.Context, since time.Time, each func(ports.LedgerEntry) error) error {
	from := &since
	if since.IsZero() {
		from = nil
	}
	var e ports.LedgerEntry
	rows, err := s.pool.Query(ctx, `
		SELECT key, amount, currency, at FROM simulator.charges
		WHERE at >= coalesce($1::timestamptz, '-infinity') ORDER BY id`, from)
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
