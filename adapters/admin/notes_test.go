package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestUserPage_Notes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	page := "/admin/info/users/detail?id=" + string(user)
	anna := s.as("anna")
	note := func(text string) response {
		return anna.submit("/admin/new/notes", url.Values{"id": {string(user)}, "note": {text}})
	}
	wantStatus(t, "note", note(" Calls each <b>monday</b>.\r\nSpeaks Russian. "), http.StatusSeeOther)
	wantText(t, "page", anna.get(page), "note ", "Calls each <b>monday</b>. Speaks Russian. anna", "subscribed gold")
	if strings.Contains(anna.get(page).body, "<b>monday") {
		t.Error("the note is not escaped")
	}
	for text, want := range map[string]string{
		"  ":                                 "must not be empty",
		strings.Repeat("ы", 1001):            "must be at most 1,000 characters",
		"4111 1111 1111 1111":                "must not contain what could be a card number",
		"a \x1b[31mred note":                 "must not contain control characters",
		"kept in the form: 4111111111111111": "kept in the form",
	} {
		refused := note(text)
		wantStatus(t, text, refused, http.StatusUnprocessableEntity)
		wantText(t, text, refused, want)
	}
	wantStatus(t, "unknown user", anna.submit("/admin/new/notes", url.Values{"id": {"00000000-0000-7000-8000-000000000000"}, "note": {"x"}}), http.StatusNotFound)
	wantStatus(t, "no user", anna.submit("/admin/new/notes", url.Values{"id": {"x"}, "note": {"x"}}), http.StatusNotFound)
	vera := s.as("vera")
	wantText(t, "page of a reader", vera.get(page), "Calls each")
	if strings.Contains(vera.get(page).body, "add-note") {
		t.Error("a reader sees the form for notes")
	}
	wantStatus(t, "note of a reader", vera.submit("/admin/new/notes", url.Values{"id": {string(user)}, "note": {"x"}}), http.StatusForbidden)
	var notes, audits, leaks int
	err := s.owner.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM user_notes WHERE written_by = 'anna'),
		(SELECT count(*) FROM panel_audit WHERE action = 'user.note' AND object = $1),
		(SELECT count(*) FROM panel_audit a WHERE a::text LIKE '%monday%')`, string(user)).Scan(&notes, &audits, &leaks)
	if err != nil || notes != 1 || audits != 1 || leaks != 0 {
		t.Errorf("%d notes, %d entries of the audit, %d with the text, %v; want 1, 1 and 0", notes, audits, leaks, err)
	}
	wantText(t, "audit", anna.get("/admin/info/audit"), "note on a user written")
}

func TestBrowser_Note(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user := s.subscribed(s.sell("gold", "Gold"))
	w := s.window()
	w.signIn("anna")
	w.Goto("/admin/info/users/detail?id=" + string(user))
	w.Run(chromedp.SendKeys("#note", "4111 1111 1111 1111", chromedp.ByQuery))
	w.Load("#add-note")
	w.Sees("could be a card number")
	w.Run(chromedp.SetValue("#note", "Asked for a receipt on paper", chromedp.ByQuery))
	w.Load("#add-note")
	w.Sees("Asked for a receipt on paper", "anna", "subscribed")
	w.Load(`.side .languages button[value="ru"]`)
	w.Sees("Asked for a receipt on paper", "Новая заметка о пользователе", "заметка")
	w.Fits("the page of a user with a note")
	w.Shoot("note")
	w.Done()
}
