package e2e

import (
	"encoding/json"
	"html"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
)

// databaseURLAs returns the environment variable of a program with its own login.
func (w world) databaseURLAs(t *testing.T, login string) string {
	t.Helper()
	u, err := url.Parse(w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("user")
	u.User, u.RawQuery = url.User(login), q.Encode()
	return "BILLING_DATABASE_URL=" + u.String()
}

// execAsSuperuser runs SQL.
func execAsSuperuser(t *testing.T, databaseURL, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// panel starts the panel, adds the user anna and signs in.
func (w world) panel(t *testing.T, vars ...string) operator {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, w.version+"billingctl"), "admin-user", "add", "anna", "--role", "editor")
	cmd.Env, cmd.Stdin = environ("BILLING_DATABASE_URL="+w.databaseURL), strings.NewReader("correct horse battery\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("admin-user add: %v\n%s", err, out)
	}
	cmd = exec.Command(program(t, w.version+"billing-admin"))
	cmd.Env = append(append(environ("BILLING_ADMIN_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=127.0.0.1:0"), w.vars...), vars...)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := operator{client: &http.Client{Jar: jar}}
	p := start(t, cmd)
	p.line(t, "address of the panel", func(line string) bool {
		var up struct {
			Panel string `json:"admin_addr"`
			Ops   string `json:"ops_addr"`
		}
		_ = json.Unmarshal([]byte(line), &up)
		o.base, o.ops = "http://"+up.Panel, "http://"+up.Ops
		return up.Panel != ""
	})
	if got := ready(t, api{p, o.base, o.ops}); got != http.StatusOK {
		t.Errorf("readyz of the panel: status %d, want 200", got)
	}
	if page := o.post(t, "/admin/signin", url.Values{"name": {"anna"}, "password": {"correct horse battery"}}); !strings.Contains(page, "Active subscriptions") {
		t.Fatalf("after signing in: %s", page)
	}
	return o
}

// Each program has its own login with only its own role. The API and the runs also have
// the role of the simulator, which stores its ledger in the same database.
func TestRoles_OnePerProgram(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, folder(t))
	// The owner of the schema is not a superuser.
	execAsSuperuser(t, db.URL(), "CREATE ROLE schema_owner LOGIN CREATEROLE; ALTER DATABASE billing OWNER TO schema_owner")
	owner := strings.TrimPrefix(world{databaseURL: db.URL()}.databaseURLAs(t, "schema_owner"), "BILLING_DATABASE_URL=")
	if _, err := postgres.Migrate(t.Context(), owner, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	execAsSuperuser(t, owner, `CREATE ROLE "billing-api" LOGIN IN ROLE billing_api, billing_simulator;
		CREATE ROLE "billing-renew" LOGIN IN ROLE billing_renew, billing_simulator;
		CREATE ROLE "billing-admin" LOGIN IN ROLE billing_panel`)
	w := newWorldAt(t, owner, onTestClock...)
	asRenew := w.databaseURLAs(t, "billing-renew")
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api", w.databaseURLAs(t, "billing-api"))
	if got := ready(t, a); got != http.StatusOK {
		t.Errorf("readyz of the API: status %d, want 200", got)
	}
	o := w.panel(t, w.databaseURLAs(t, "billing-admin"))

	// Subscribe by token, twice with one key; by card; and by card with a confirmation.
	alice, berta, carla := a.at(w.viewer(t, "alice")), a.at(w.viewer(t, "berta")), a.at(w.viewer(t, "carla"))
	for range 2 {
		if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "key", subscribeBody("tok_ok")); got.status != http.StatusCreated {
			t.Fatalf("subscribe by token: %d %s, want 201", got.status, got.text)
		}
	}
	card := berta.addCard(t, "4242424242424242")
	if got := berta.pay(t, card, "123"); got.status != http.StatusCreated {
		t.Fatalf("subscribe by card: %d %s, want 201", got.status, got.text)
	}
	got := carla.pay(t, carla.addCard(t, "4000002500003155"), "123")
	if got.status != http.StatusAccepted {
		t.Fatalf("subscribe with confirmation: %d %s, want 202", got.status, got.text)
	}
	approve(t, got.body.NextAction.URL)
	eventually(t, "confirmed payment", func() bool { return len(carla.eventTypes(t)) == 2 })

	page := o.get(t, "/admin/info/plans/edit?id="+regexp.MustCompile(`edit\?id=([0-9a-z-]+)`).FindStringSubmatch(o.get(t, "/admin/info/plans"))[1])
	_, page, _ = strings.Cut(page, `<form class="card`)
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input[^>]* name="([a-z_]+)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	form.Set("name", "Premium and more")
	form.Set("vat", "none")
	o.post(t, "/admin/edit/plans", form)
	for path, want := range map[string]string{"/admin/info/plans": "Premium and more", "/admin/info/audit": "anna", "/admin/info/history": "card added", "/admin/info/users": "detail"} {
		if page := o.get(t, path); !strings.Contains(page, want) {
			t.Errorf("%s does not show %q:\n%s", path, want, page)
		}
	}

	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 3, Renewed: 3}, asRenew)
	if got := berta.call(t, http.MethodDelete, "/v1/cards/"+card, "", ""); got.status != http.StatusNoContent {
		t.Errorf("remove card: %d %s, want 204", got.status, got.text)
	}
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions/premium/cancel", "", ""); got.status != http.StatusOK {
		t.Errorf("cancel: %d %s, want 200", got.status, got.text)
	}
	w.clock(t, "set", "2026-03-31T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 1, Renewed: 1, Ended: 2}, asRenew)
	eventually(t, "panel figures", func() bool { return w.query(t, "SELECT count(*) FROM panel_deltas") == 0 })
	w.checkLedger(t, 7)
}

// A login from the time of one shared role still works.
func TestRoles_SharedRoleStillWorks(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, folder(t))
	if _, err := postgres.Migrate(t.Context(), db.URL(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	execAsSuperuser(t, db.URL(), "CREATE ROLE billing LOGIN IN ROLE billing_app, billing_simulator")
	w := newWorldAt(t, db.URL(), onTestClock...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	old := w.databaseURLAs(t, "billing")
	alice := w.api(t, "billing-api", old).at(w.viewer(t, "alice"))
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 1, Renewed: 1}, old)
	w.checkLedger(t, 2)
}
