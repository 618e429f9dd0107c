package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/adapters/postgres/internal/wire"
	"github.com/online-cinema/billing/core/ports"
)

// Store is an [ports.Store] and [ports.PaymentReader] on a pool from [OpenRole].
//
// A transaction or a read takes at most five seconds, including the wait for a
// connection and the commit. statement_timeout would not limit a commit that waits
// for a standby.
type Store struct {
	pool       *pgxpool.Pool
	vault      ports.Vault // nil for a store without one
	cardVault  ports.Vault // likewise
	panelVault ports.Vault // likewise

	authenticator ports.Authenticator // likewise

	summarized atomic.Int64 // when the index of the feed was completed, in nanoseconds of Unix time
}

// Option configures a store.
type Option func(*Store)

// WithVault makes the store encrypt and decrypt payment tokens and contacts for receipts. A store without a
// vault stores them in plaintext, which is for development only. It cannot decrypt
// them, so it returns methods with an encrypted token without one.
func WithVault(v ports.Vault) Option { return func(s *Store) { s.vault = v } }

// WithCardVault makes [Store.Rewrap] encrypt card numbers again too. Everything else
// gets card numbers encrypted, and returns them so.
func WithCardVault(v ports.Vault) Option { return func(s *Store) { s.cardVault = v } }

// WithPanelVault makes [Store.Rewrap] encrypt the second factors of panel users again
// too. Everything else gets them encrypted, and returns them so.
func WithPanelVault(v ports.Vault) Option { return func(s *Store) { s.panelVault = v } }

const (
	timeout     = 5 * time.Second
	maxAttempts = 5 // of a transaction that conflicts with others
)

// NewStore returns a store on pool. The caller closes the pool.
func NewStore(pool *pgxpool.Pool, options ...Option) *Store {
	s := &Store{pool: pool}
	for _, option := range options {
		option(s)
	}
	return s
}

// InTx runs f in a READ COMMITTED transaction, and again after a conflict with
// another transaction.
func (s *Store) InTx(ctx context.Context, f func(ports.Repos) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.attemptTx(ctx, func(t tx) error { return f(s.repos(t)) })
		if err == nil || attempt == maxAttempts || !isConflict(err) {
			return translate(err)
		}
	}
}

// attemptTx runs f in a transaction. It returns errors of pgx untranslated.
func (s *Store) attemptTx(ctx context.Context, f func(tx) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return unavailable(err)
	}
	t := tx{wire.Begin(conn, ports.ErrChanged)}
	defer t.Rollback(ctx)
	if err = f(t); err == nil {
		err = t.Flush(ctx)
	}
	if err != nil {
		if conn.Conn().IsClosed() {
			return unavailable(err)
		}
		return err
	}
	if err := t.Commit(ctx); err != nil {
		return commitError(err)
	}
	return nil
}

func (s *Store) repos(t tx) ports.Repos {
	q := dbgen.New(t)
	m := methods{q, t, tokens{s.vault}}
	return ports.Repos{
		Checkout:        orders{t, m},
		Users:           users{q, t},
		Plans:           plans{q},
		PlanGroups:      planGroups{q},
		PlanEndings:     planEndings{q},
		PaymentSystems:  paymentSystems{q},
		Methods:         m,
		Saves:           saves{q, t},
		TokenRemovals:   tokenRemovals{q, t, m.tokens},
		Cards:           cards{q},
		CardLimits:      cards{q},
		Subscriptions:   subscriptions{q, t},
		Due:             dueSubscriptions{q, tokens{s.vault}},
		Payments:        payments{q, t},
		Leases:          paymentLeases{q, t},
		Rechecks:        rechecks{q},
		Notices:         notices{q},
		Refunds:         refunds{q},
		RefundLeases:    refundLeases{q},
		Receipts:        receipts{q, t, contacts{s.vault}},
		Reminders:       reminders{q},
		Instructions:    instructions{q},
		Grants:          grants{q, t},
		PersonalData:    personalData{q, t},
		Events:          events{q, t},
		Endpoints:       endpoints{q, endpointSecrets{s.vault}},
		EndpointLeases:  endpointLeases{q, endpointSecrets{s.vault}},
		Deliveries:      deliveries{q},
		IdempotencyKeys: idempotencyKeys{q, t},
		Runs:            runs{q},
		Audit:           audit{q},
		PanelUsers:      panelUsers{q},
		Sessions:        panelSessions{q},
	}
}

// Views reads outside of transactions.
func (s *Store) Views() ports.Views {
	v := views{dbgen.New(s.pool), tokens{s.vault}}
	return ports.Views{PublicViews: v, ViewerViews: v, ViewerRecords: v, AccessViews: v, WalletViews: v, DueViews: v, NoticeViews: v, ReceiptViews: v, InstructionViews: v, EndpointViews: endpointViews{s.pool}, GrantViews: v, PlanEndingViews: v}
}

// tx is the transaction of a repository.
type tx struct{ *wire.Tx }

// queue returns queries that are sent with the next statement or with the commit.
// It is for queries without a result.
func (t tx) queue() *dbgen.Queries { return dbgen.New(t.Queue(wire.AnyRows)) }

// queueRows is queue for a query that must affect exactly n rows. Otherwise the
// transaction fails with [ports.ErrChanged].
func (t tx) queueRows(n int) *dbgen.Queries { return dbgen.New(t.Queue(n)) }

// oneRow returns err, or [ports.ErrChanged] if a write did not affect exactly one row.
func oneRow(affected int64, err error) error {
	if err == nil && affected != 1 {
		return fmt.Errorf("%d of 1 rows were written: %w", affected, ports.ErrChanged)
	}
	return err
}
