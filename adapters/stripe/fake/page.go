package fake

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

const pages = "/pages/"

const pageText = `<!doctype html><title>Fake Stripe</title><form method="post">` +
	`<button name="reply" value="approve">Pay</button> <button name="reply" value="decline">Decline</button></form>`

func (f *Fake) showPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, pageText)
}

// replyToPage takes the reply of a viewer: approve or decline. On a page of Checkout,
// payment_method replaces the card that the viewer enters.
func (f *Fake) replyToPage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
	approve := r.PostFormValue("reply") == "approve"
	f.mu.Lock()
	var next string
	var e event
	if r.PathValue("kind") == "3ds" {
		next, e = f.replyTo3DS(r.PathValue("id"), approve)
	} else {
		next, e = f.replyToCheckout(r.PathValue("id"), approve, r.PostFormValue("payment_method"))
	}
	f.mu.Unlock()
	if next == "" {
		http.Error(w, "this page is over", http.StatusGone)
		return
	}
	f.notify(e)
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // a fake for tests
}

func (f *Fake) replyTo3DS(id string, approve bool) (next string, e event) {
	i := f.findIntent(id)
	switch {
	case i == nil || i.status != "requires_action":
		return "", e
	case approve:
		f.succeed(i)
		return i.returnURL, event{"payment_intent.succeeded", i.id, i.metadata}
	default:
		f.decline(i, "payment_intent_authentication_failure")
		return i.returnURL, event{"payment_intent.payment_failed", i.id, i.metadata}
	}
}

func (f *Fake) replyToCheckout(id string, approve bool, method string) (next string, e event) {
	s := f.findSession(id)
	if s == nil {
		return "", e
	}
	if status, _ := f.status(s); status != "open" {
		return "", e
	}
	if !approve {
		method = "pm_decline_generic_decline"
	}
	if f.attempt(s, cmp.Or(method, "pm_ok_"+s.id)) {
		return s.returnURL, event{"checkout.session.completed", s.id, s.metadata}
	}
	if s.saves {
		return s.url, event{"setup_intent.setup_failed", s.id, s.intentMetadata}
	}
	return s.url, event{"payment_intent.payment_failed", s.intent.id, s.intentMetadata}
}

// Announce sends the notification about the PaymentIntent of a payment as it is now. It
// sends none before the PaymentIntent was confirmed.
func (f *Fake) Announce(payment string) {
	f.mu.Lock()
	var e event
	for _, i := range f.intents {
		kind, confirmed := map[string]string{
			"succeeded": "succeeded", "requires_payment_method": "payment_failed", "requires_action": "requires_action", "canceled": "canceled",
		}[i.status]
		if confirmed && i.metadata["payment_id"] == payment {
			e = event{"payment_intent." + kind, i.id, i.metadata}
		}
	}
	f.mu.Unlock()
	if e.id != "" {
		f.notify(e)
	}
}

// event is a change of an object.
type event struct {
	kind, id string
	metadata map[string]string
}

func (f *Fake) notify(e event) {
	if f.cfg.Notify == nil {
		return
	}
	body, err := json.Marshal(map[string]any{
		"id": "evt_" + e.id, "object": "event", "type": e.kind,
		"data": map[string]any{"object": map[string]any{"id": e.id, "metadata": e.metadata}},
	})
	if err != nil {
		return // metadata are texts
	}
	at := strconv.FormatInt(f.cfg.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(f.cfg.WebhookSecret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	header := http.Header{}
	header.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	f.cfg.Notify(header, body)
}
