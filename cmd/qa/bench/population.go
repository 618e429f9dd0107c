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

// The plan of all renewed subscriptions.
const (
	planCode = "premium"
	planID   = "01900000-0005-7000-8000-000000000001"
)

// population is a database full of subscribers. It is created once, as a template,
// and copied for each measurement. Due times are distinct and spread evenly over the
// first days of a month. Their order differs from the order in the tables, because
// the subscriptions that are due on one day have started over years.
type population struct {
	rows   int // subscriptions
	months int // of history: payments and events per subscription
}

// dueDays is the number of days that the due times cover: the length of the shortest
// month, so that all months look the same.
const dueDays = 28

// firstDue is the due time of the first subscription.
var firstDue = time.Date(2026, time.February, 1, 0, 0, 0, 0, time.UTC)

// template names the database. The name differs for another size or schema.
func (p population) template() string {
	return fmt.Sprintf("population_%d_%d_%s", p.rows, p.months, schema())
}

// schema returns a hash of the migrations.
var schema = sync.OnceValue(func() string {
	h := fnv.New32a()
	files, _ := fs.Glob(db.Migrations, "migrations/*.sql")
	for _, file := range files {
		text, _ := fs.ReadFile(db.Migrations, file) // embedded
		_, _ = h.Write(text)
	}
	return strconv.FormatUint(uint64(h.Sum32()), 36)
})

// interval returns the time between two successive due times.
func (p population) interval() time.Duration {
	return (dueDays * 24 * time.Hour / time.Duration(p.rows)).Truncate(time.Microsecond)
}

// dueAt returns the due time of renewal n, counted from 0 over all months.
func (p population) dueAt(n int) time.Time {
	return firstDue.AddDate(0, n/p.rows, 0).Add(time.Duration(n%p.rows) * p.interval())
}

// uuid returns SQL for an id that grows with i, like the ids of the service.
func uuid(kind int, i string) string {
	return fmt.Sprintf("('01900000-%04x-7000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid", kind, i)
}

const (
	methodKind = iota + 1
	subscriptionKind
	paymentKind
	eventKind
)

// userID and methodID return the ids that user and uuid return as SQL.
func userID(i int) guuid.UUID { return md5.Sum(fmt.Appendf(nil, "user %d", i)) }

func methodID(i int) guuid.UUID {
	return guuid.MustParse(fmt.Sprintf("01900000-%04x-7000-8000-%012x", methodKind, i))
}

// user returns SQL for the id of user i. It does not grow with i, like the ids of
// most auth services.
func user(i string) string { return fmt.Sprintf("md5('user ' || %s)::uuid", i) }

// fill applies the migrations to an empty database and loads the population.
func (p population) fill(ctx context.Context, url string, keys *vault.Vault) error {
	if _, err := postgres.Migrate(ctx, url, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return onConn(ctx, url, func(conn *pgx.Conn) error {
		for _, statement := range p.statements() {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%.80s…: %w", strings.TrimSpace(statement), err)
			}
			if strings.HasPrefix(statement, "INSERT INTO users") {
				if err := p.copyMethods(ctx, conn, keys); err != nil {
					return fmt.Errorf("payment methods: %w", err)
				}
			}
		}
		return nil
	})
}

// copyMethods gives each user a payment method with an encrypted token.
func (p population) copyMethods(ctx context.Context, conn *pgx.Conn, keys *vault.Vault) error {
	i := 0
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"payment_methods"},
		[]string{"user_id", "id", "payment_system", "token_ct", "token_key_id", "token_fingerprint", "created_at"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if i++; i > p.rows {
				return nil, nil
			}
			user, id := userID(i), methodID(i)
			token := fmt.Appendf(nil, "tok_%d", i)
			sealed, err := keys.Encrypt(ports.Place{Purpose: ports.PurposeToken, User: billing.UserID(user.String()), Row: id.String()}, token)
			if err != nil {
				return nil, err
			}
			digests, err := keys.Fingerprints(ports.PurposeToken, billing.UserID(user.String()), token)
			if err != nil {
				return nil, err
			}
			return []any{[16]byte(user), [16]byte(id), worker.SystemCode, sealed.Ciphertext, int64(sealed.KeyID), digests[0][:], firstDue.AddDate(-3, 0, 0)}, nil
		}))
	return err
}

func (p population) statements() []string {
	// Subscription i has place rank(i) in the order of due times. The prime 7919
	// divides no size in use.
	const rank = "(i * 7919::bigint %% %d)"
	due := fmt.Sprintf("('%s'::timestamptz + "+rank+" * interval '%d microseconds')",
		firstDue.Format(time.RFC3339), p.rows, p.interval().Microseconds())
	// {due} is the due time of subscription i, {rows} the number of subscriptions,
	// {months} the months of history.
	all := []string{
		"SET session_replication_role = replica", // no foreign key checks: the rows are consistent
		"SET maintenance_work_mem = '512MB'",
		`INSERT INTO payment_systems (code, name, created_at) VALUES ('` + worker.SystemCode + `', 'Benchmark', '2020-01-01')`,
		`INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features, created_at, updated_at)
		VALUES ('` + planID + `', '` + planCode + `', 'Premium', 39900, 'RUB', 1, '{hd,4k}', '2020-01-01', '2020-01-01')`,
		`INSERT INTO users SELECT ` + user("i") + `, '2023-01-01', '2026-01-01' FROM generate_series(1, {rows}) i`,
		`INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency,
			interval_months, status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end,
			latest_payment_id, created_at, started_at, plan_group)
		SELECT ` + user("i") + `, ` + uuid(subscriptionKind, "i") + `, '` + planID + `', ` + uuid(methodKind, "i") + `, '` + worker.SystemCode + `',
			39900, 'RUB', 1, 'active', due - interval '{months} months', due - interval '1 month', due, due, false, false,
			` + uuid(paymentKind, "i*1000") + `, due - interval '{months} months', due - interval '{months} months', 'main'
		FROM (SELECT i, {due} AS due FROM generate_series(1, {rows}) i) s`,
	}
	for month := p.months; month >= 1; month-- { // oldest first, as in production
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
	fill := strings.NewReplacer("{due}", due, "{rows}", strconv.Itoa(p.rows), "{months}", strconv.Itoa(p.months))
	for i, s := range all {
		all[i] = fill.Replace(s)
	}
	return append(all, "RESET session_replication_role", "VACUUM ANALYZE")
}

// ensureTemplate creates the template unless it exists. A template that is not
// complete has another name.
func (p population) ensureTemplate(ctx context.Context, pg *cluster) error {
	n, err := pg.number(ctx, "postgres", "SELECT count(*) FROM pg_database WHERE datname = $1", p.template())
	if err != nil || n > 0 {
		return err
	}
	logf("loading %d subscriptions with %d month(s) of history", p.rows, p.months)
	partial := p.template() + "_partial"
	if err := pg.exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+partial+" WITH (FORCE)", "CREATE DATABASE "+partial); err != nil {
		return err
	}
	if err := p.fill(ctx, pg.url(partial), pg.keys); err != nil {
		return err
	}
	return pg.exec(ctx, "postgres", "ALTER DATABASE "+partial+" RENAME TO "+p.template(), "CHECKPOINT")
}

// copyTo creates a copy of the population in a database called name, vacuumed and
// with warm caches.
func (p population) copyTo(ctx context.Context, pg *cluster, name string) (*dataset, error) {
	if err := p.ensureTemplate(ctx, pg); err != nil {
		return nil, err
	}
	err := pg.exec(ctx, "postgres",
		"DROP DATABASE IF EXISTS "+name+" WITH (FORCE)",
		"CREATE DATABASE "+name+" TEMPLATE "+p.template()+" STRATEGY file_copy")
	if err != nil {
		return nil, err
	}
	d := &dataset{pg: pg, name: name, population: p}
	return d, pg.exec(ctx, name, "CREATE EXTENSION IF NOT EXISTS pg_prewarm",
		`SELECT sum(pg_prewarm(oid)) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND relname !~ '^(events|payments)$'`,
		"CHECKPOINT")
}
