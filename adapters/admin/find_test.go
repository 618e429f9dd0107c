package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// callers are two users with cards, subjects and display names.
func (s *site) callers() (anna, boris billing.UserID, payment billing.PaymentID) {
	s.t.Helper()
	gold := s.sell("gold", "Gold")
	anna, boris = s.subscribed(gold), s.subscribed(gold)
	list, err := s.store.Views().Payments(s.t.Context(), anna, ports.Page{Limit: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, user := range []billing.UserID{anna, boris} {
		name := []string{"Anna@Example.com", "anna.boris@example.com"}[i]
		for _, sql := range []string{
			`UPDATE users SET subject = 'auth0|' || $2, display = $2 WHERE id = $1`,
			`INSERT INTO cards SELECT $1, gen_random_uuid(), 'visa', '4242', 12, 2030, 'HOLDER', '\xdead', 1, '\xfe', now(), NULL WHERE $2 <> ''`,
			`UPDATE payment_methods m SET card_id = c.id, token = 'tok' FROM cards c WHERE c.user_id = m.user_id AND m.user_id = $1 AND $2 <> ''`,
		} {
			if _, err := s.owner.Exec(s.t.Context(), sql, string(user), name); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if _, err := s.owner.Exec(s.t.Context(), `UPDATE payments SET provider_ref = 'pi_777' WHERE id = $1`, string(list[0].ID)); err != nil {
		s.t.Fatal(err)
	}
	return anna, boris, list[0].ID
}

func (b *browser) find(text string, more ...string) response {
	b.t.Helper()
	form := url.Values{"q": {text}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.submit("/admin/info/find", form)
}

func TestFind_OneHit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, _, payment := s.callers()
	vera := s.as("vera")
	user := "/admin/info/users/detail?id=" + string(anna)
	pay := user + "&payment=" + string(payment) + "#payment"
	for text, want := range map[string]string{
		string(anna): user, strings.ToUpper(string(anna)): user, "  " + string(anna) + " ": user,
		"auth0|Anna@Example.com": user, "anna@example.com": user, "ANNA@": user,
		string(payment): pay, billing.ShortID(string(payment)): pay, "pi_777": pay,
	} {
		got := vera.find(text)
		wantStatus(t, text, got, http.StatusSeeOther)
		if to := got.header.Get("Location"); to != want {
			t.Errorf("%s leads to %s, want %s", text, to, want)
		}
	}
	page := vera.get(strings.TrimSuffix(pay, "#payment"))
	wantText(t, "user", page, "Subject auth0|Anna@Example.com", "Name Anna@Example.com")
	if !strings.Contains(page.body, `<li id="payment" class="chosen">`) {
		t.Error("the page does not mark the payment")
	}
	wantStatus(t, "payment of another user", vera.get(user+"&payment="+string(anna)), http.StatusNotFound)
}

func TestFind_SeveralOrNone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, boris, _ := s.callers()
	vera := s.as("vera")
	for _, text := range []string{"4242", "anna"} {
		got := vera.find(text)
		wantStatus(t, text, got, http.StatusOK)
		wantText(t, text, got, string(anna[:8]), string(boris[:8]), "Anna@Example.com", "anna.boris@example.com")
		for _, user := range []billing.UserID{anna, boris} {
			if !strings.Contains(got.body, "/admin/info/users/detail?id="+string(user)) {
				t.Errorf("%s: no link to %s", text, user)
			}
		}
	}
	wantText(t, "card", vera.find("4242"), "visa 12/2030")
	wantText(t, "card within a time", vera.find("4242", "from", "2020-01-01"), "Anna@Example.com", "anna.boris@example.com")
	none := vera.find("4242", "to", "2020-01-01")
	wantText(t, "card at another time", none, "Nothing found.", "the last four digits of cards", "the subjects of users")
	wantText(t, "unknown id", vera.find("ffffffff"), "Nothing found.", "the ids of users, from their beginning", "the last 8 characters of the ids of payments")
	wantText(t, "unknown name", vera.find("<b>x"), "Nothing found.", "the names of users, from their beginning", "the references of payments")
	for text, want := range map[string]string{
		" ": "Enter what to search for.", "4242 4242 4242 4242": "Do not enter card numbers",
	} {
		got := vera.find(text)
		wantStatus(t, text, got, http.StatusUnprocessableEntity)
		wantText(t, text, got, want)
		if strings.Contains(got.body, "4242 4242") {
			t.Error("the page repeats the card number")
		}
	}
	wantStatus(t, "invalid date", vera.find("4242", "from", "x"), http.StatusUnprocessableEntity)
	wantText(t, "form", vera.get("/admin/info/find"), "Enter a user's subject (sub)")
	if log := s.log.String(); strings.Contains(strings.ToLower(log), "example.com") {
		t.Errorf("the log has the text of a search: %s", log)
	}
}

// A search has no effect without the token of the session's forms, so another site cannot
// start one.
func TestFind_NeedsToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wantStatus(t, "no token", s.as("vera").post("/admin/info/find", url.Values{"q": {"x"}}), http.StatusForbidden)
	wantStatus(t, "query", s.as("vera").get("/admin/info/find?q=anna%40example.com"), http.StatusBadRequest)
}

func TestBrowser_Find(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, boris, payment := s.callers()
	w := s.window()
	w.signIn("vera")
	w.fill(map[string]string{"find-text": billing.ShortID(string(payment))})
	w.Load("#find")
	w.Has("#payment.chosen", 1)
	w.Shoot("found-payment")
	w.fill(map[string]string{"find-text": "4242"})
	w.Load("#find")
	w.Sees("visa 12/2030", string(boris[:8]), "anna.boris@example.com")
	w.HasContrast("results")
	w.Fits("results")
	w.Shoot("found-users")
	w.Goto("/admin")
	w.fill(map[string]string{"find-text": "nobody here"})
	w.Load("#find")
	w.Sees("Nothing found.", "the subjects of users")
	w.Shoot("found-nothing")
	w.Done()
}
