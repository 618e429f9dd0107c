package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
)

// A card that occurs nowhere else, and its code. Any occurrence is a leak.
const (
	canary     = "374652987654320"
	canaryCVV  = "4729"
	marker     = "CANARY KEEPER" // the holder is stored in plaintext, so a search must find it
	otherDigit = "374652987654329"
)

// leaks returns the canaries that text contains, and their forms.
func leaks(text []byte) (found []string) {
	for what, secret := range canaries() {
		for _, form := range leaksOf(text, secret) {
			found = append(found, what+" "+form)
		}
	}
	return found
}

// leaksOf returns the forms in which text contains a secret of more than ten characters.
func leaksOf(text []byte, number string) []string {
	spaced := number[:4] + " " + number[4:10] + " " + number[10:]
	fours := regexp.MustCompile(`.{1,4}`).FindAllString(number, -1)
	forms := map[string]string{
		"plain": number, "in groups": spaced, "with dashes": strings.ReplaceAll(spaced, " ", "-"),
		"in fours": strings.Join(fours, " "), "in fours with dashes": strings.Join(fours, "-"),
		"hex": hex.EncodeToString([]byte(number)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(number))),
		"as numbers": strings.Trim(fmt.Sprint([]byte(number)), "[]"),
	}
	for shift := range 3 {
		// The offset of a text decides its encoding. Its first and last characters also
		// depend on the neighbouring bytes.
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + number + "xx"))
		forms[fmt.Sprintf("base64, %d", shift)] = encoded[4 : len(encoded)-4]
	}
	var found []string
	for name, form := range forms {
		if bytes.Contains(text, []byte(form)) {
			found = append(found, name)
		}
	}
	return found
}

var (
	// noise matches ids, times and numbers that contain four digits by chance.
	noise = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[ T][0-9:.]+|\[\d+\]|:\d+|0x[0-9a-f]+|\+0x[0-9a-f]+|goroutine \d+|\d*\.\d+|[a-z]+\.go:\d+`)
	code  = regexp.MustCompile(`(^|[^0-9A-Za-z\\])` + canaryCVV + `($|[^0-9A-Za-z])`)
)

// leaksCode returns the forms in which text contains the code, alone or encoded.
func leaksCode(text []byte) []string {
	var found []string
	if at := code.FindIndex(noise.ReplaceAll(text, []byte("~"))); at != nil {
		found = append(found, "plain")
	}
	for _, form := range []string{hex.EncodeToString([]byte(canaryCVV)), "NDcyOQ"} {
		if bytes.Contains(text, []byte(form)) {
			found = append(found, form)
		}
	}
	return found
}

// The test makes every request with a card or a contact for receipts, with and without
// faults, and with the most detailed logs. Then it searches all outputs, logs, traces and
// files for the card, the contact, and the texts of the payment system.
func TestCanary_NothingIsLeaked(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	db := openPostgres(t, dir)
	if _, err := postgres.Migrate(t.Context(), db.URL(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	var n notifier
	system, spans := newChatty(t, &n), newCollector(t)
	w := newWorldAt(t, db.URL(), slices.Concat([]string{shortChargeTimeout, "BILLING_LOG_LEVEL=debug", spans.url}, onTestClock, unlimited, system.vars())...)
	w.sql(t, "ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_min_duration_statement = 0",
		"ALTER SYSTEM SET log_min_error_statement = 'debug5'", "ALTER SYSTEM SET log_parameter_max_length_on_error = -1", "SELECT pg_reload_conf()")
	w.clock(t, "set", "2026-01-31T12:00:00Z")

	seen := &evidence{}
	a := w.api(t, "billing-api")
	w.cardFlows(t, a, seen)
	w.flowsWithFaults(t, seen)
	receipts := w.receiptFlows(t, system, &n, seen)
	system.refuseNext(http.StatusInternalServerError)
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	for range 2 {
		run := w.renewCommand(t, "billing-renew", nil)
		var stderr bytes.Buffer
		run.Stderr = &stderr
		out, _ := run.Output()
		seen.add("renewal run", append(out, stderr.Bytes()...))
	}
	system.checkReceived(t)
	for _, one := range []api{a, receipts} {
		shown := metrics(t, one)
		if !strings.Contains(shown, "\nbilling_log_masked_total 0\n") {
			t.Error("billing_log_masked_total is not 0, or missing")
		}
		seen.add("metrics", []byte(shown))
	}
	seen.add("log of the API with receipts", []byte(receipts.output()))
	receipts.signal(t, syscall.SIGTERM) // it sends its last spans
	receipts.wait(t)
	traces := spans.bytes()
	if !bytes.Contains(traces, []byte("billing.payment.id")) {
		t.Errorf("the traces have no payment: %d bytes", len(traces))
	}
	seen.add("traces", traces)
	seen.add("vault", w.ctl(t, "vault", "rotate"), w.ctl(t, "vault", "rewrap"), w.ctl(t, "vault", "status"))
	w.crashWithStacks(t, a, seen)
	rows := w.rows(t)
	if bytes.Contains(rows, []byte("key-of-")) || !bytes.Contains(rows, []byte("hmac ")) {
		t.Error("an Idempotency-Key is stored as plaintext, or none is stored")
	}
	seen.add("rows", rows)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	seen.add("Postgres' log", log)
	seen.check(t)
	checkFiles(t, dir)
}

// evidence is a list of texts to search, with their sources.
type evidence struct {
	sources []string
	texts   [][]byte
}

func (e *evidence) add(source string, texts ...[]byte) {
	for _, text := range texts {
		e.sources, e.texts = append(e.sources, source), append(e.texts, text)
	}
}

func (e *evidence) check(t *testing.T) {
	t.Helper()
	total, marked := 0, map[string]bool{}
	for i, text := range e.texts {
		total += len(text)
		if found := leaks(text); len(found) > 0 {
			t.Errorf("in %s: %v", e.sources[i], found)
		}
		if found := leaksCode(text); len(found) > 0 {
			t.Errorf("the code is in %s, %v", e.sources[i], found)
		}
		marked[e.sources[i]] = marked[e.sources[i]] || bytes.Contains(text, []byte(marker))
	}
	for _, source := range []string{"responses", "rows", "Postgres' log"} {
		if !marked[source] {
			t.Errorf("the holder is not in %s, so the search does not work", source)
		}
	}
	t.Logf("searched %d texts, %d bytes", len(e.texts), total)
}

// checkFiles searches every file of the server: tables, indexes and WAL.
func checkFiles(t *testing.T, dir string) {
	t.Helper()
	total, wal, tables := 0, false, false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		total += len(text)
		if found := leaks(text); len(found) > 0 {
			t.Errorf("in %s: %v", path, found)
		}
		if bytes.Contains(text, []byte(`"`+canaryCVV+`"`)) || bytes.Contains(text, []byte("NDcyOQ")) {
			t.Errorf("the code is in %s", path)
		}
		marked := bytes.Contains(text, []byte(marker))
		wal = wal || marked && strings.Contains(path, "pg_wal")
		tables = tables || marked && strings.Contains(path, "base")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !wal || !tables {
		t.Errorf("holder found in the WAL %t, in a table %t; want both, so that the search is known to work", wal, tables)
	}
	t.Logf("searched %d bytes of files", total)
}

func canaryBody() string { return strings.Replace(cardBody(canary), "A VIEWER", marker, 1) }

// cardFlows sends valid and invalid requests with the card.
func (w world) cardFlows(t *testing.T, a api, seen *evidence) {
	t.Helper()
	alice, bob := a.at(w.viewer(t, "alice")), a.at(w.viewer(t, "bob"))
	send := func(v viewer, method, path, key, body string) response {
		got, err := v.try(t.Context(), method, path, key, body)
		if err != nil && got.status == 0 {
			t.Errorf("%s %s: %v", method, path, err)
		}
		seen.add("responses", []byte(got.text))
		return got
	}
	spaced := canary[:4] + " " + canary[4:10] + " " + canary[10:]
	card := send(alice, "POST", "/v1/cards", "key-1", canaryBody()).body.ID
	send(alice, "POST", "/v1/cards", "key-1", strings.Replace(canaryBody(), canary, spaced, 1))
	send(alice, "POST", "/v1/cards", "", canaryBody())
	send(alice, "POST", "/v1/cards", "key-1", strings.Replace(canaryBody(), canary, otherDigit, 1))
	for _, body := range []string{
		strings.Replace(canaryBody(), canary, otherDigit, 1),
		strings.Replace(canaryBody(), marker, canary, 1), strings.Replace(canaryBody(), marker, spaced, 1),
		strings.Replace(canaryBody(), `"`+canary+`"`, canary, 1),
		strings.Replace(canaryBody(), "2031", canaryCVV, 1),
		strings.Replace(canaryBody(), `{`, `{"cvv":"`+canaryCVV+`",`, 1),
		strings.Replace(canaryBody(), `{`, `{"`+canary+`":1,`, 1),
		canaryBody() + canary, `"` + canary + `"`, canary, "{" + canary, `{"number":"` + canary,
		strings.Replace(canaryBody(), canary, canary+canary+canary, 1),
	} {
		send(alice, "POST", "/v1/cards", "", body)
		send(alice, "POST", "/v1/cards", "key-of-"+fmt.Sprint(len(body)), body)
	}
	for _, path := range []string{"/v1/cards/" + canary, "/v1/subscriptions/" + canary, "/v1/cards?limit=" + canary, "/v1/cards?cursor=" + canary, "/" + canary} {
		send(alice, "GET", path, "", "")
	}
	send(alice, "DELETE", "/v1/cards/"+canary, "", "")
	send(bob, "DELETE", "/v1/cards/"+card, "", "")
	send(alice, "POST", "/v1/cards", canary, canaryBody()) // as the idempotency key
	link := `{"payment_system":"simulator","payment_token":"` + canary + `"}`
	for _, body := range []string{link, strings.Replace(link, canary, spaced, 1), strings.Replace(link, "simulator", canary, 1)} {
		send(alice, "POST", "/v1/payment-methods", "", body)
		send(alice, "POST", "/v1/payment-methods", "link-"+fmt.Sprint(len(body)), body)
	}
	send(alice, "DELETE", "/v1/payment-methods/"+canary, "", "")
	pay := cardPaymentBody(card, canaryCVV)
	for _, body := range []string{
		strings.Replace(pay, "39900", "39901", 1), strings.Replace(pay, "premium", canary, 1),
		strings.Replace(pay, `"simulator"`, `"`+canary+`"`, 1), strings.Replace(pay, card, canary, 1),
		strings.Replace(pay, `"`+canaryCVV+`"`, canaryCVV, 1), strings.Replace(pay, canaryCVV, canaryCVV+"x", 1),
		strings.Replace(pay, "RUB", canaryCVV, 1), strings.Replace(pay, `"cvv"`, `"cvc"`, 1),
		strings.Replace(subscribeBody("-"), `"-"`, `"`+canary+`"`, 1), pay + canaryCVV,
		strings.Replace(pay, "premium", "gold", 1),
	} {
		send(alice, "POST", "/v1/subscriptions", "", body)
		send(alice, "POST", "/v1/subscriptions", "pay-"+fmt.Sprint(len(body)), body)
	}
	if got := send(alice, "POST", "/v1/subscriptions", "pay", pay); got.status != http.StatusCreated {
		t.Errorf("subscribe with the card: %d %s, want 201", got.status, got.text)
	}
	send(alice, "POST", "/v1/subscriptions", "pay", pay)
	send(alice, "POST", "/v1/subscriptions", "pay", strings.Replace(pay, canaryCVV, "1111", 1))
	send(alice, "POST", "/v1/subscriptions/premium/cancel", "", `{"payment_token":"`+canary+`"}`)
	for _, path := range []string{"/v1/cards", "/v1/payment-methods", "/v1/history", "/v1/payments", "/v1/subscriptions", "/v1/entitlements"} {
		send(alice, "GET", path, "", "")
	}
	w.headers(t, alice, seen)
}

// headers sends the card number in headers.
func (w world) headers(t *testing.T, v viewer, seen *evidence) {
	t.Helper()
	for name, value := range map[string]string{
		"X-Request-Id": canary, "User-Agent": canary, "Authorization": "Bearer " + canary, "Cookie": "pan=" + canary, "Referer": "https://x/" + canary,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.base+"/v1/cards", strings.NewReader(canaryBody()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+v.token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(name, value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		_, _ = text.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		_ = resp.Header.Write(&text)
		seen.add("responses", text.Bytes())
	}
}

// flowsWithFaults adds cards and subscribes while the payment system loses responses,
// the database closes connections, and processes are killed.
func (w world) flowsWithFaults(t *testing.T, seen *evidence) {
	t.Helper()
	a := w.api(t, "billing-api", "BILLING_SIMULATOR_MISHAPS=lose_answers=0.3,lose_requests=0.2,unavailable=0.2,hold_lost=50ms,seed=7")
	for i := range 12 {
		v := a.at(w.viewer(t, fmt.Sprintf("faults-%d", i)))
		if i%3 == 0 {
			w.sql(t, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
		}
		for range 3 { // until the card is stored
			got, _ := v.try(t.Context(), "POST", "/v1/cards", "", canaryBody())
			seen.add("responses", []byte(got.text))
			if got.body.ID != "" {
				got, _ = v.try(t.Context(), "POST", "/v1/subscriptions", "k", cardPaymentBody(got.body.ID, canaryCVV))
				seen.add("responses", []byte(got.text))
				break
			}
		}
	}
	eventually(t, "settling", func() bool {
		return w.query(t, "SELECT count(*) FROM payments WHERE status = 'pending'") == 0
	})
	seen.add("log of the API with faults", []byte(a.output()))
	for _, point := range []string{"card.added", "subscribe.intent", "charge.before", "charge.after"} {
		crash := w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point)
		v := crash.at(w.viewer(t, "crash-"+point))
		got, err := v.try(t.Context(), "POST", "/v1/cards", "", canaryBody())
		if err == nil {
			_, _ = v.try(t.Context(), "POST", "/v1/subscriptions", "", cardPaymentBody(got.body.ID, canaryCVV))
		}
		crash.wait(t)
		seen.add("log of a killed API", []byte(crash.output()))
	}
}

// crashWithStacks makes the API print all stacks during a charge of the card.
func (w world) crashWithStacks(t *testing.T, a api, seen *evidence) {
	t.Helper()
	seen.add("log of the API", []byte(a.output()))
	crashing := w.api(t, "billing-api", "BILLING_CHARGE_TIMEOUT=20s", "BILLING_SIMULATOR_MISHAPS=lose_answers=1,hold_lost=20s")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", crashing.cmd.Process.Pid))
	if err == nil && !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("core dumps are enabled:\n%s", limits)
	}
	v := crashing.at(w.viewer(t, "stacks"))
	card := v.call(t, "POST", "/v1/cards", "", canaryBody()).body.ID
	before := w.query(t, "SELECT count(*) FROM simulator.charges")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = v.try(ctx, "POST", "/v1/subscriptions", "", cardPaymentBody(card, canaryCVV)) }()
	eventually(t, "the charge", func() bool { return w.query(t, "SELECT count(*) FROM simulator.charges") > before })
	crashing.signal(t, syscall.SIGQUIT)
	crashing.wait(t)
	if !strings.Contains(crashing.output(), "chargeCard") {
		t.Errorf("no stack of the charge:\n%s", crashing.output())
	}
	seen.add("stacks of the API", []byte(crashing.output()))
}

// sql runs statements.
func (w world) sql(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// rows returns every row of every table as text.
func (w world) rows(t *testing.T) []byte {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var dump bytes.Buffer
	for _, table := range tables {
		var text string
		if err := conn.QueryRow(t.Context(), "SELECT coalesce(string_agg(x::text, E'\n'), '') FROM "+table+" x").Scan(&text); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&dump, "%s\n%s\n", table, text)
	}
	return dump.Bytes()
}
