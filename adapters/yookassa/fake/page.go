package fake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

const pageText = `<!doctype html><title>Fake YooKassa</title><form method="post">` +
	`<button name="reply" value="approve">Pay</button> <button name="reply" value="decline">Decline</button></form>`

func showPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, pageText)
}

// reply takes the viewer's reply to the page of a payment or a card, and sends the browser back.
func (f *Fake) reply(w http.ResponseWriter, r *http.Request) {
	answer := r.PostFormValue("reply")
	if answer != "approve" && answer != "decline" {
		http.Error(w, "reply must be approve or decline", http.StatusBadRequest)
		return
	}
	p, returnURL := f.confirm(r.PathValue("id"), answer == "approve", r.PostFormValue("card"))
	if returnURL == "" {
		var m savedMethod
		if m, returnURL = f.confirmSave(r.PathValue("id"), answer == "approve", r.PostFormValue("card")); returnURL != "" {
			if m.Saved { // there is no notification of a method that was not saved
				f.notify(r.Context(), "payment_method.active", m)
			}
			http.Redirect(w, r, returnURL, http.StatusSeeOther)
			return
		}
		http.Error(w, "no payment waits for a reply here", http.StatusConflict)
		return
	}
	f.notify(r.Context(), "payment."+p.Status, p)
	http.Redirect(w, r, returnURL, http.StatusSeeOther)
}

// Announce sends the notification about the payment with this payment_id as it is now. It
// sends none for a payment that does not exist, or is pending.
func (f *Fake) Announce(ctx context.Context, paymentID string) {
	f.mu.Lock()
	var found payment
	for _, p := range f.payments {
		if p.progress(f.now()); p.Metadata["payment_id"] == paymentID && p.Status != pending {
			found = *p
		}
	}
	f.mu.Unlock()
	if found.ID != "" {
		f.notify(ctx, "payment."+found.Status, found)
	}
}

func (f *Fake) notify(ctx context.Context, event string, object any) {
	if f.cfg.Notify != nil {
		body, _ := json.Marshal(map[string]any{"type": "notification", "event": event, "object": object})
		f.cfg.Notify(ctx, body)
	}
}

// confirm finishes a payment that waits for its viewer. It returns the payment and the
// address to which the viewer returns, or none if the payment does not wait.
func (f *Fake) confirm(id string, approve bool, number string) (payment, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.find(id)
	if p == nil {
		return payment{}, ""
	}
	p.progress(f.now())
	if p.Confirmation == nil {
		return payment{}, ""
	}
	returnURL := p.Confirmation.ReturnURL
	if p.PaymentMethod == nil {
		last4, behaviour := cardOf(number)
		p.PaymentMethod, p.decides = newMethod(p.ID, last4), behaviour
	}
	if !approve {
		p.decides.Reason = "3d_secure_failed"
	}
	p.finish(f.now())
	if p.PaymentMethod.Saved && p.save {
		f.methods[p.PaymentMethod.ID] = Method{}
	}
	return *p, returnURL
}
