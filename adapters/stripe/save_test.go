package stripe_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func saveRequest() ports.SaveRequest {
	return ports.SaveRequest{Key: "0198f4f0-0000-7000-8000-0000000000cc", Payer: payer, ReturnURL: "https://cinema.example/saved"}
}

// saveQuery returns the query for a request that was just sent.
func (w world) saveQuery(r ports.SaveRequest) ports.SaveQuery {
	now := w.clock.Now()
	return ports.SaveQuery{SaveRequest: r, SentFrom: now, SentUntil: now.Add(20 * time.Second)}
}

// save saves until the fake withholds a response.
func (w world) save(t *testing.T, r ports.SaveRequest) (billing.SaveOutcome, error) {
	t.Helper()
	ctx, cancel := w.untilLost(t)
	defer cancel()
	o, err := w.Save(ctx, r)
	expectNoSecret(t, err)
	return o, err
}

func (w world) mustSave(t *testing.T) billing.SaveOutcome {
	t.Helper()
	o, err := w.save(t, saveRequest())
	if err != nil || o.Status != billing.MethodPending || !o.PageUntil.Equal(w.clock.Now().Add(24*time.Hour)) {
		t.Fatalf("Save = %+v, %v; want a page for 24 hours", o, err)
	}
	return o
}

// The saved card has a token of its viewer, and a renewal charges it.
func TestSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.mustSave(t)
	expectRequest(t, w, fake.OpSession, map[string]string{
		"mode": "setup", "client_reference_id": string(saveRequest().Key), "metadata[payment_method_id]": string(saveRequest().Key),
		"success_url": "https://cinema.example/saved", "cancel_url": "https://cinema.example/saved", "payment_method_types[]": "card",
		"setup_intent_data[metadata][payment_method_id]": string(saveRequest().Key), "metadata[user_id]": string(payer),
	})
	pay(t, opened.ActionURL, "pm_decline_expired_card") // the viewer tries another card
	if o, err := w.FindSave(t.Context(), w.saveQuery(saveRequest())); err != nil || o != opened {
		t.Errorf("FindSave after a declined card = %+v, %v; want %+v", o, err, opened)
	}
	pay(t, opened.ActionURL, "pm_ok_saved")
	o, err := w.FindSave(t.Context(), w.saveQuery(saveRequest()))
	token := o.Token.Reveal()
	if err != nil || o.Status != billing.MethodActive || !strings.HasPrefix(token, "cus_") || !strings.HasSuffix(token, "/pm_ok_saved") {
		t.Fatalf("FindSave = %+v, %v with the token %q; want active", o, err, token)
	}
	if o.Brand != billing.Visa || o.Last4 != "4242" {
		t.Errorf("the card is %s %s, want visa 4242", o.Brand, o.Last4)
	}
	if n := len(w.fake.Requests(fake.OpCreate)); n != 0 {
		t.Errorf("%d payments were created", n)
	}
	charged, err := w.charge(t, renewal(token))
	expectSuccess(t, charged, err)
}

func TestSave_Expires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened, q := w.mustSave(t), w.saveQuery(saveRequest())
	pay(t, opened.ActionURL, "pm_decline_expired_card")
	w.clock.Advance(24 * time.Hour)
	for _, q := range []ports.SaveQuery{q, {SaveRequest: saveRequest(), ProviderRef: opened.ProviderRef}} {
		if o, err := w.FindSave(t.Context(), q); err != nil || o.Status != billing.MethodFailed || o.DeclineCode != billing.ActionExpired {
			t.Errorf("FindSave = %+v, %v; want failed as expired", o, err)
		}
	}
}

func TestSave_Faults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[fake.Fault]error{
		fake.FailAfter: nil, fake.HTML: nil, fake.LoseResponse: nil, fake.HalfBody: nil, fake.Busy: ports.ErrNotSent,
		fake.Unauthorized: ports.ErrCredentials, fake.Quote: ports.ErrRefused,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(fake.OpSession, fault)
			_, err := w.save(t, saveRequest())
			expectError(t, err, want)
			o, err := w.FindSave(t.Context(), w.saveQuery(saveRequest()))
			processed := fault == fake.FailAfter || fault == fake.LoseResponse || fault == fake.HalfBody
			if processed && (err != nil || o.ActionURL == "") || !processed && !errors.Is(err, ports.ErrSaveNotFound) {
				t.Errorf("FindSave = %+v, %v; want a page: %t", o, err, processed)
			}
		})
	}
}

func TestSave_Refusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		returnURL string
		change    func(*ports.SaveRequest)
		want      error
	}{
		"no page to return to": {"", func(r *ports.SaveRequest) { r.ReturnURL = "" }, ports.ErrRefused},
		"configured page":      {returnURL, func(r *ports.SaveRequest) { r.ReturnURL = "" }, nil},
		"invalid key":          {returnURL, func(r *ports.SaveRequest) { r.Key = "a key" }, ports.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *stripe.Config, _ *fake.Config) { c.ReturnURL = tt.returnURL })
			r := saveRequest()
			tt.change(&r)
			if _, err := w.save(t, r); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

// A lookup that does not reach the page or its SetupIntent proves nothing.
func TestFindSave_Unknown(t *testing.T) {
	t.Parallel()
	for op, faults := range map[string][]fake.Fault{
		fake.OpReadSession: {fake.Busy, fake.Unauthorized, fake.Quote, fake.HTML},
		fake.OpSetupIntent: {fake.Busy, fake.Unauthorized, fake.Quote, fake.HTML},
	} {
		for _, fault := range faults {
			w := newWorld(t)
			opened := w.mustSave(t)
			pay(t, opened.ActionURL, "pm_ok")
			w.fake.Next(op, fault)
			o, err := w.FindSave(t.Context(), ports.SaveQuery{SaveRequest: saveRequest(), ProviderRef: opened.ProviderRef})
			expectNoSecret(t, err)
			if err == nil || errors.Is(err, ports.ErrSaveNotFound) {
				t.Errorf("%s, %s: FindSave = %+v, %v; want an unknown outcome", op, fault, o, err)
			}
		}
	}
	w := newWorld(t)
	opened := w.mustSave(t)
	other := saveRequest()
	other.Key = "0198f4f0-0000-7000-8000-0000000000dd"
	for _, q := range []ports.SaveQuery{
		{SaveRequest: saveRequest(), ProviderRef: "cs_test_lost"}, {SaveRequest: other, ProviderRef: opened.ProviderRef},
	} {
		if _, err := w.FindSave(t.Context(), q); err == nil || errors.Is(err, ports.ErrSaveNotFound) {
			t.Errorf("FindSave(%s) = %v, want an unknown outcome", q.ProviderRef, err)
		}
	}
}

func TestSave_Notification(t *testing.T) {
	t.Parallel()
	var got []ports.Notification
	w := newWorld(t, func(_ *stripe.Config, f *fake.Config) {
		f.Notify = func(h http.Header, body []byte) { got = append(got, ports.Notification{Header: h, Body: body}) }
	})
	opened := w.mustSave(t)
	if err := submit(t.Context(), opened.ActionURL, url.Values{"reply": {"approve"}}); err != nil || len(got) != 1 {
		t.Fatalf("%d notifications, %v; want one", len(got), err)
	}
	got[0].At = w.clock.Now()
	notice, err := w.ReadNotification(got[0])
	if want := (ports.Notice{Method: saveRequest().Key, ProviderRef: opened.ProviderRef}); err != nil || notice != want {
		t.Errorf("ReadNotification = %+v, %v; want %+v", notice, err, want)
	}
}
