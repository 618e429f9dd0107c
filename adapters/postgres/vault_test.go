package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// sealedWorld is a database with a viewer, seen through stores with and without
// a vault.
type sealedWorld struct {
	*testing.T
	pool          *pgxpool.Pool // of a superuser
	files         vault.Files
	clear, sealed *postgres.Store
	user          billing.UserID
}

func newSealedWorld(t *testing.T) sealedWorld {
	t.Helper()
	f := vault.Files{Keyset: t.TempDir() + "/keyset.json", AllowClear: true}
	if err := vault.Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	url := pgtest.URL(t)
	admin, err := postgres.OpenRole(t.Context(), url, "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	w := sealedWorld{T: t, pool: admin, files: f, user: "00000000-0000-7000-8000-00000000000a"}
	v, err := vault.Open(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	pool := pgtest.Pool(t, url)
	w.clear, w.sealed = postgres.NewStore(pool), postgres.NewStore(pool, postgres.WithVault(v))
	w.tx(w.clear, func(ctx context.Context, tx app.Repos) error {
		if err := tx.Users.Seen(ctx, today, w.user); err != nil {
			return err
		}
		return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "s", Name: "S", CreatedAt: today})
	})
	return w
}

var today = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func (w sealedWorld) tx(s *postgres.Store, f func(ctx context.Context, tx app.Repos) error) {
	w.Helper()
	if err := s.InTx(w.Context(), func(tx app.Repos) error { return f(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

func (w sealedWorld) link(s *postgres.Store, n int) (m billing.PaymentMethod) {
	w.Helper()
	m = billing.PaymentMethod{
		ID: methodID(n), UserID: w.user, PaymentSystem: "s",
		Token: billing.NewSecret(fmt.Sprintf("tok_secret_%d", n)), CreatedAt: today,
	}
	w.tx(s, func(ctx context.Context, tx app.Repos) error { return tx.Methods.Add(ctx, m) })
	return m
}

func methodID(n int) billing.PaymentMethodID {
	return billing.PaymentMethodID(fmt.Sprintf("00000000-0000-7000-9000-%012d", n))
}

func (w sealedWorld) find(s *postgres.Store, id billing.PaymentMethodID) (m billing.PaymentMethod) {
	w.Helper()
	w.tx(s, func(ctx context.Context, tx app.Repos) (err error) {
		m, err = tx.Methods.Find(ctx, w.user, id)
		return err
	})
	return m
}

func (w sealedWorld) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.pool.Exec(w.Context(), sql, args...); err != nil {
		w.Fatal(err)
	}
}

func (w sealedWorld) text(sql string) (s string) {
	w.Helper()
	if err := w.pool.QueryRow(w.Context(), sql).Scan(&s); err != nil {
		w.Fatal(err)
	}
	return s
}

func (w sealedWorld) methods() string {
	w.Helper()
	return w.text("SELECT string_agg(m::text, ' ') FROM payment_methods m")
}

// rewrap makes passes of the given batch until one finds nothing.
func (w sealedWorld) rewrap(batch int) (sealed int, broken []string) {
	w.Helper()
	pass, err := w.sealed.Rewrap()
	if err != nil {
		w.Fatal(err)
	}
	for {
		n, err := pass.Next(w.Context(), batch)
		if err != nil {
			w.Fatal(err)
		}
		if n == 0 {
			return pass.Sealed, pass.Broken
		}
	}
}

func TestTokensAreSealed(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	m := w.link(w.sealed, 1)
	if got := w.find(w.sealed, m.ID); got.Token.Reveal() != "tok_secret_1" || got.Unreadable {
		t.Errorf("read back: %q, unreadable %t", got.Token.Reveal(), got.Unreadable)
	}
	if rows := w.methods(); strings.Contains(rows, "tok_secret") || strings.Contains(rows, fmt.Sprintf("%x", "tok_secret")) {
		t.Errorf("the table shows the token: %s", rows)
	}
	if got := w.find(w.clear, m.ID); !got.Unreadable || !got.Token.IsZero() {
		t.Errorf("without a vault: %q, unreadable %t", got.Token.Reveal(), got.Unreadable)
	}
}

func TestClearTokensAreSealedOnUse(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	old := w.link(w.clear, 1)
	if !strings.Contains(w.methods(), "tok_secret_1") {
		t.Fatal("it is not in the clear")
	}
	w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
		got, err := tx.Orders.Take(ctx, app.OrderQuery{User: w.user, PaymentSystem: "s", Token: old.Token})
		if err != nil || got[0].Method == nil || got[0].Method.ID != old.ID {
			t.Errorf("found %+v, want %s", got, old.ID)
		}
		return err
	})
	if strings.Contains(w.methods(), "tok_secret") {
		t.Error("it is in the clear still")
	}
	if got := w.find(w.sealed, old.ID); got.Token.Reveal() != "tok_secret_1" {
		t.Errorf("read back: %q", got.Token.Reveal())
	}
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	const rows = 7
	for n := range rows {
		if n%2 == 0 {
			w.link(w.clear, n)
		} else {
			w.link(w.sealed, n)
		}
	}
	w.addCard(1)
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	if sealed, broken := w.rewrap(2); sealed != rows+1 || len(broken) > 0 {
		t.Errorf("sealed again %d, broken %v; want %d", sealed, broken, rows+1)
	}
	if sealed, _ := w.rewrap(100); sealed != 0 {
		t.Errorf("once more: %d", sealed)
	}
	keys, err := w.files.Keys()
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	counts, err := w.sealed.Sealed(t.Context())
	want := []postgres.SealedRows{{KeyID: keys[1].ID, Cards: 1, Methods: rows}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("rows by key (-want +got), %v:\n%s", err, diff)
	}
	if err := w.files.Disable(keys[0].ID); err != nil {
		t.Fatal(err)
	}
	for n := range rows {
		if got := w.find(w.sealed, methodID(n)).Token.Reveal(); got != fmt.Sprintf("tok_secret_%d", n) {
			t.Errorf("method %d: %q", n, got)
		}
	}
}

func (w sealedWorld) addCard(n int) {
	w.Helper()
	v, err := vault.Open(w.files, nil)
	if err != nil {
		w.Fatal(err)
	}
	id := fmt.Sprintf("00000000-0000-7000-a000-%012d", n)
	s, err := v.Seal(app.Place{Purpose: app.SealedNumber, User: w.user, Row: id}, []byte("4242424242424242"))
	if err != nil {
		w.Fatal(err)
	}
	w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
		return tx.Cards.Add(ctx, billing.Card{
			ID: billing.CardID(id), UserID: w.user, Brand: billing.Visa, Last4: "4242", ExpMonth: 1, ExpYear: 2030,
			Number: s, Fingerprint: billing.Fingerprint{byte(n)}, CreatedAt: today,
		})
	})
}

// What was tampered with is told, by its id, and left as it is; the others do
// not wait for it.
func TestRewrapPassesOverWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	for n := range 4 {
		w.link(w.sealed, n)
	}
	w.addCard(1)
	w.addCard(2)
	w.exec("UPDATE payment_methods a SET token_ct = b.token_ct FROM payment_methods b WHERE a.id = $1 AND b.id = $2", methodID(1), methodID(2))
	w.exec("UPDATE cards SET number_ct = set_byte(number_ct, 20, get_byte(number_ct, 20) # 1) WHERE id = '00000000-0000-7000-a000-000000000001'")
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	sealed, broken := w.rewrap(1)
	want := []string{"card 00000000-0000-7000-a000-000000000001", "payment method " + string(methodID(1))}
	if diff := cmp.Diff(want, broken); diff != "" || sealed != 4 {
		t.Errorf("sealed again %d, broken (-want +got):\n%s", sealed, diff)
	}
	if got := w.find(w.sealed, methodID(1)); !got.Unreadable || !got.Token.IsZero() {
		t.Errorf("the swapped row reads %q", got.Token.Reveal())
	}
}

// Two rows with one token, as two programs with and without a vault may leave
// them, are both sealed.
func TestRewrapOfTheSameTokenTwice(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	w.link(w.sealed, 1)
	w.exec("INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) VALUES ($1, $2, 's', 'tok_secret_1', now())",
		w.user, methodID(2))
	if sealed, broken := w.rewrap(10); sealed != 1 || len(broken) > 0 {
		t.Errorf("sealed %d, broken %v", sealed, broken)
	}
	for n := 1; n <= 2; n++ {
		if got := w.find(w.sealed, methodID(n)).Token.Reveal(); got != "tok_secret_1" {
			t.Errorf("method %d: %q", n, got)
		}
	}
	w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
		got, err := tx.Orders.Take(ctx, app.OrderQuery{User: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_secret_1")})
		if err != nil || got[0].Method == nil || got[0].Method.ID != methodID(1) {
			t.Errorf("found %+v", got)
		}
		return err
	})
}

func TestRewrapLeavesWhatIsInUse(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	w.link(w.sealed, 1)
	w.link(w.sealed, 2)
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
		_, err := tx.Methods.Find(ctx, w.user, methodID(1)) // locks it
		if sealed, _ := w.rewrap(10); sealed != 1 {
			t.Errorf("sealed again %d, want the other one", sealed)
		}
		return err
	})
	if sealed, _ := w.rewrap(10); sealed != 1 {
		t.Errorf("afterwards %d, want the one that was in use", sealed)
	}
}

func TestRewrapNeedsAVault(t *testing.T) {
	t.Parallel()
	if _, err := newSealedWorld(t).clear.Rewrap(); !errors.Is(err, app.ErrNoVault) {
		t.Errorf("got %v", err)
	}
}

// A method that a transaction has looked at cannot be removed before that
// transaction ends: an intent with it is stored by then, and is seen.
func TestRemovalWaitsForWhoeverUsesTheMethod(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(ctx context.Context, tx app.Repos, w sealedWorld) error{
		"found": func(ctx context.Context, tx app.Repos, w sealedWorld) error {
			_, err := tx.Methods.Find(ctx, w.user, methodID(1))
			return err
		},
		"linked": func(ctx context.Context, tx app.Repos, w sealedWorld) error {
			facts, err := tx.Orders.Take(ctx, app.OrderQuery{User: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_shared")})
			if err == nil && (facts[0].Method == nil || facts[0].Method.ID != methodID(2)) {
				err = fmt.Errorf("found %+v", facts[0].Method)
			}
			return err
		},
		"due": func(ctx context.Context, tx app.Repos, _ sealedWorld) error {
			due, err := tx.Subscriptions.LockDue(ctx, app.DueQuery{Now: today.AddDate(0, 2, 0), Systems: []string{"s"}, Limit: 10})
			if err == nil && len(due) != 1 {
				err = fmt.Errorf("%d are due, want 1", len(due))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSealedWorld(t)
			w.addCard(1)
			card := billing.CardID("00000000-0000-7000-a000-000000000001")
			w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
				err := tx.Methods.Add(ctx, billing.PaymentMethod{ID: methodID(1), UserID: w.user, PaymentSystem: "s", CardID: card, CreatedAt: today})
				if err != nil {
					return err
				}
				return tx.Methods.Retoken(ctx, w.user, methodID(1), billing.NewSecret("tok_shared"))
			})
			w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
				return tx.Methods.Add(ctx, billing.PaymentMethod{
					ID: methodID(2), UserID: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_shared"), CreatedAt: today,
				})
			})
			w.subscribe(methodID(2))
			gone := make(chan error, 1)
			w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
				if err := use(ctx, tx, w); err != nil {
					return err
				}
				go func() {
					gone <- w.sealed.InTx(ctx, func(tx app.Repos) error {
						return tx.Methods.RemoveOf(ctx, billing.Card{ID: card, UserID: w.user, RemovedAt: today})
					})
				}()
				w.waitForLock()
				select {
				case err := <-gone:
					t.Errorf("it did not wait: %v", err)
				default:
				}
				return nil
			})
			if err := <-gone; err != nil {
				t.Error(err)
			}
		})
	}
}

// subscribe stores a subscription that is paid by a method.
func (w sealedWorld) subscribe(m billing.PaymentMethodID) {
	w.Helper()
	plan := billing.Plan{
		ID: "00000000-0000-7000-b000-000000000001", Code: "p", Name: "P", Price: billing.Money{Amount: 100, Currency: "RUB"},
		IntervalMonths: 1, Features: []string{}, CreatedAt: today, UpdatedAt: today,
	}
	o := billing.Order{
		Subscription: "00000000-0000-7000-c000-000000000001", Payment: "00000000-0000-7000-d000-000000000001",
		Plan: plan, Method: billing.PaymentMethod{ID: m, UserID: w.user, PaymentSystem: "s"}, Shown: plan.Price,
	}
	sub, pay, err := o.Start(today, billing.Calendar{})
	if err != nil {
		w.Fatal(err)
	}
	w.tx(w.sealed, func(ctx context.Context, tx app.Repos) error {
		if err := errors.Join(tx.Plans.Add(ctx, plan), tx.Subscriptions.Add(ctx, sub), tx.Payments.Add(ctx, time.Hour, pay)); err != nil {
			return err
		}
		sub, pay, _ = sub.Settle(pay, billing.Outcome{Status: billing.PaymentSucceeded, Amount: plan.Price}, billing.RetrySchedule{}, today)
		return errors.Join(tx.Payments.Save(ctx, pay), tx.Subscriptions.Save(ctx, sub))
	})
}

// waitForLock waits until somebody in the database waits for a lock.
func (w sealedWorld) waitForLock() {
	w.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for w.text("SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "0" {
		if time.Now().After(deadline) {
			w.Fatal("nobody waits for a lock")
		}
	}
}
