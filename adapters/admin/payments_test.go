package admin_test

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/online-cinema/billing/adapters/browsertest"
	"github.com/online-cinema/billing/core/billing"
)

// fill adds more payments of a user: n succeeded ones, and one that was declined.
func (s *site) fill(user billing.UserID, n int) {
	s.t.Helper()
	_, err := s.owner.Exec(s.t.Context(), `
		INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
			period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at)
		SELECT p.user_id, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, p.subscription_id, p.payment_method_id, p.payment_system, 'merchant', 1000 + n, 'EUR',
			'2020-01-01Z'::timestamptz + n * interval '1 month', '2020-02-01Z'::timestamptz + n * interval '1 month',
			CASE n WHEN 1 THEN 'declined' ELSE 'succeeded' END, CASE n WHEN 1 THEN 'card_expired' ELSE '' END, '=cmd' || n, '', '', '2024-06-10T03:00Z', '2024-06-10T03:00Z'
		FROM (SELECT * FROM payments WHERE user_id = $1 LIMIT 1) AS p, generate_series(1, $2::int + 1) AS n`, string(user), n)
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestPaymentsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	s.sell("silver", "Silver")
	s.fill(user, 70)
	vera := s.as("vera")
	page := vera.get("/admin/info/payments")
	wantText(t, "all", page, "₽399.00 paid", "simulator ref_1", "gold", "paid €725.55", "70 payments", "declined €10.01", "1 payment ")
	for query, want := range map[string]string{
		"decline=card_expired": "declined card expired", "status=declined": "€10.01", "plan=gold&from=2024-06-10&to=2024-06-10": "€10.71",
		"plan=silver": "No payments match the filter.", "system=bank": "No payments match the filter.", "to=2020-01-01": "No payments match the filter.",
		"status=pending": "No payments match the filter.",
	} {
		got := vera.get("/admin/info/payments?" + query)
		wantStatus(t, query, got, http.StatusOK)
		wantText(t, query, got, want)
	}
	for query, want := range map[string]int{
		"from=x": http.StatusUnprocessableEntity, "before=x": http.StatusUnprocessableEntity, "after=1": http.StatusUnprocessableEntity,
		"limit=1": http.StatusBadRequest, "status=%27": http.StatusOK,
	} {
		wantStatus(t, query, vera.get("/admin/info/payments?"+query), want)
	}
	older := linkTo(page, "older")
	second := vera.get(older)
	wantText(t, "second page", second, "Newer", "€10.01")
	if linkTo(second, "older") != "" || linkTo(page, "newer") != "" {
		t.Error("the last page has an older one, or the first a newer one")
	}
	if back := vera.get(linkTo(second, "newer")); !strings.Contains(back.text(), "₽399.00 paid") || linkTo(back, "newer") != "" {
		t.Errorf("back to the first page: %.300s", back.text())
	}
	wantText(t, "the link of a payment", vera.get("/admin/info/users/detail?id="+string(user)+"&payment="+"01900000-0000-7000-8000-000000000001"), "=cmd1")
}

// The user's page shows whether the receipt of a payment is registered, and not to whom it
// goes.
func TestUserPage_Receipts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.sell("gold", "Gold")
	for status, want := range map[string][2]string{
		"pending":    {"Receipt: being registered", "Чек: регистрируется"},
		"registered": {"Receipt: registered", "Чек: зарегистрирован"},
		"failed":     {"Receipt: not registered", "Чек: не зарегистрирован"},
		"void":       {"Receipt: not due: no money was taken", "Чек: не нужен: деньги не списаны"},
		"":           {"ref_1", "ref_1"},
	} {
		user := s.subscribed(plan)
		payment := s.addReceipt(user, status)
		vera := s.as("vera")
		for lang, text := range map[string]string{"en": want[0], "ru": want[1]} {
			req := vera.request(http.MethodGet, "/admin/info/users/detail?id="+string(user)+"&payment="+payment, "", "")
			req.AddCookie(&http.Cookie{Name: "panel_language", Value: lang})
			page := vera.do(req)
			wantText(t, status+" in "+lang, page, text)
			if got := strings.Contains(page.text(), "Receipt: ") || strings.Contains(page.text(), "Чек: "); got != (status != "") {
				t.Errorf("%q: the page shows a receipt: %t", status, got)
			}
			if strings.Contains(page.body, "ann@") {
				t.Errorf("%q: the page shows the contact", status)
			}
		}
	}
}

// addReceipt adds a receipt with the status to the user's payment, or none for "". It
// returns the id of the payment.
func (s *site) addReceipt(user billing.UserID, status string) (payment string) {
	s.t.Helper()
	ctx := s.t.Context()
	if err := s.owner.QueryRow(ctx, `SELECT id FROM payments WHERE user_id = $1`, string(user)).Scan(&payment); err != nil {
		s.t.Fatal(err)
	}
	if status == "" {
		return payment
	}
	_, err := s.owner.Exec(ctx, `
		WITH c AS (INSERT INTO receipt_contacts (user_id, id, contact) VALUES ($1, $2, 'ann@cinema.example') RETURNING user_id, id)
		INSERT INTO receipts (user_id, id, payment_id, payment_system, contact_id, item, vat, mode, tax_system, status, created_at, settled_at, look_at)
		SELECT c.user_id, $3::uuid, $3::uuid, 'simulator', c.id, 'Gold', 'vat20', 'full_payment', 0, $4, now(),
			CASE WHEN $4 <> 'pending' THEN now() END, CASE WHEN $4 = 'pending' THEN now() END FROM c`, string(user), newID(), payment, status)
	if err != nil {
		s.t.Fatal(err)
	}
	return payment
}

// linkTo returns the target of a link of the page, or "".
func linkTo(r response, id string) string {
	_, link, _ := strings.Cut(r.body, `id="`+id+`" href="`)
	link, _, _ = strings.Cut(link, `"`)
	return strings.ReplaceAll(link, "&amp;", "&")
}

func TestPaymentsCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	s.fill(user, 3000)
	got := s.as("vera").get("/admin/info/payments/csv?plan=gold&to=2024-06-10")
	wantStatus(t, "file", got, http.StatusOK)
	lines, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || len(lines) != 3002 || lines[0][0] != "id" || lines[3001][11] != strconv.Itoa(4001) {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if ref := lines[1][7]; ref != "'=cmd1" {
		t.Errorf("the reference is %q, which a spreadsheet may execute", ref)
	}
	if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="payments-`) || got.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("headers: %v", got.header)
	}
	if got.header.Get("Content-Length") != "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the file does not stream, or has no security headers: %v", got.header)
	}
	wantStatus(t, "anonymous", s.browser().get("/admin/info/payments/csv"), http.StatusSeeOther)
	wantStatus(t, "invalid date", s.as("vera").get("/admin/info/payments/csv?from=x"), http.StatusBadRequest)
}

func TestSubscriptionsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gold := s.sell("gold", "Gold")
	active, held := s.subscribed(gold), s.held(s.sell("silver", "Silver"), billing.CardExpired)
	vera := s.as("vera")
	for query, want := range map[string][]billing.UserID{
		"": {active, held}, "plan=gold": {active}, "status=active": {active}, "status=past_due": {held}, "status=held": {held},
		"status=held&hold=card_expired": {held}, "hold=do_not_honor": nil, "status=ended": nil, "plan=gold&status=held": nil,
	} {
		page := vera.get("/admin/info/subscriptions?" + query)
		wantStatus(t, query, page, http.StatusOK)
		for _, user := range []billing.UserID{active, held} {
			listed := false
			for _, u := range want {
				listed = listed || u == user
			}
			if got := strings.Contains(page.body, `title="`+string(user)+`"`); got != listed {
				t.Errorf("%q: user listed %v, want %v", query, got, listed)
			}
		}
	}
	wantText(t, "on hold", vera.get("/admin/info/subscriptions?status=held"), "past due on hold: card expired", "₽399.00 / 1 month")
	wantText(t, "plans", vera.get("/admin/info/plans"), "Gold gold ₽399.00 1 month hd none main 1 on sale")
	wantStatus(t, "invalid cursor", vera.get("/admin/info/subscriptions?user=x&after=y"), http.StatusUnprocessableEntity)
}

func TestAuditPage_Filter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	today := wallClock{}.Now().Format(time.DateOnly) // the test may run past midnight
	s.sell("gold", "Gold")
	s.sell("silver", "Silver")
	vera := s.as("vera")
	for query, want := range map[string]string{
		"object=gold": "plan added gold", "operator=vera": "signed in", "from=" + today + "&object=silver": "plan added silver",
		"to=2020-01-01": "No changes found.", "operator=nobody": "No changes found.", "object=silver&operator=vera": "No changes found.",
	} {
		wantText(t, query, vera.get("/admin/info/audit?"+query), want)
	}
	wantStatus(t, "invalid date", vera.get("/admin/info/audit?from=x"), http.StatusUnprocessableEntity)
}

func TestDashboardPage_Currencies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gold := s.sell("gold", "Gold")
	s.subscribed(gold)
	s.subscribed(gold)
	euro, err := s.catalog().AddPlan(t.Context(), billing.Plan{Code: "euro", Name: "Euro", Price: billing.Money{Amount: 9_99, Currency: "EUR"}, IntervalMonths: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.subscribed(euro)
	_, err = s.owner.Exec(t.Context(), `INSERT INTO renewal_runs (id, started_at, finished_at, renewed, error) VALUES
		('01900000-0000-7000-8000-000000000001', now() - interval '25 hours', now(), 9, ''), ('01900000-0000-7000-8000-000000000002', now() - interval '2 hours', now(), 4, 'killed'),
		('01900000-0000-7000-8000-000000000003', now() - interval '1 hour', now(), 0, '')`)
	if err != nil {
		t.Fatal(err)
	}
	page := s.as("vera").get("/admin")
	wantText(t, "overview", page, "Revenue, 30 days ₽798.00 + €9.99", "RUB ₽798.00", "EUR €9.99", "gold ₽798.00 100%", "euro €9.99 100%",
		"Renewal runs, 24 hours Runs 2 Stopped early 1 Not finished 0", "Renewed 4")
	for _, link := range []string{`/admin/info/subscriptions?status=active"`, `/admin/info/subscriptions?status=past_due"`, `/admin/info/payments?status=pending"`} {
		if !strings.Contains(page.body, link) {
			t.Errorf("no tile links to %s", link)
		}
	}
}

func TestBrowser_Payments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	s.fill(user, 70)
	w := s.window()
	w.signIn("vera")
	for _, size := range []browsertest.Screen{browsertest.Desktop, browsertest.Phone, {Width: 1440, Height: 900}} {
		w.Resize(size)
		for _, path := range []string{"/admin/info/payments", "/admin/info/subscriptions", "/admin/info/audit"} {
			w.Goto(path)
			w.Fits(path)
			w.HasContrast(path)
		}
	}
	w.Goto("/admin/info/payments")
	w.Sees("70 payments")
	w.Shoot("payments")
	w.Run(chromedp.SetValue(`select[name="status"]`, "declined", chromedp.ByQuery))
	w.Load(".filter-buttons button")
	w.Sees("card expired", "€10.01")
	w.Load(".col-payment a")
	w.Has("#payment.chosen", 1)
	w.Done()
}
