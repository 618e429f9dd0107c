package app

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func (c Catalog) audit(ctx context.Context, tx Repos, action, object string, before, after Facts) error {
	by := c.By
	if by.Name == "" {
		by = Shell()
	}
	return tx.Audit.Record(ctx, AuditEntry{
		ID: c.NewID(), At: c.Clock.Now(), Operator: by.Name, From: by.From,
		Action: action, Object: object, Before: before, After: after,
	})
}

// auditChange audits nothing when nothing changed.
func (c Catalog) auditChange(ctx context.Context, tx Repos, action, object string, before, after Facts) error {
	if maps.Equal(before, after) {
		return nil
	}
	return c.audit(ctx, tx, action, object, before, after)
}

func planFacts(p billing.Plan) Facts {
	return Facts{
		"code": p.Code, "name": p.Name, "price": p.Price.String(),
		"interval_months": strconv.Itoa(p.IntervalMonths),
		"features":        strings.Join(p.Features, ", "), "archived_at": timeFact(p.ArchivedAt),
	}
}

func systemFacts(ps billing.PaymentSystem) Facts {
	return Facts{"code": ps.Code, "name": ps.Name, "archived_at": timeFact(ps.ArchivedAt)}
}

func timeFact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
