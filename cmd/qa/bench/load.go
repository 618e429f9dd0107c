package main

import (
	"context"
	"crypto/md5"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	guuid "github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/db"
)

// What every database here holds besides its subscriptions.
const (
	planCode   = "premium"
	planID     = "01900000-0005-7000-8000-000000000001"
	priceMinor = 39900
)

// A crowd is a database full of subscribers, made once and copied for each
// measurement. Every one of them is due at a moment of its own, spread evenly
// over the first days of a month, in an order that is not that of the tables: in
// the life of a service those who are due on one day have come over years.
type crowd struct {
	rows    int // subscriptions
	history int // months of it: so many payments and events for each
}

// No month is shorter than the days that a crowd is due in, so that every month
// looks the same.
const dueDays = 28

// firstDue is the midnight that the first of a crowd is due at.
var firstDue = time.Date(2026, time.February, 1, 0, 0, 0, 0, time.UTC)

// name tells a crowd from one of another size, or in another schema.
func (c crowd) name() string { return fmt.Sprintf("crowd_%d_%d_%s", c.rows, c.history, schema()) }

// schema is a hash of the steps that make it.
var schema = sync.OnceValue(func() string {
	h := fnv.New32a()
	files, _ := fs.Glob(db.Migrations, "migrations/*.sql")
	for _, file := range files {
		text, _ := fs.ReadFile(db.Migrations, file) // it is in this program
		_, _ = h.Write(text)
	}
	return strconv.FormatUint(uint64(h.Sum32()), 36)
})

// step is the time between two that are due one after the other.
func (c crowd) step() time.Duration {
	return (dueDays * 24 * time.Hour / time.Duration(c.rows)).Truncate(time.Microsecond)
}

// dueAt is the moment at which the n-th renewal ever is due, from 0.
func (c crowd) dueAt(n int) time.Time {
	return firstDue.AddDate(0, n/c.rows, 0).Add(time.Duration(n%c.rows) * c.step())
}

// uuid is SQL for an id like the service's own: it grows with i.
func uuid(kind int, i string) string {
	return fmt.Sprintf("('01900000-%04x-7000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid", kind, i)
}

const (
	methodKind = iota + 1
	subscriptionKind
	paymentKind
	eventKind
)

// userID and methodID are what user and uuid are in SQL.
func userID(i int) guuid.UUID { return md5.Sum(fmt.Appendf(nil, "user %d", i)) }

func methodID(i int) guuid.UUID {
	return guuid.MustParse(fmt.Sprintf("01900000-%04x-7000-8000-%012x", methodKind, i))
}

// user is SQL for the id of the i-th user: like those of most auth services, it
// does not grow.
func user(i string) string { return fmt.Sprintf("md5('user ' || %s)::uuid", i) }

// fill fills an empty database with the crowd, and plans for whoever subscribes
// anew.
func (c crowd) fill(ctx context.Context, url string, keys *vault.Vault) error {
	if _, err := postgres.Migrate(ctx, url, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return onConn(ctx, url, func(conn *pgx.Conn) error {
		for _, statement := range c.statements() {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%.80s…: %w", strings.TrimSpace(statement), err)
			}
			if strings.HasPrefix(statement, "INSERT INTO users") {
				if err := c.copyMethods(ctx, conn, keys); err != nil {
					return fmt.Errorf("payment methods: %w", err)
				}
			}
		}
		return nil
	})
}

// copyMethods gives everybody a payment method, with a token that is sealed as in
// production.
func (c crowd) copyMethods(ctx context.Context, conn *pgx.Conn, keys *vault.Vault) error {
	i := 0
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"payment_methods"},
		[]string{"user_id", "id", "payment_system", "token_ct", "token_key_id", "token_fingerprint", "created_at"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if i++; i > c.rows {
				return nil, nil
			}
			user, id := userID(i), methodID(i)
			token := fmt.Appendf(nil, "tok_%d", i)
			sealed, err := keys.Encrypt(ports.Place{Purpose: ports.PurposeToken, User: billing.UserID(user.String()), Row: id.String()}, token)
			if err != nil {
				return nil, err
			}
			f, err := keys.Fingerprint(ports.PurposeToken, billing.UserID(user.String()), token)
			return []any{[16]byte(user), [16]byte(id), worker.SystemCode, sealed.Ciphertext, int64(sealed.KeyID), f[:], firstDue.AddDate(-3, 0, 0)}, err
		}))
	return err
}

func (c crowd) statements() []string {
	// The n-th of the crowd is due rank(n)-th; 7919 is a prime that divides no
	// size in use.
	const rank = "(i * 7919::bigint %% %d)"
	due := fmt.Sprintf("('%s'::timestamptz + "+rank+" * interval '%d microseconds')",
		firstDue.Format(time.RFC3339), c.rows, c.step().Microseconds())
	// {due} is when the i-th is due, {rows} how many there are, {months} for how many months.
	all := []string{
		"SET session_replication_role = replica", // checks no keys: everything fits as it is made
		"SET maintenance_work_mem = '512MB'",
		`INSERT INTO payment_systems (code, name, created_at) VALUES ('` + worker.SystemCode + `', 'Benchmark', '2020-01-01')`,
		`INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features, created_at, updated_at)
		VALUES ('` + planID + `', '` + planCode + `', 'Premium', 39900, 'RUB', 1, '{hd,4k}', '2020-01-01', '2020-01-01')`,
		`INSERT INTO users SELECT ` + user("i") + `, '2023-01-01', '2026-01-01' FROM generate_series(1, {rows}) i`,
		`INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency,
			interval_months, status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end,
			latest_payment_id, created_at, started_at)
		SELECT ` + user("i") + `, ` + uuid(subscriptionKind, "i") + `, '` + planID + `', ` + uuid(methodKind, "i") + `, '` + worker.SystemCode + `',
			39900, 'RUB', 1, 'active', due - interval '{months} months', due - interval '1 month', due, due, false, false,
			` + uuid(paymentKind, "i*1000") + `, due - interval '{months} months', due - interval '{months} months'
		FROM (SELECT i, {due} AS due FROM generate_series(1, {rows}) i) s`,
	}
	for month := c.history; month >= 1; month-- { // oldest first, as they were written
		id := fmt.Sprintf("i*1000 + %d", month-1)
		at := fmt.Sprintf("due - interval '%d months'", month)
		all = append(all,
			`INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
				period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at)
			SELECT `+user("i")+`, `+uuid(paymentKind, id)+`, `+uuid(subscriptionKind, "i")+`, `+uuid(methodKind, "i")+`, '`+worker.SystemCode+`',
				'merchant', 39900, 'RUB', `+at+`, `+at+` + interval '1 month', 'succeeded', '', 'ref-' || i, '', '', `+at+`, `+at+`
			FROM (SELECT i, {due} AS due FROM generate_series(1, {rows}) i) s`,
			`INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, payment_id, amount, currency, decline_code, access_until)
			SELECT `+user("i")+`, `+uuid(eventKind, id)+`, 'renewed', `+at+`, `+uuid(subscriptionKind, "i")+`, '`+planCode+`',
				`+uuid(paymentKind, id)+`, 39900, 'RUB', '', `+at+` + interval '1 month'
			FROM (SELECT i, {due} AS due FROM generate_series(1, {rows}) i) s`)
	}
	fill := strings.NewReplacer("{due}", due, "{rows}", strconv.Itoa(c.rows), "{months}", strconv.Itoa(c.history))
	for i, s := range all {
		all[i] = fill.Replace(s)
	}
	return append(all, "RESET session_replication_role", "VACUUM ANALYZE")
}

// ready makes the crowd if it is not there yet: whole, or not at all.
func (c crowd) ready(ctx context.Context, pg *cluster) error {
	n, err := pg.number(ctx, "postgres", "SELECT count(*) FROM pg_database WHERE datname = $1", c.name())
	if err != nil || n > 0 {
		return err
	}
	say("loading %d subscriptions with %d month(s) of history", c.rows, c.history)
	half := c.name() + "_half"
	if err := pg.exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+half+" WITH (FORCE)", "CREATE DATABASE "+half); err != nil {
		return err
	}
	if err := c.fill(ctx, pg.url(half), pg.keys); err != nil {
		return err
	}
	return pg.exec(ctx, "postgres", "ALTER DATABASE "+half+" RENAME TO "+c.name(), "CHECKPOINT")
}

// copy makes a fresh database of the crowd, warm and vacuumed.
func (c crowd) copy(ctx context.Context, pg *cluster, name string) (*town, error) {
	if err := c.ready(ctx, pg); err != nil {
		return nil, err
	}
	err := pg.exec(ctx, "postgres",
		"DROP DATABASE IF EXISTS "+name+" WITH (FORCE)",
		"CREATE DATABASE "+name+" TEMPLATE "+c.name()+" STRATEGY file_copy")
	if err != nil {
		return nil, err
	}
	t := &town{pg: pg, name: name, crowd: c}
	return t, pg.exec(ctx, name, "CREATE EXTENSION IF NOT EXISTS pg_prewarm",
		`SELECT sum(pg_prewarm(oid)) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND relname !~ '^(events|payments)$'`,
		"CHECKPOINT")
}
