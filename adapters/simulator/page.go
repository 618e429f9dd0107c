package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const style = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem;color:#222}` +
	`button{font:inherit;padding:.5rem 1.2rem;margin-right:.5rem}small{color:#666}`

// pageText has no script and no image, so it works offline. The only values in it that
// come from a request are the amount and the address to return to.
const pageText = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + style + `</style>
</head>
<body>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{if or (eq .Ask "card") (eq .Ask "card to save")}}<form method="post">
<p><label>Card number <input name="card" value="4242424242424242" inputmode="numeric" autocomplete="off" required></label></p>
{{if eq .Ask "card"}}<button name="reply" value="pay">Pay</button>
{{else}}<button name="reply" value="save">Save card</button>
{{end -}}
<button name="reply" value="decline" formnovalidate>Cancel</button>
</form>
{{else if eq .Ask "approval"}}<form method="post">
<button name="reply" value="approve">Approve</button>
<button name="reply" value="decline">Decline</button>
</form>
{{else if .Return}}<p><a href="{{.Return}}">Back to the cinema</a></p>
{{end}}<p><small>This is a simulated payment system. No money moves.</small></p>
</body>
</html>
`

var page = template.Must(template.New("page").Parse(pageText))

type view struct {
	Title, Text string
	Ask         string // for a card, for a card to save, for approval, or nothing
	Return      string // where the viewer goes next; empty for nowhere
}

// Handler serves the pages on which viewers confirm payments and save cards. GET shows a
// page, and POST accepts the reply. The last element of the path is the name of the page,
// so the handler can be mounted at any path. [Config.BaseURL] must be that address.
//
// The address of a page is the only credential. It cannot be guessed, and the page
// does not leak it to other sites.
func (s *Simulator) Handler() http.Handler {
	sum := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			s.show(w, r)
		case http.MethodPost:
			s.reply(w, r)
		default:
			h.Set("Allow", "GET, HEAD, POST")
			write(w, http.StatusMethodNotAllowed, view{Title: "Method not allowed", Text: "Open this page with GET, and reply with POST."})
		}
	})
}

func (s *Simulator) show(w http.ResponseWriter, r *http.Request) {
	q, err := s.visit(r.Context(), pageName(r), reply{})
	if err != nil {
		fail(w, err)
		return
	}
	if origin := originOf(q.returnsTo()); origin != "" { // a browser applies the policy to the redirect after the form, too
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+" "+origin)
	}
	write(w, http.StatusOK, q.view())
}

func (s *Simulator) reply(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1024)
	answer := reply{choice(r.PostFormValue("reply")), billing.ParseCardNumber(r.PostFormValue("card"))}
	withCard := answer.choice == pay || answer.choice == save
	valid := answer.choice == approve || answer.choice == decline || withCard && !answer.card.IsZero()
	if !valid {
		write(w, http.StatusBadRequest, view{Title: "Invalid reply", Text: "Go back, check the card number, and press one of the buttons."})
		return
	}
	q, err := s.visit(r.Context(), pageName(r), answer)
	if err != nil {
		fail(w, err)
		return
	}
	s.notify(r.Context(), q.notification())
	// Relative, because only the caller knows the path of the handler.
	next := "./" + pageName(r)
	if q.over() && originOf(q.returnsTo()) != "" {
		next = q.returnsTo()
	}
	w.Header().Set("Location", next)
	w.WriteHeader(http.StatusSeeOther)
}

// visited is a payment or a card to save, as a page shows it.
type visited interface {
	view() view
	over() bool        // no reply changes it any more
	returnsTo() string // where the viewer goes afterwards; empty for nowhere
	notification() notification
}

// visit applies a reply on the page with this name. An empty reply changes nothing. It
// returns [ports.ErrSaveNotFound] if there is no such page.
func (s *Simulator) visit(ctx context.Context, action string, r reply) (visited, error) {
	q, err := s.confirm(ctx, action, r)
	if !errors.Is(err, ports.ErrChargeNotFound) {
		return q, err
	}
	return s.currentSave(ctx, saveByAction, action, r)
}

// originOf returns the origin of a web page's address, or "" for any other text.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || !billing.IsWebPage(address) || u.Host == "" || strings.ContainsAny(u.Host, ";, '\"") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// pageName returns the name of the requested page, or "-" if the name is invalid. No
// page has that name.
func pageName(r *http.Request) string {
	name := path.Base(r.URL.Path)
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') { // base32, the alphabet of crypto/rand.Text
			return "-"
		}
	}
	return name
}

func (q request) over() bool        { return q.status != billing.PaymentPending }
func (q request) returnsTo() string { return q.returnURL }
func (q request) notification() notification {
	return notification{Type: paymentChanged, Payment: q.key}
}

// view returns the page's content for the state of the request.
func (q request) view() view {
	switch {
	case q.status == billing.PaymentPending && q.awaitsCard:
		return view{Title: "Pay by card", Text: "Pay " + q.amount.String() + ". Later payments use the same card.", Ask: "card"}
	case q.status == billing.PaymentPending && q.settlesAt == nil:
		return view{Title: "Confirm the payment", Text: "Do you want to pay " + q.amount.String() + "?", Ask: "approval"}
	case q.status == billing.PaymentPending:
		return view{Title: "In progress", Text: "The payment is being processed.", Return: q.returnURL}
	case q.status == billing.PaymentSucceeded:
		return view{Title: "Approved", Text: "You paid " + q.amount.String() + ". You can close this page.", Return: q.returnURL}
	case q.decline == billing.ActionExpired:
		return view{Title: "Too late", Text: "The time to confirm this payment is over. Nothing was paid.", Return: q.returnURL}
	default:
		return view{Title: "Declined", Text: "Nothing was paid. You can close this page.", Return: q.returnURL}
	}
}

func (c savedCard) over() bool        { return c.status != billing.MethodPending }
func (c savedCard) returnsTo() string { return c.returnURL }
func (c savedCard) notification() notification {
	return notification{Type: methodChanged, Method: c.key}
}

// view returns the page's content for the state of the saved card.
func (c savedCard) view() view {
	switch {
	case c.status == billing.MethodPending && c.awaitsCard:
		return view{Title: "Save a card", Text: "Nothing is charged now. Later payments use the card.", Ask: "card to save"}
	case c.status == billing.MethodPending:
		return view{Title: "Confirm the card", Text: "Do you want to save this card for later payments?", Ask: "approval"}
	case c.status == billing.MethodActive:
		return view{Title: "Saved", Text: "The card is saved. Nothing was charged. You can close this page.", Return: c.returnURL}
	case c.decline == billing.ActionExpired:
		return view{Title: "Too late", Text: "This page is over. No card was saved.", Return: c.returnURL}
	default:
		return view{Title: "Not saved", Text: "The bank refused the card. Nothing was charged. You can close this page.", Return: c.returnURL}
	}
}

func fail(w http.ResponseWriter, err error) {
	if errors.Is(err, ports.ErrSaveNotFound) {
		write(w, http.StatusNotFound, view{Title: "Not found", Text: "There is nothing to confirm here."})
		return
	}
	write(w, http.StatusServiceUnavailable, view{Title: "Unavailable", Text: "Try again in a moment."})
}

func write(w http.ResponseWriter, status int, v view) {
	w.WriteHeader(status)
	_ = page.Execute(w, v) // fails if the viewer has disconnected
}
