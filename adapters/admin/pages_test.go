package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/admin"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestUserPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	payment, err := s.store.Views().Payments(t.Context(), user, ports.Page{Limit: 1})
	if err != nil || len(payment) != 1 {
		t.Fatal(payment, err)
	}
	vera := s.as("vera")
	wantText(t, "users", vera.get("/admin/info/users"), string(user))
	wantText(t, "number of users", vera.get("/admin/info/users"), "1 user ")
	wantText(t, "users of another time", vera.get("/admin/info/users?to=2020-01-01"), "0 users No users found.")
	wantStatus(t, "invalid date", vera.get("/admin/info/users?from=yesterday"), http.StatusUnprocessableEntity)
	page := vera.get("/admin/info/users/detail?id=" + string(user))
	wantText(t, "page", page, "subscribed gold ₽399.00", "The first payment of plan gold, for", "the viewer subscribed", "Access until",
		"agreed to pay gold", "The viewer agreed to pay ₽399.00 now, then ₽399.00 / 1 month from", "Version of the terms: terms-7",
		"gold active Price ₽399.00 / 1 month", "Next charge", "₽399.00 paid", "simulator · ref_1")
	id := string(payment[0].ID)
	want := `<code class="id" title="` + id + `"><span>` + id[:28] + `</span>` + id[28:] + `</code>`
	if n := strings.Count(page.body, want); n != 2 { // in the timeline and in the list of payments
		t.Errorf("the page shows %s %d times, want 2", want, n)
	}
	if strings.Contains(page.body, "tok_secret") {
		t.Error("the page contains the payment token")
	}
	wantStatus(t, "unknown id", vera.get("/admin/info/users/detail?id=00000000-0000-0000-0000-000000000000"), http.StatusNotFound)
	wantStatus(t, "no id", vera.get("/admin/info/users/detail"), http.StatusNotFound)
	wantStatus(t, "malformed id", vera.get("/admin/info/users/detail?id=x'"), http.StatusNotFound)
}

func TestUserPage_Cards(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	const card = "01900000-0000-7000-8000-0000000000c1"
	for _, sql := range []string{
		`INSERT INTO cards VALUES ($1, $2, 'visa', '4242', 12, 2030, 'HOLDER NAME', '\xdeadbeef', 1, '\xfeed', now(), NULL)`,
		`UPDATE payment_methods SET card_id = $2, token = 'tok' WHERE user_id = $1`,
		`INSERT INTO events (user_id, id, type, at, card_id, plan_code, decline_code) VALUES ($1, $2, 'card_added', now() - interval '1 minute', $2, '', '')`,
		`INSERT INTO events (user_id, id, type, at, card_id, payment_method_id, plan_code, decline_code)
			SELECT $1, gen_random_uuid(), 'payment_method_removed', now(), $2, id, '', '' FROM payment_methods WHERE user_id = $1`,
	} {
		if _, err := s.owner.Exec(t.Context(), sql, string(user), card); err != nil {
			t.Fatal(err)
		}
	}
	vera := s.as("vera")
	page := vera.get("/admin/info/users/detail?id=" + string(user))
	wantText(t, "page", page, "visa •••• 4242 12/2030", "card added", "payment method removed", "the viewer subscribed. visa •••• 4242")
	for _, secret := range []string{"deadbeef", "feed", "HOLDER"} {
		if strings.Contains(page.body, secret) {
			t.Errorf("the page contains %s", secret)
		}
	}
	wantText(t, "history", vera.get("/admin/info/history?type=card_added"), "card added")
	wantText(t, "history", vera.get("/admin/info/history?type=payment_method_removed"), "payment method removed "+string(user[:8]))
	wantText(t, "history", vera.get("/admin/info/history?type=agreed"), "agreed to pay")
	wantText(t, "overview", vera.get("/admin"), "Active subscriptions 1")
}

func TestUserPage_Reminder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	_, err := s.owner.Exec(t.Context(), `INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, amount, currency, decline_code, reason, charge_at)
		SELECT user_id, gen_random_uuid(), 'renewal_reminder', now(), id, 'gold', 39900, 'RUB', '', 'law', '2031-05-07Z' FROM subscriptions WHERE user_id = $1`, string(user))
	if err != nil {
		t.Fatal(err)
	}
	vera := s.as("vera")
	wantText(t, "page", vera.get("/admin/info/users/detail?id="+string(user)),
		"reminder of a charge gold", "The viewer was reminded that ₽399.00 is charged on 7 May 2031: a notice is required.")
	wantText(t, "history", vera.get("/admin/info/history?type=renewal_reminder"), "reminder of a charge")
}

func TestHistoryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	s.subscribed(s.sell("silver", "Silver"))
	vera := s.as("vera")
	today := time.Now().UTC().Format(time.DateOnly)
	wantText(t, "all", vera.get("/admin/info/history"), "subscribed "+string(user[:8])+"… gold ₽399.00", "silver")
	for query, want := range map[string]bool{
		"plan=gold": true, "plan=silver": false, "type=subscribed": true, "type=ended": false,
		"from=" + today: true, "to=2020-01-01": false, "from=2020-01-01&to=" + today + "&plan=gold&type=subscribed": true, "from=2099-01-01": false,
	} {
		page := vera.get("/admin/info/history?" + query)
		wantStatus(t, query, page, http.StatusOK)
		if got := strings.Contains(page.body, `title="`+string(user)+`"`); got != want {
			t.Errorf("%s: event listed %v, want %v", query, got, want)
		}
	}
	wantStatus(t, "invalid date", vera.get("/admin/info/history?from=yesterday"), http.StatusUnprocessableEntity)
}

func TestDashboardPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.subscribed(s.sell("gold", "Gold"))
	wantText(t, "overview", s.as("vera").get("/admin"), "Active subscriptions 1", "Revenue, 30 days ₽399.00", "New 1", "gold ₽399.00 100%",
		"Due in the next 35 days Charges 1", "Renewal runs, 24 hours No run yet.")
}

func TestLists_Pagination(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.owner.Exec(t.Context(), `INSERT INTO users SELECT md5(n::text)::uuid, '2026-01-01'::timestamptz + n * interval '1 minute', '2026-02-01' FROM generate_series(1, 120) n;
		INSERT INTO panel_audit SELECT md5('a' || n)::uuid, now(), 'x', 'y', 'plan.edit', 'object' || n, '{}', '{}' FROM generate_series(1, 70) n`)
	if err != nil {
		t.Fatal(err)
	}
	vera := s.as("vera")
	for path, want := range map[string]int{"/admin/info/users": 3, "/admin/info/audit": 2} {
		pages, seen := 0, map[string]bool{}
		for next := path; next != "" && pages < 9; pages++ {
			page := vera.get(next)
			wantStatus(t, next, page, http.StatusOK)
			for _, row := range strings.Split(page.body, "<tr>")[2:] {
				if seen[row] {
					t.Errorf("%s: row on two pages: %.80s", path, row)
				}
				seen[row] = true
			}
			_, link, _ := strings.Cut(page.body, `id="older" href="`)
			next, _, _ = strings.Cut(link, `"`)
			next = strings.ReplaceAll(next, "&amp;", "&")
		}
		if pages != want {
			t.Errorf("%s: %d pages with %d rows, want %d", path, pages, len(seen), want)
		}
	}
}

func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	s := siteOn(t, server.URL())
	anna := s.as("anna")
	form := newPlan()
	form.Set("csrf", anna.csrf())
	server.Stop()
	for _, path := range []string{"/admin", "/admin/info/plans", "/admin/info/users", "/admin/info/history"} {
		page := anna.get(path)
		wantStatus(t, path, page, http.StatusServiceUnavailable)
		wantText(t, path, page, "The database is unavailable", "No data is lost.")
		for _, leak := range []string{"dial", "pgx", "SQLSTATE", "connect", server.URL()} {
			if strings.Contains(page.body, leak) {
				t.Errorf("%s contains %q", path, leak)
			}
		}
	}
	wantStatus(t, "form", anna.post("/admin/new/plans", form), http.StatusServiceUnavailable)
	wantStatus(t, "sign-in", s.browser().signIn("anna", goodPassword), http.StatusServiceUnavailable)
	wantStatus(t, "sign-in page", s.browser().get("/admin/login"), http.StatusOK)
	server.Start()
	wantStatus(t, "same session after restart", anna.get("/admin/info/plans"), http.StatusOK)
	wantStatus(t, "same form after restart", anna.post("/admin/new/plans", form), http.StatusSeeOther)
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	anna := s.as("anna")
	got := anna.post("/admin/language", map[string][]string{"language": {"ru"}, "next": {"/admin/info/plans"}})
	if got.header.Get("Location") != "/admin/info/plans" {
		t.Errorf("redirected to %q", got.header.Get("Location"))
	}
	for path, want := range map[string]string{
		"/admin": "Действующие подписки 1", "/admin/info/plans": "Gold gold 399,00 ₽ 1 месяц hd без НДС main 1 в продаже Изменить В архив",
		"/admin/info/payment_systems": "Simulated simulator подключён", "/admin/info/users": "Действующие подписки",
		"/admin/info/users/detail?id=" + string(user): "Первый платёж по тарифу gold", "/admin/info/history": "подписка оформлена",
		"/admin/info/audit": "тариф добавлен", "/admin/info/plans/new": "Новый тариф", "/admin/nowhere": "Не найдено",
	} {
		page := anna.get(path)
		wantText(t, path, page, want)
		if !strings.Contains(page.body, `<html lang="ru">`) {
			t.Errorf("%s has no lang=\"ru\"", path)
		}
	}
	form := newPlan()
	form.Set("name", "")
	form.Set("price", "x")
	wantText(t, "invalid fields", anna.submit("/admin/new/plans", form), "не может быть пустым", "укажите число, например 399.00")
	second := s.as("anna")
	wantText(t, "another browser of the same user", second.get("/admin"), "Обзор")
	vera := s.as("vera")
	wantText(t, "another user", vera.get("/admin"), "Overview")
	req := s.browser().request(http.MethodGet, "/admin/login", "", "")
	req.Header.Set("Accept-Language", "ru-RU,ru;q=0.9,en;q=0.5")
	wantText(t, "browser that prefers Russian", s.browser().do(req), "Вход Имя пользователя Пароль Войти")
	wantStatus(t, "unsupported language", anna.post("/admin/language", map[string][]string{"language": {"de"}, "next": {"/admin"}}), http.StatusBadRequest)
}

func TestTimes_InConfiguredZone(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *admin.Config) { c.Location = moscow })
	_, err = s.owner.Exec(t.Context(), `INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000001', '2026-01-31T22:30:00Z', '2026-01-31T22:30:00Z')`)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "users", s.as("vera").get("/admin/info/users"), "1 Feb 2026, 01:30", "Time zone: Europe/Moscow (UTC+03:00)")
}
