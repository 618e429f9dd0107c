package httpapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// AddCard keeps a card.
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
	if infoOf(ctx).key == "" {
		a, _ := s.addCard(ctx, details, nil)
		return a, nil
	}
	return s.addCardOnce(ctx, details)
}

// addCardOnce gives repetitions with the same Idempotency-Key the first answer.
// The number goes into the comparison as the vault's fingerprint: a digest that
// needs no key could be tried out.
func (s *server) addCardOnce(ctx context.Context, details billing.CardDetails) (answer, error) {
	fingerprint, err := s.Cards.Fingerprint(infoOf(ctx).user, details.Number)
	if err != nil {
		return answer{}, err
	}
	c := change{operation: "add card", fields: []string{
		hex.EncodeToString(fingerprint[:]), strconv.Itoa(details.ExpMonth), strconv.Itoa(details.ExpYear), details.Holder,
	}}
	r := s.request(ctx, c)
	if a, ok := s.replay(ctx, c, r); ok {
		return a, nil
	}
	a, err := s.addCard(ctx, details, &r)
	if errors.Is(err, billing.ErrRequestInProgress) {
		return s.afterOther(ctx, c, r, err), nil
	}
	return s.conclude(ctx, r, a), nil
}

func (s *server) addCard(ctx context.Context, details billing.CardDetails, r *ports.KeyedRequest) (answer, error) {
	kept, added, err := s.Cards.Add(ctx, viewers.AddCard{User: infoOf(ctx).user, Card: details, Request: r})
	if err != nil {
		return s.problemAnswer(ctx, err), err
	}
	body, err := json.Marshal(card(kept))
	if err != nil {
		return s.problemAnswer(ctx, fmt.Errorf("render card: %w", err)), err
	}
	if added {
		return answer{status: http.StatusCreated, body: body}, nil
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// ListCards lists the viewer's cards.
func (s *server) ListCards(ctx context.Context, r api.ListCardsRequestObject) (api.ListCardsResponseObject, error) {
	if s.Cards == nil {
		return nil, ports.ErrNoVault
	}
	p, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.Cards.List(ctx, infoOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	list, next := cut(list, p, func(c billing.Card) string { return string(c.ID) })
	return api.ListCards200JSONResponse{Body: api.CardList{Data: mapped(list, card), NextCursor: next}}, nil
}

// RemoveCard removes a card for good.
func (s *server) RemoveCard(ctx context.Context, r api.RemoveCardRequestObject) (api.RemoveCardResponseObject, error) {
	switch {
	case s.Cards == nil:
		return nil, ports.ErrNoVault
	case !billing.IsID(r.Id):
		return nil, billing.ErrCardNotFound
	}
	if err := s.Cards.Remove(ctx, infoOf(ctx).user, billing.CardID(r.Id)); err != nil {
		return nil, err
	}
	return api.RemoveCard204Response{}, nil
}
