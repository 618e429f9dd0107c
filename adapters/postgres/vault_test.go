package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// vaultFixture is a database with one user and two stores, with and without a vault.
type vaultFixture struct {
	*testing.T
	pool              *pgxpool.Pool // as the superuser
	files             vault.Files
	vault             *vault.Vault
	plain, encrypting *postgres.Store
	url               string
	user              billing.UserID
}

func newVaultFixture(t *testing.T) vaultFixture {
	t.Helper()
	f := vault.Files{Keyset: t.TempDir() + "/keyset.json", AllowPlaintext: true}
	if err := vault.Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	url := pgtest.URL(t)
	admin, err := postgres.OpenRole(t.Context(), url, "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	w := vaultFixture{T: t, pool: admin, files: f, url: url, user: "00000000-0000-7000-8000-00000000000a"}
	v, err := vault.Open(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.vault = v
	pool := pgtest.Pool(t, url)
	w.plain, w.encrypting = postgres.NewStore(pool), postgres.NewStore(pool, postgres.WithVault(v), postgres.WithCardVault(v))
	w.tx(w.plain, func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Users.Seen(ctx, today, w.user); err != nil {
			return err
		}
		return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "s", Name: "S", CreatedAt: today})
	})
	return w
}

// keyUsage counts as billingctl does, which works as the owner.
func (w vaultFixture) keyUsage() ([]postgres.KeyUsage, error) {
	return postgres.NewStore(w.pool).KeyUsage(w.Context())
}

// expectByKey compares the rows that each key encrypts, the oldest key first.
func (w vaultFixture) expectByKey(rows func(postgres.KeyUsage) int64, want ...int64) {
	w.Helper()
	keys, err := w.files.Keys()
	if err != nil || len(keys) != len(want) {
		w.Fatalf("%d keys, want %d: %v", len(keys), len(want), err)
	}
	wanted, got := map[uint32]int64{}, map[uint32]int64{}
	for i, k := range keys {
		wanted[k.ID] = want[i]
	}
	counts, err := w.keyUsage()
	for _, u := range counts {
		got[u.KeyID] = rows(u)
	}
	if diff := cmp.Diff(wanted, got); err != nil || diff != "" {
		w.Errorf("rows by key (-want +got), %v:\n%s", err, diff)
	}
}

var today = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func (w vaultFixture) tx(s *postgres.Store, f func(ctx context.Context, tx ports.Repos) error) {
	w.Helper()
	if err := s.InTx(w.Context(), func(tx ports.Repos) error { return f(w.Context(), tx) }); err != nil {
		w.Fatal(err)
	}
}

func (w vaultFixture) link(s *postgres.Store, n int) (m billing.PaymentMethod) {
	w.Helper()
	m = billing.PaymentMethod{
		ID: methodID(n), UserID: w.user, PaymentSystem: "s",
		Token: billing.NewSecret(fmt.Sprintf("tok_secret_%d", n)), CreatedAt: today,
	}
	w.tx(s, func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, m) })
	return m
}

func methodID(n int) billing.PaymentMethodID {
	return billing.PaymentMethodID(fmt.Sprintf("00000000-0000-7000-9000-%012d", n))
}

func (w vaultFixture) find(s *postgres.Store, id billing.PaymentMethodID) (m billing.PaymentMethod) {
	w.Helper()
	w.tx(s, func(ctx context.Context, tx ports.Repos) (err error) {
		m, err = tx.Methods.Find(ctx, w.user, id)
		return err
	})
	return m
}

func (w vaultFixture) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.pool.Exec(w.Context(), sql, args...); err != nil {
		w.Fatal(err)
	}
}

func (w vaultFixture) text(sql string) (s string) {
	w.Helper()
	if err := w.pool.QueryRow(w.Context(), sql).Scan(&s); err != nil {
		w.Fatal(err)
	}
	return s
}

func (w vaultFixture) methods() string {
	w.Helper()
	return w.text("SELECT string_agg(m::text, ' ') FROM payment_methods m")
}

// rewrap runs one pass in batches and returns its result.
func (w vaultFixture) rewrap(batch int) (reencrypted int, broken []string) {
	w.Helper()
	// As the owner, like billingctl.
	pass, err := postgres.NewStore(w.pool, postgres.WithVault(w.vault), postgres.WithCardVault(w.vault)).Rewrap()
	if err != nil {
		w.Fatal(err)
	}
	for {
		n, err := pass.Next(w.Context(), batch)
		if err != nil {
			w.Fatal(err)
		}
		if n == 0 {
			return pass.Reencrypted, pass.Broken
		}
	}
}

func TestMethods_TokenIsEncrypted(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	m := w.link(w.encrypting, 1)
	if got := w.find(w.encrypting, m.ID); got.Token.Reveal() != "tok_secret_1" || got.Unreadable {
		t.Errorf("read back: %q, unreadable %t", got.Token.Reveal(), got.Unreadable)
	}
	if rows := w.methods(); strings.Contains(rows, "tok_secret") || strings.Contains(rows, fmt.Sprintf("%x", "tok_secret")) {
		t.Errorf("the table contains the plaintext token: %s", rows)
	}
	if got := w.find(w.plain, m.ID); !got.Unreadable || !got.Token.IsZero() {
		t.Errorf("read without a vault: %q, unreadable %t", got.Token.Reveal(), got.Unreadable)
	}
}

func TestOrdersTake_EncryptsPlaintextToken(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	old := w.link(w.plain, 1)
	if !strings.Contains(w.methods(), "tok_secret_1") {
		t.Fatal("the token is not stored in plaintext")
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: w.user, PaymentSystem: "s", Token: old.Token})
		if err != nil || got[0].Method == nil || got[0].Method.ID != old.ID {
			t.Errorf("found %+v, want %s", got, old.ID)
		}
		return err
	})
	if strings.Contains(w.methods(), "tok_secret") {
		t.Error("the token is still stored in plaintext")
	}
	if got := w.find(w.encrypting, old.ID); got.Token.Reveal() != "tok_secret_1" {
		t.Errorf("read back: %q", got.Token.Reveal())
	}
}

// An attacker who can write to the database replaces an encrypted token by one in
// plaintext. It is refused once every token was encrypted. Until then it is counted.
func TestMethods_PlaintextTokenIsRefusedOnceEnforced(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	m := w.link(w.encrypting, 1)
	w.exec("UPDATE payment_methods SET token = 'tok_of_the_attacker', token_ct = NULL, token_key_id = NULL")
	if got := w.find(w.encrypting, m.ID); got.Token.Reveal() != "tok_of_the_attacker" || w.vault.PlaintextReads() != 1 {
		t.Errorf("before: token %q, %d counted; want it accepted and counted", got.Token.Reveal(), w.vault.PlaintextReads())
	}
	if err := w.files.Enforce(vault.RuleTokens); err != nil {
		t.Fatal(err)
	}
	if got := w.find(w.encrypting, m.ID); !got.Unreadable || !got.Token.IsZero() {
		t.Errorf("enforced: token %q, unreadable %t; want it refused", got.Token.Reveal(), got.Unreadable)
	}
	// The viewer, who knows the token, repairs the row by paying with it.
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: w.user, PaymentSystem: "s", Token: m.Token})
		if err == nil && (got[0].Method == nil || got[0].Method.ID != m.ID || got[0].Method.Unreadable) {
			t.Errorf("found %+v, want %s", got[0].Method, m.ID)
		}
		return err
	})
	if got := w.find(w.encrypting, m.ID); got.Token.Reveal() != "tok_secret_1" {
		t.Errorf("afterwards: token %q", got.Token.Reveal())
	}
}

// No parameter of a query is a token in plaintext, because parameters can get into the
// log of the database.
func TestOrdersTake_SendsNoPlaintextToken(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	old := w.link(w.plain, 1)
	sent := &sentBytes{}
	pool, err := postgres.OpenRole(t.Context(), w.url, postgres.APIRole, func(c *pgxpool.Config) {
		c.ConnConfig.BuildFrontend = func(r io.Reader, to io.Writer) *pgproto3.Frontend {
			return pgproto3.NewFrontend(r, io.MultiWriter(sent, to))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for _, token := range []string{"tok_secret_1", "tok_secret_2"} { // stored in plaintext, and unknown
		w.tx(postgres.NewStore(pool, postgres.WithVault(w.vault)), func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: w.user, PaymentSystem: "s", Token: billing.NewSecret(token)})
			return err
		})
	}
	if text := sent.text(); !strings.Contains(text, string(w.user)) || strings.Contains(text, "tok_secret") {
		t.Error("the queries contain a token, or were not recorded")
	}
	if got := w.find(w.encrypting, old.ID); got.Token.Reveal() != "tok_secret_1" {
		t.Errorf("the plaintext token was not found: %q", got.Token.Reveal())
	}
}

// sentBytes keeps what connections send.
type sentBytes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *sentBytes) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *sentBytes) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// After the digest key is replaced, a card's removal still removes the other method
// with the same token, which was stored under the other key.
func TestMethodsRemove_FindsTokensUnderEveryKey(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.addCard(1)
	card := billing.CardID("00000000-0000-7000-a000-000000000001")
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		err := tx.Methods.Add(ctx, billing.PaymentMethod{ID: methodID(1), UserID: w.user, PaymentSystem: "s", CardID: card, CreatedAt: today})
		return errors.Join(err, tx.Methods.SetToken(ctx, w.user, methodID(1), billing.NewSecret("tok_shared")))
	})
	w.files.RotateDigests = true
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		return tx.Methods.Add(ctx, billing.PaymentMethod{
			ID: methodID(2), UserID: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_shared"), CreatedAt: today,
		})
	})
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		return removeMethods(ctx, tx, ports.MethodRemoval{User: w.user, Card: card})
	})
	for n := 1; n <= 2; n++ {
		if got := w.find(w.encrypting, methodID(n)); got.RemovedAt.IsZero() || !got.Token.IsZero() {
			t.Errorf("method %d was not removed: %+v", n, got)
		}
	}
}

// A method of an earlier version has its token in plaintext. A method whose token was
// encrypted later has no fingerprint if another method has the same one.
func TestMethodsRemove_FindsTokensWithoutFingerprint(t *testing.T) {
	t.Parallel()
	for target := 1; target <= 3; target++ {
		t.Run(fmt.Sprintf("removal of method %d", target), func(t *testing.T) {
			t.Parallel()
			w := newVaultFixture(t)
			shared := w.link(w.plain, 1)
			for n := 2; n <= 3; n++ {
				shared.ID = methodID(n)
				w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, shared) })
				if n == 2 {
					w.exec("UPDATE payment_methods SET token_fingerprint = NULL WHERE id::text = $1", methodID(2))
				}
			}
			w.link(w.plain, 4)
			w.link(w.encrypting, 5)
			w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
				return removeMethods(ctx, tx, ports.MethodRemoval{User: w.user, Method: methodID(target)})
			})
			for n := 1; n <= 5; n++ {
				if got := w.find(w.encrypting, methodID(n)); got.RemovedAt.IsZero() != (n > 3) || got.Token.IsZero() != (n <= 3) {
					t.Errorf("after the removal, method %d is %+v", n, got)
				}
			}
		})
	}
}

func removeMethods(ctx context.Context, tx ports.Repos, r ports.MethodRemoval) error {
	list, err := tx.Methods.LockForRemoval(ctx, r)
	for i := range list {
		list[i] = list[i].Remove(today)
	}
	return errors.Join(err, tx.Methods.Remove(ctx, r, list...))
}

func TestRewrap_AfterRotation(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	const rows = 7
	for n := range rows {
		if n%2 == 0 {
			w.link(w.plain, n)
		} else {
			w.link(w.encrypting, n)
		}
	}
	w.addCard(1)
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	if reencrypted, broken := w.rewrap(2); reencrypted != rows+1 || len(broken) > 0 {
		t.Errorf("re-encrypted %d, broken %v; want %d", reencrypted, broken, rows+1)
	}
	if reencrypted, _ := w.rewrap(100); reencrypted != 0 {
		t.Errorf("the second pass re-encrypted %d, want 0", reencrypted)
	}
	keys, err := w.files.Keys()
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	counts, err := w.keyUsage()
	want := []postgres.KeyUsage{{KeyID: keys[1].ID, Cards: 1, Methods: rows}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("rows by key (-want +got), %v:\n%s", err, diff)
	}
	if err := w.files.Disable(keys[0].ID); err != nil {
		t.Fatal(err)
	}
	for n := range rows {
		if got := w.find(w.encrypting, methodID(n)).Token.Reveal(); got != fmt.Sprintf("tok_secret_%d", n) {
			t.Errorf("method %d: %q", n, got)
		}
	}
}

func (w vaultFixture) addCard(n int) {
	w.Helper()
	v, err := vault.Open(w.files, nil)
	if err != nil {
		w.Fatal(err)
	}
	id := fmt.Sprintf("00000000-0000-7000-a000-%012d", n)
	s, err := v.Encrypt(ports.Place{Purpose: ports.PurposeCardNumber, User: w.user, Row: id}, []byte("4242424242424242"))
	if err != nil {
		w.Fatal(err)
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		return tx.Cards.Add(ctx, billing.Card{
			ID: billing.CardID(id), UserID: w.user, Brand: billing.Visa, Last4: "4242", ExpMonth: 1, ExpYear: 2030,
			Number: s, Fingerprint: billing.Fingerprint{byte(n)}, CreatedAt: today,
		})
	})
}

// A row that was tampered with is reported by id and left unchanged. The others are
// re-encrypted.
func TestRewrap_ReportsBrokenRows(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	for n := range 4 {
		w.link(w.encrypting, n)
	}
	w.addCard(1)
	w.addCard(2)
	w.exec("UPDATE payment_methods a SET token_ct = b.token_ct FROM payment_methods b WHERE a.id = $1 AND b.id = $2", methodID(1), methodID(2))
	w.exec("UPDATE cards SET number_ct = set_byte(number_ct, 20, get_byte(number_ct, 20) # 1) WHERE id = '00000000-0000-7000-a000-000000000001'")
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	reencrypted, broken := w.rewrap(1)
	want := []string{"card 00000000-0000-7000-a000-000000000001", "payment method " + string(methodID(1))}
	if diff := cmp.Diff(want, broken); diff != "" || reencrypted != 4 {
		t.Errorf("re-encrypted %d, want 4; broken (-want +got):\n%s", reencrypted, diff)
	}
	if got := w.find(w.encrypting, methodID(1)); !got.Unreadable || !got.Token.IsZero() {
		t.Errorf("the swapped row reads %q", got.Token.Reveal())
	}
}

// Two programs, with and without a vault, can store two rows with one token.
func TestRewrap_TwoRowsWithOneToken(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.link(w.encrypting, 1)
	w.exec("INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) VALUES ($1, $2, 's', 'tok_secret_1', now())",
		w.user, methodID(2))
	if reencrypted, broken := w.rewrap(10); reencrypted != 1 || len(broken) > 0 {
		t.Errorf("re-encrypted %d, broken %v; want 1 and none", reencrypted, broken)
	}
	for n := 1; n <= 2; n++ {
		if got := w.find(w.encrypting, methodID(n)).Token.Reveal(); got != "tok_secret_1" {
			t.Errorf("method %d: %q", n, got)
		}
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_secret_1")})
		if err != nil || got[0].Method == nil || got[0].Method.ID != methodID(1) {
			t.Errorf("found %+v", got)
		}
		return err
	})
}

func TestRewrap_SkipsLockedRows(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.link(w.encrypting, 1)
	w.link(w.encrypting, 2)
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.Methods.Find(ctx, w.user, methodID(1)) // locks the method
		if reencrypted, _ := w.rewrap(10); reencrypted != 1 {
			t.Errorf("re-encrypted %d, want 1", reencrypted)
		}
		return err
	})
	if reencrypted, _ := w.rewrap(10); reencrypted != 1 {
		t.Errorf("re-encrypted %d after the lock was released, want 1", reencrypted)
	}
}

func TestRewrap_WithoutVault(t *testing.T) {
	t.Parallel()
	if _, err := newVaultFixture(t).plain.Rewrap(); !errors.Is(err, ports.ErrNoVault) {
		t.Errorf("got %v", err)
	}
}

// The removal of a method waits for transactions that have read it, so that it sees
// the intents that they store.
func TestMethodsRemove_WaitsForReaders(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(ctx context.Context, tx ports.Repos, w vaultFixture) error{
		"found": func(ctx context.Context, tx ports.Repos, w vaultFixture) error {
			_, err := tx.Methods.Find(ctx, w.user, methodID(1))
			return err
		},
		"linked": func(ctx context.Context, tx ports.Repos, w vaultFixture) error {
			facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_shared")})
			if err == nil && (facts[0].Method == nil || facts[0].Method.ID != methodID(2)) {
				err = fmt.Errorf("found %+v", facts[0].Method)
			}
			return err
		},
		"due": func(ctx context.Context, tx ports.Repos, _ vaultFixture) error {
			due, err := tx.Due.LockDue(ctx, ports.DueQuery{Now: today.AddDate(0, 2, 0), Systems: []string{"s"}, Limit: 10})
			if err == nil && len(due) != 1 {
				err = fmt.Errorf("%d subscriptions are due, want 1", len(due))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newVaultFixture(t)
			w.addCard(1)
			card := billing.CardID("00000000-0000-7000-a000-000000000001")
			w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
				err := tx.Methods.Add(ctx, billing.PaymentMethod{ID: methodID(1), UserID: w.user, PaymentSystem: "s", CardID: card, CreatedAt: today})
				if err != nil {
					return err
				}
				return tx.Methods.SetToken(ctx, w.user, methodID(1), billing.NewSecret("tok_shared"))
			})
			w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
				return tx.Methods.Add(ctx, billing.PaymentMethod{
					ID: methodID(2), UserID: w.user, PaymentSystem: "s", Token: billing.NewSecret("tok_shared"), CreatedAt: today,
				})
			})
			w.subscribe(methodID(2))
			removed := make(chan error, 1)
			w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
				if err := use(ctx, tx, w); err != nil {
					return err
				}
				go func() {
					removed <- w.encrypting.InTx(ctx, func(tx ports.Repos) error {
						return removeMethods(ctx, tx, ports.MethodRemoval{User: w.user, Card: card})
					})
				}()
				w.waitForLock()
				select {
				case err := <-removed:
					t.Errorf("the removal did not wait: %v", err)
				default:
				}
				return nil
			})
			if err := <-removed; err != nil {
				t.Error(err)
			}
		})
	}
}

// subscribe stores a subscription with a succeeded payment by a method.
func (w vaultFixture) subscribe(m billing.PaymentMethodID) {
	w.Helper()
	plan := billing.Plan{
		ID: "00000000-0000-7000-b000-000000000001", Code: "p", Name: "P", Price: billing.Money{Amount: 100, Currency: "RUB"},
		IntervalMonths: 1, Features: []string{}, CreatedAt: today, UpdatedAt: today,
	}
	o := billing.Order{
		Subscription: "00000000-0000-7000-c000-000000000001", Payment: "00000000-0000-7000-d000-000000000001",
		Plan: plan, Method: billing.PaymentMethod{ID: m, UserID: w.user, PaymentSystem: "s"}, Shown: plan.Price,
	}
	sub, pay, _, err := o.Start(today, billing.Calendar{})
	if err != nil {
		w.Fatal(err)
	}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		if err := errors.Join(tx.Plans.Add(ctx, plan), tx.Subscriptions.Add(ctx, sub), tx.Payments.Add(ctx, time.Hour, pay)); err != nil {
			return err
		}
		sub, pay, _ = sub.Settle(pay, billing.Outcome{Status: billing.PaymentSucceeded, Amount: plan.Price}, billing.RetrySchedule{}, billing.Calendar{}, today)
		return errors.Join(tx.Payments.Save(ctx, pay), tx.Subscriptions.Save(ctx, sub))
	})
}

// waitForLock waits until a session of the database waits for a lock.
func (w vaultFixture) waitForLock() {
	w.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for w.text("SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "0" {
		if time.Now().After(deadline) {
			w.Fatal("no session waits for a lock")
		}
	}
}
