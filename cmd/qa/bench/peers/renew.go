package main

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// due is a subscription that is due for renewal.
type due struct {
	User, ID, Method, System, Currency string
	Amount                             int64
	From                               time.Time
}

const selectDue = `SELECT user_id::text, id::text, payment_method_id::text, payment_system, price_currency, price_amount, period_end
	FROM subscriptions WHERE next_charge_at <= $1 AND NOT charging`

// charge simulates the payment system.
func charge(latency time.Duration) {
	if latency > 0 {
		time.Sleep(latency)
	}
}

// record stores a paid renewal.
func record(ctx context.Context, tx pgx.Tx, d due, now time.Time) error {
	id, until := uuid.Must(uuid.NewV7()).String(), d.From.AddDate(0, 1, 0)
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
			period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at)
		VALUES ($1, $2, $3, $4, $5, 'merchant', $6, $7, $8, $9, 'succeeded', '', 'ref', '', '', $10, $10)`,
			[]any{d.User, id, d.ID, d.Method, d.System, d.Amount, d.Currency, d.From, until, now}},
		{`UPDATE subscriptions SET period_start = $3, period_end = $4, next_charge_at = $4, latest_payment_id = $5
		WHERE user_id = $1 AND id = $2`, []any{d.User, d.ID, d.From, until, id}},
		{`INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, payment_id, amount, currency, decline_code, access_until)
		VALUES ($1, $2, 'renewed', $3, $4, 'premium', $5, $6, $7, '', $8)`,
			[]any{d.User, uuid.Must(uuid.NewV7()).String(), now, d.ID, id, d.Amount, d.Currency, until}},
	} {
		if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// meter measures this process.
type meter struct {
	begin time.Time
	cpu   time.Duration
}

func start() meter { return meter{time.Now(), cpu()} }

func (m meter) stop(items int) result {
	return result{Items: items, Elapsed: time.Since(m.begin), Client: cpu() - m.cpu, RSS: peak()}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peak() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 1 && fields[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
