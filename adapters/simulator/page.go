package simulator

import (
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
{{if eq .Ask "card"}}<form method="post">
<p><label>Card number <input name="card" value="4242424242424242" inputmode="numeric" autocomplete="off" required></label></p>
<button name="reply" value="pay">Pay</button>
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
	Ask         string // for a card, for approval, or nothing
	Return      string // where the viewer goes next; empty for nowhere
}

// Handler serves the pages on which viewers confirm payments. GET shows a page, and POST
// accepts the reply. The last element of the path is the name of the page, so the
// handler can be mounted at any path. [Config.BaseURL] must be that address.
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
	q, err := s.confirm(r.Context(), pageName(r), reply{})
	if err != nil {
		fail(w, err)
		return
	}
	if origin := originOf(q.returnURL); origin != "" { // a browser applies the policy to the redirect after the form, too
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+" "+origin)
	}
	write(w, http.StatusOK, q.view())
}

func (s *Simulator) reply(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1024)
	answer := reply{choice(r.PostFormValue("reply")), billing.ParseCardNumber(r.PostFormValue("card"))}
	valid := answer.choice == approve || answer.choice == decline || answer.choice == pay && !answer.card.IsZero()
	if !valid {
		write(w, http.StatusBadRequest, view{Title: "Invalid reply", Text: "Go back, check the card number, and press one of the buttons."})
		return
	}
	q, err := s.confirm(r.Context(), pageName(r), answer)
	if err != nil {
		fail(w, err)
		return
	}
	s.notifyPayment(r.Context(), q.key)
	// Relative, because only the caller knows the path of the handler.
	next := "./" + pageName(r)
	if q.status != billing.PaymentPending && originOf(q.returnURL) != "" {
		next = q.returnURL
	}
	w.Header().Set("Location", next)
	w.WriteHeader(http.StatusSeeOther)
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

func fail(w http.ResponseWriter, err error) {
	if errors.Is(err, ports.ErrChargeNotFound) {
		write(w, http.StatusNotFound, view{Title: "Not found", Text: "There is no payment to confirm here."})
		return
	}
	write(w, http.StatusServiceUnavailable, view{Title: "Unavailable", Text: "Try again in a moment."})
}

func write(w http.ResponseWriter, status int, v view) {
	w.WriteHeader(status)
	_ = page.Execute(w, v) // fails if the viewer has disconnected
}
