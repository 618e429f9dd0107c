package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/ports"
)

// The actions of audit entries that commands make themselves. The other commands
// call use cases, which make their own entries.
const (
	keysCreated     = "vault.keygen"
	keyRotated      = "vault.rotate"
	keyPrepared     = "vault.prepare"
	keysDisabled    = "vault.disable_old"
	keysEnabled     = "vault.enable_old"
	kekReplaced     = "vault.new_kek"
	rowsReencrypted = "vault.rewrap"
	ruleEnforced    = "vault.enforce"
	clockSet        = "clock.set"
	clockAdvanced   = "clock.advance"
	clockReleased   = "clock.release"
)

// entry returns an audit entry for a change that the operator makes now.
func (t *tool) entry(action, object string, before, after ports.Facts) ports.AuditEntry {
	by := t.operator()
	return ports.AuditEntry{
		ID: boot.NewID(), At: clock.System{}.Now(), Operator: by.Name, From: by.From,
		Action: action, Object: object, Before: before, After: after,
	}
}

// audited stores e and makes the change that it describes. The change comes last in
// the transaction: if it fails, no entry remains.
func audited(ctx context.Context, s *postgres.Store, e ports.AuditEntry, change func() error) error {
	changed := false
	err := s.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.Audit.Record(ctx, e); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if err := change(); err != nil {
			return err
		}
		changed = true
		return nil
	})
	if err != nil && changed {
		return fmt.Errorf("the change was made, but it is not in the audit: %w", err)
	}
	return err
}

// record stores e for a change that was made already.
func record(ctx context.Context, s *postgres.Store, e ports.AuditEntry) error {
	return audited(ctx, s, e, func() error { return nil })
}

// optionalDatabase is the configuration of commands that need the database only for
// the audit.
type optionalDatabase struct {
	DatabaseURL boot.DatabaseURL `env:"BILLING_DATABASE_URL" must:"be a Postgres URL, or unset to make the change without the audit"`
}

// errNoAudit is returned if no database is configured.
var errNoAudit = errors.New("BILLING_DATABASE_URL is not set")

// withAudit runs f with the store of the audit. It returns [errNoAudit] if no
// database is configured.
func (t *tool) withAudit(ctx context.Context, f func(*postgres.Store) error) error {
	cfg, err := boot.Load[optionalDatabase](t.environ)
	if err != nil {
		return err
	}
	if cfg.DatabaseURL.IsZero() {
		return errNoAudit
	}
	return t.withStore(ctx, f)
}

// auditedKeys is audited for a change of the key files. Without a database it makes
// the change and warns.
func (t *tool) auditedKeys(ctx context.Context, e ports.AuditEntry, change func() error) error {
	err := t.withAudit(ctx, func(s *postgres.Store) error { return audited(ctx, s, e, change) })
	if !errors.Is(err, errNoAudit) {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	t.warnUnaudited(err)
	return nil
}

func (t *tool) warnUnaudited(err error) {
	t.errorf("warning: this change is not in the audit: %s", explain(err))
}
