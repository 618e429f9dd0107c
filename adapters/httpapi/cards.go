package httpapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// AddCard stores a card, or updates the expiry and holder of a stored one.
func (s *server) AddCard(ctx context.Context, r api.AddCardRequestObject) (api.AddCardResponseObject, error) {
	if s.Cards == nil {
		return nil, ports.ErrNoVault
	}
	details := billing.CardDetails{
		Number: billing.ParseCardNumber(r.Body.Number), ExpMonth: r.Body.ExpMonth, ExpYear: r.Body.ExpYear,
	}
	defer details.Number.Wipe()
	if r.Body.Holder != nil {
		details.Holder = *r.Body.Holder
	}
	// The stored fingerprint of the request holds the vault's keyed fingerprint of the card
	// number, because an unkeyed digest could be reversed by trying all numbers.
	fingerprint, err := s.Cards.Fingerprint(stateOf(ctx).user, details.Number)
	if err != nil {
		return nil, err
	}
	m := mutation{operation: "add card", fields: []string{
		hex.EncodeToString(fingerprint[:]), strconv.Itoa(details.ExpMonth), strconv.Itoa(details.ExpYear), details.Holder,
	}}
	return s.respondOnce(ctx, m, func(request *ports.KeyedRequest) (response, error) {
		return s.addCard(ctx, details, request)
	}), nil
}

// addCard runs the use case and renders its result or its error.
func (s *server) addCard(ctx context.Context, details billing.CardDetails, r *ports.KeyedRequest) (response, error) {
	stored, added, err := s.Cards.Add(ctx, viewers.AddCard{User: stateOf(ctx).user, Card: details, Request: r})
	if err != nil {
		return s.problemResponse(ctx, err), err
	}
	body, err := json.Marshal(card(stored))
	if err != nil {
		return s.problemResponse(ctx, fmt.Errorf("render card: %w", err)), err
	}
	if added {
		return response{status: http.StatusCreated, body: body}, nil
	}
	return response{status: http.StatusOK, body: body}, nil
}

// ListCards returns a page of the viewer's cards, newest first.
func (s *server) ListCards(ctx context.Context, r api.ListCardsRequestObject) (api.ListCardsResponseObject, error) {
	if s.Cards == nil {
		return nil, ports.ErrNoVault
	}
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.Cards.List(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	list, next := trimPage(list, p, func(c billing.Card) string { return string(c.ID) })
	return api.ListCards200JSONResponse{Body: api.CardList{Data: mapSlice(list, card), NextCursor: next}}, nil
}

// GetCard returns one of the viewer's cards.
func (s *server) GetCard(ctx context.Context, r api.GetCardRequestObject) (api.GetCardResponseObject, error) {
	switch {
	case s.Cards == nil:
		return nil, ports.ErrNoVault
	case !billing.IsID(r.Id):
		return nil, billing.ErrCardNotFound
	}
	c, err := s.Cards.Get(ctx, stateOf(ctx).user, billing.CardID(r.Id))
	if err != nil {
		return nil, err
	}
	return api.GetCard200JSONResponse{Body: card(c)}, nil
}

// RemoveCard removes a card permanently.
func (s *server) RemoveCard(ctx context.Context, r api.RemoveCardRequestObject) (api.RemoveCardResponseObject, error) {
	switch {
	case s.Cards == nil:
		return nil, ports.ErrNoVault
	case !billing.IsID(r.Id):
		return nil, billing.ErrCardNotFound
	}
	if err := s.Cards.Remove(ctx, stateOf(ctx).user, billing.CardID(r.Id)); err != nil {
		return nil, err
	}
	return api.RemoveCard204Response{}, nil
}
