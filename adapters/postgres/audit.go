package postgres

import (
	"context"
	"encoding/json"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/ports"
)

// audit implements [ports.Audit].
type audit struct{ q *dbgen.Queries }

func (r audit) Record(ctx context.Context, e ports.AuditEntry) error {
	return r.q.AuditRecord(ctx, dbgen.AuditRecordParams{
		ID: e.ID, At: e.At, Operator: e.Operator, Origin: e.From, Action: e.Action, Object: e.Object,
		Before: toJSON(e.Before), After: toJSON(e.After),
	})
}

// toJSON cannot fail, because facts are a map of strings.
func toJSON(f ports.Facts) []byte {
	if f == nil {
		f = ports.Facts{}
	}
	text, _ := json.Marshal(f)
	return text
}

func auditEntryOf(row *dbgen.PanelAudit) ports.AuditEntry {
	e := ports.AuditEntry{
		ID: row.ID, At: row.At, Operator: row.Operator, From: row.Origin, Action: row.Action, Object: row.Object,
	}
	_ = json.Unmarshal(row.Before, &e.Before) // cannot fail: the schema only allows objects
	_ = json.Unmarshal(row.After, &e.After)
	return e
}
