package operators

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func (c Catalog) audit(ctx context.Context, tx ports.Repos, action, object string, before, after ports.Facts) error {
	return c.By.audit(ctx, tx, c.NewID(), c.Clock.Now(), change{action, object, before, after})
}

// change is what an operator did.
type change struct {
	action, object string
	before, after  ports.Facts
}

// audit writes a change of the operator into the audit log.
func (o Operator) audit(ctx context.Context, tx ports.Repos, id string, at time.Time, c change) error {
	return tx.Audit.Record(ctx, ports.AuditEntry{
		ID: id, At: at, Operator: o.Name, From: o.From, Action: c.action, Object: c.object, Before: c.before, After: c.after,
	})
}

// auditChange is audit for a change. It does nothing if before equals after.
func (c Catalog) auditChange(ctx context.Context, tx ports.Repos, action, object string, before, after ports.Facts) error {
	if maps.Equal(before, after) {
		return nil
	}
	return c.audit(ctx, tx, action, object, before, after)
}

func planFacts(p billing.Plan) ports.Facts {
	return ports.Facts{
		"code": p.Code, "name": p.Name, "price": p.Price.String(),
		"interval_months": strconv.Itoa(p.IntervalMonths),
		"features":        strings.Join(p.Features, ", "), "archived_at": timeFact(p.ArchivedAt), "ending_at": timeFact(p.EndingAt),
		"group": p.Group, "vat": string(p.VAT),
	}
}

func systemFacts(ps billing.PaymentSystem) ports.Facts {
	return ports.Facts{"code": ps.Code, "name": ps.Name, "archived_at": timeFact(ps.ArchivedAt)}
}

func timeFact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// The actions of audit entries.
const (
	PlanAdded                = "plan.add"
	PlanEdited               = "plan.edit"
	PlanArchived             = "plan.archive"
	PlanRestored             = "plan.restore"
	PlanEnded                = "plan.end"
	PlanDeleted              = "plan.delete"
	PaymentSystemAdded       = "payment_system.add"
	PaymentSystemEdited      = "payment_system.edit"
	PaymentSystemArchived    = "payment_system.archive"
	PaymentSystemRestored    = "payment_system.restore"
	PaymentSystemDeleted     = "payment_system.delete"
	SubscriptionCancelled    = "subscription.cancel"
	SubscriptionResumed      = "subscription.resume"
	SubscriptionRetried      = "subscription.retry"
	SubscriptionGiven        = "subscription.give"
	SubscriptionsGiven       = "subscription.give_many"
	PaymentSettled           = "payment.settle"
	PaymentRefunded          = "payment.refund"
	PaymentMethodRemoved     = "payment_method.remove"
	InstructionApproved      = "instruction.approve"
	InstructionRejected      = "instruction.reject"
	RefundSettled            = "refund.settle"
	RefundRecorded           = "refund.record"
	EndpointAdded            = "endpoint.add"
	EndpointRotated          = "endpoint.rotate"
	EndpointDisabled         = "endpoint.disable"
	EndpointEnabled          = "endpoint.enable"
	EndpointReplayed         = "endpoint.replay"
	EndpointTested           = "endpoint.test"
	UserNoted                = "user.note"
	UserErased               = "user.erase"
	PanelUserAdded           = "panel_user.add"
	PanelUserPasswordChanged = "panel_user.passwd"
	PanelUserDisabled        = "panel_user.disable"
	PanelUserEnabled         = "panel_user.enable"
	PanelUserRoleChanged     = "panel_user.role"
	PanelUserPasswordReset   = "panel_user.password_reset" // to a temporary one
	PanelUserFactorOn        = "panel_user.totp_on"
	PanelUserFactorOff       = "panel_user.totp_off"
	PanelUserFactorReset     = "panel_user.totp_reset" // by an editor
	PanelUserRecoveryRenewed = "panel_user.recovery_codes"
	PanelUserSessionsEnded   = "panel_user.sessions_end"
	PanelUserLockedOut       = "panel_user.lock_out"
	PanelUserSignedIn        = "panel_user.sign_in"
	PanelUserSignInFailed    = "panel_user.sign_in_failed"
)

// Anonymous is the operator of audit entries about failed sign-ins. Their object is
// the account, or empty if the account does not exist.
const Anonymous = "anonymous"
