package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// NoticeResult says how a notification was treated, for metrics.
type NoticeResult string

// The results of a notification.
const (
	NoticeAccepted   NoticeResult = "accepted"   // the payment or save is looked up next
	NoticeUnknown    NoticeResult = "unknown"    // no pending payment or save of ours has the key or reference
	NoticeIrrelevant NoticeResult = "irrelevant" // it is about something else
	NoticeForged     NoticeResult = "forged"     // nothing proves where it comes from
	NoticeFailed     NoticeResult = "failed"     // it could not be stored
)

// Notified takes a notification that claims to come from a payment system. If it is
// genuine and names a pending payment or save, the next sweep looks it up. Nothing else
// in it is believed. When Notified returns nil, that is stored. Errors:
//
//	billing.ErrPaymentSystemNotFound  no payment system with this code sends notifications
//	ports.ErrForged                   nothing proves that it comes from the payment system
//	billing.ErrUnavailable            the database is unavailable; the payment system should repeat it
func (c *Collector) Notified(ctx context.Context, system string, n ports.Notification) error {
	listener, ok := c.Listeners[system]
	if !ok {
		return billing.ErrPaymentSystemNotFound
	}
	result, err := c.notified(ctx, system, listener, n)
	if c.WatchNotice != nil {
		c.WatchNotice(system, result)
	}
	if err != nil {
		return fmt.Errorf("notification of %s: %w", system, err)
	}
	return nil
}

func (c *Collector) notified(ctx context.Context, system string, l ports.Listener, n ports.Notification) (NoticeResult, error) {
	notice, err := l.ReadNotification(n)
	switch {
	case errors.Is(err, ports.ErrForged):
		return NoticeForged, err
	case errors.Is(err, ports.ErrIrrelevant):
		return NoticeIrrelevant, nil
	case err != nil:
		return NoticeFailed, err
	}
	notice.ProviderRef, notice.RefundRef = billing.CleanReference(notice.ProviderRef), billing.CleanReference(notice.RefundRef)
	found, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (bool, error) {
		if found, err := tx.Notices.LookUpNow(ctx, system, notice); found || err != nil {
			return found, err
		}
		return tx.Saves.LookUpNow(ctx, system, notice)
	})
	switch {
	case err != nil:
		return NoticeFailed, err
	case !found:
		return NoticeUnknown, nil
	default:
		return NoticeAccepted, nil
	}
}
