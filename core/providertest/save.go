package providertest

import (
	"context"
	"errors"
	"net/url"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newSaveRequest returns a viewer's request to save a method, with a new key.
func newSaveRequest() ports.SaveRequest {
	return ports.SaveRequest{
		Key: billing.PaymentMethodID(newKey()), Payer: billing.UserID(newKey()), ReturnURL: "https://cinema.example/saved",
	}
}

// save saves within callTimeout, and expects an outcome.
func (s suite) save(r ports.SaveRequest) billing.SaveOutcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	o, err := s.Saver.Save(ctx, r)
	if err != nil {
		s.Fatalf("Save: %v", err)
	}
	return o
}

// findSave looks up a save, and expects an outcome.
func (s suite) findSave(q ports.SaveQuery) billing.SaveOutcome {
	s.Helper()
	o, err := s.Saver.FindSave(s.Context(), q)
	if err != nil {
		s.Fatalf("FindSave: %v", err)
	}
	return o
}

// expectSave expects the outcome from a lookup with and without the reference, and from a
// repeated request.
func (s suite) expectSave(r ports.SaveRequest, want billing.SaveOutcome) {
	s.Helper()
	for name, got := range map[string]billing.SaveOutcome{
		"second Save":                 s.save(r),
		"FindSave":                    s.findSave(ports.SaveQuery{SaveRequest: r}),
		"FindSave with its reference": s.findSave(ports.SaveQuery{SaveRequest: r, ProviderRef: want.ProviderRef}),
	} {
		same := got.Token.Equal(want.Token)
		got.Token = want.Token
		if !same || got != want {
			s.Errorf("%s = %+v, want %+v", name, got, want)
		}
	}
}

// openSavePage saves, and expects a page and no token.
func (s suite) openSavePage(r ports.SaveRequest) billing.SaveOutcome {
	s.Helper()
	o := s.save(r)
	page, err := url.Parse(o.ActionURL)
	if o.Status != billing.MethodPending || err != nil || !page.IsAbs() || page.Host == "" || !o.Token.IsZero() || o.ProviderRef == "" {
		s.Fatalf("Save = %+v, want pending, with an absolute URL and a reference", o)
	}
	s.expectSave(r, o)
	return o
}

// saved saves a method on the page, and returns the request and the token.
func (s suite) saved() (ports.SaveRequest, billing.Secret) {
	s.Helper()
	r := newSaveRequest()
	opened := s.openSavePage(r)
	if err := s.SavePage(s.Context(), opened.ActionURL, true); err != nil {
		s.Fatalf("SavePage: %v", err)
	}
	o := s.findSave(ports.SaveQuery{SaveRequest: r, ProviderRef: opened.ProviderRef})
	if o.Status != billing.MethodActive || o.Token.IsZero() || o.ActionURL != "" || o.Last4 == "" || o.Brand == "" {
		s.Fatalf("FindSave = %+v, want active with a token and the card", o)
	}
	s.expectSave(r, o)
	return r, o.Token
}

// testSave saves a method without a charge, and charges it later without the viewer.
func testSave(s suite) {
	s.require("save without charge", s.Saver != nil && s.SavePage != nil)
	r, token := s.saved()
	s.expectLedger(billing.PaymentID(r.Key))
	renewal := s.newRequest(token)
	renewal.Initiator, renewal.Payer = billing.MerchantInitiated, r.Payer
	s.expectSuccess(s.charge(renewal), renewal.Amount)
	s.expectLedger(renewal.Key, renewal.Amount)
}

// testSaveRefused ends on the page without a saved method.
func testSaveRefused(s suite) {
	s.require("save refused", s.Saver != nil && s.SavePage != nil)
	r := newSaveRequest()
	opened := s.openSavePage(r)
	if err := s.SavePage(s.Context(), opened.ActionURL, false); err != nil {
		s.Fatalf("SavePage: %v", err)
	}
	o := s.findSave(ports.SaveQuery{SaveRequest: r, ProviderRef: opened.ProviderRef})
	if o.Status != billing.MethodFailed || o.DeclineCode == "" || !o.Token.IsZero() || o.ActionURL != "" {
		s.Errorf("FindSave = %+v, want failed with a reason", o)
	}
	s.expectSave(r, o)
}

func testSaveKeyConflict(s suite) {
	s.require("save, same key for another request", s.Saver != nil)
	r := newSaveRequest()
	opened := s.openSavePage(r)
	other := r
	other.ReturnURL += "/elsewhere"
	if o, err := s.Saver.Save(s.Context(), other); !errors.Is(err, ports.ErrKeyConflict) || !onlyOne(err) {
		s.Errorf("Save = %+v, %v; want only ErrKeyConflict", o, err)
	}
	s.expectSave(r, opened)
}

func testSaveUnknownKey(s suite) {
	s.require("save, unknown key", s.Saver != nil)
	if o, err := s.Saver.FindSave(s.Context(), ports.SaveQuery{SaveRequest: newSaveRequest()}); !errors.Is(err, ports.ErrSaveNotFound) {
		s.Errorf("FindSave = %+v, %v; want ErrSaveNotFound", o, err)
	}
}

// testForget forgets a token twice. It cannot be charged afterwards.
func testForget(s suite) {
	s.require("forget", s.Forgetter != nil && s.Saver != nil && s.SavePage != nil)
	saved, token := s.saved()
	for range 2 {
		err := s.Forgetter.Forget(s.Context(), token)
		s.expectNoSecret(err, token)
		if err != nil {
			s.Fatalf("Forget: %v", err)
		}
	}
	for _, by := range []billing.Initiator{billing.MerchantInitiated, billing.CustomerInitiated} {
		r := s.newRequest(token)
		r.Initiator, r.Payer = by, saved.Payer
		s.expectRefusal(r, ports.ErrTokenUnknown)
		s.expectAbsent(r.Key)
	}
	if err := s.Forgetter.Forget(s.Context(), s.Tokens.Unknown); err != nil {
		s.Errorf("Forget of an unknown token: %v, want no error", err)
	}
}
