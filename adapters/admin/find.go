package admin

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// findPage is the page of the search, with its results if there are several or none.
type findPage struct {
	*view
	Text, From, To  string
	Problem         string
	Searched        bool
	Found           operators.Found
	Users, Payments results
}

// results is a list of search results.
type results struct {
	Head []string
	Rows []foundRow
}

type foundRow struct{ Cells []cell }

// showFind shows the form. A search is a POST, so that no URL has an e-mail address.
func (s *server) showFind(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderPage(w, r, v, http.StatusOK, v.T("find.title"), "find", findPage{view: v})
}

// find searches, and redirects to the page of the only result.
func (s *server) find(w http.ResponseWriter, r *http.Request, v *view) error {
	form := r.PostForm
	page := findPage{view: v, Text: form.Get("q"), From: form.Get("from"), To: form.Get("to")}
	query, ok := s.findQuery(form)
	if !ok {
		page.Problem = v.T("history.bad_date")
		return s.renderPage(w, r, v, http.StatusUnprocessableEntity, v.T("find.title"), "find", page)
	}
	found, err := s.Panel.Find(r.Context(), v.op, query)
	if invalid := new(billing.InvalidError); errors.As(err, &invalid) {
		page.Problem = v.T("find.empty")
		if invalid.Faults[0].Rule == billing.RuleCardNumber {
			page.Text, page.Problem = "", v.T("find.card_number")
		}
		return s.renderPage(w, r, v, http.StatusUnprocessableEntity, v.T("find.title"), "find", page)
	}
	if err != nil {
		return err
	}
	if user, payment, only := found.Only(); only {
		http.Redirect(w, r, userLink(user, payment), http.StatusSeeOther)
		return nil
	}
	page.Searched, page.Found = true, found
	page.Users, page.Payments = v.foundUsers(found.Users), v.foundPayments(found.Payments)
	return s.renderPage(w, r, v, http.StatusOK, v.T("find.title"), "find", page)
}

func (s *server) findQuery(form url.Values) (operators.FindQuery, bool) {
	q := operators.FindQuery{Text: form.Get("q")}
	var since, until bool
	q.Since, since = s.parseDay(form.Get("from"), 0)
	q.Until, until = s.parseDay(form.Get("to"), 1)
	return q, since && until
}

// userLink returns the link to a user's page, or to a payment on it.
func userLink(user billing.UserID, payment billing.PaymentID) string {
	l := link("/info/users/detail", "id", string(user), "payment", string(payment))
	if payment != "" {
		l += "#payment"
	}
	return l
}

func (v *view) foundUsers(users []ports.UserRow) results {
	list := results{Head: []string{v.T("user.id"), v.T("user.subject"), v.T("user.display"), v.T("user.cards"), v.T("user.last_seen"), v.T("user.live")}}
	for _, u := range users {
		cards := cell{}
		for _, c := range u.Cards {
			cards.Text += c + " "
		}
		list.Rows = append(list.Rows, foundRow{[]cell{
			{Text: v.Short(u.ID) + "…", Title: string(u.ID), Href: userLink(u.ID, ""), Code: true}, {Text: u.Subject}, {Text: u.Display.Reveal()}, cards,
			{Text: v.dateTime(u.LastSeenAt)}, {Text: v.Number(u.Live)},
		}})
	}
	return list
}

func (v *view) foundPayments(payments []ports.PaymentRow) results {
	list := results{Head: []string{v.T("user.payment"), v.T("event.at"), v.T("event.amount"), v.T("status"), v.T("event.plan"), v.T("user.system"), v.T("payments.ref")}}
	for _, p := range payments {
		list.Rows = append(list.Rows, foundRow{[]cell{
			{Text: billing.ShortID(string(p.ID)), Title: string(p.ID), Href: userLink(p.UserID, p.ID), Code: true},
			{Text: v.dateTime(p.CreatedAt)}, {Text: v.Money(p.Amount)}, {Text: v.Word("payment", p.Status), Badge: paymentKind(p.Status)},
			{Text: p.PlanCode}, {Text: p.PaymentSystem}, {Text: p.ProviderRef},
		}})
	}
	return list
}

// Nothing returns the sentences that say by what was searched.
func (p findPage) Nothing() []string {
	var list []string
	for _, kind := range p.Found.Kinds {
		list = append(list, p.T("find.by."+string(kind)))
	}
	return list
}
