package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Cards adds and removes viewers' bank cards. It stores their numbers encrypted. Only
// a [payments.Collector] decrypts a number, for one charge.
type Cards struct {
	Store    ports.Store
	Clock    ports.Clock
	NewID    func() string
	Calendar billing.Calendar
	Vault    ports.Vault
	Limits   billing.CardLimits
	// Forgetters are the payment systems that must forget the tokens of removed cards.
	Forgetters map[string]ports.Forgetter
	// Collector cancels payments that wait for the viewer, when their card is removed. It may
	// be nil.
	Collector *payments.Collector
	// Wait bounds how long a removal waits for payments in flight.
	Wait time.Duration
	// Pause waits for d, or until ctx ends, and then returns its error. If Pause is
	// nil, the wall clock is used.
	Pause func(ctx context.Context, d time.Duration) error
}

// AddCard is a viewer's request to keep a card.
type AddCard struct {
	User    billing.UserID
	Card    billing.CardDetails
	Request *ports.KeyedRequest
}

// Add keeps a card and reports whether it is new. Adding a kept card again updates
// its expiry and holder. Add wipes the number. Errors:
//
//	ErrInvalid            every fault of the card
//	ErrRateLimited        a [billing.LimitedError]: too many new cards
//	ErrRequestInProgress  another request with the same key is running
func (c *Cards) Add(ctx context.Context, cmd AddCard) (card billing.Card, added bool, err error) {
	defer cmd.Card.Number.Wipe()
	encrypted, err := c.encrypt(cmd)
	if err != nil {
		return billing.Card{}, false, fmt.Errorf("add card: %w", err)
	}
	k, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (kept, error) { return c.keep(ctx, tx, cmd, encrypted) })
	if err != nil {
		return billing.Card{}, false, fmt.Errorf("add card: %w", recordLimit(ctx, c.Store, c.Clock, c.NewID, cmd.User, err))
	}
	return k.card, k.added, nil
}

// Fingerprint returns a keyed digest of the number. Two numbers of one user are equal
// if their fingerprints are.
func (c *Cards) Fingerprint(user billing.UserID, n billing.CardNumber) (billing.Fingerprint, error) {
	number := []byte(n.Reveal())
	defer clear(number)
	list, err := c.Vault.Fingerprints(ports.PurposeCardNumber, user, number)
	if err != nil {
		return billing.Fingerprint{}, err
	}
	return list[0], nil // the only one: this key is never rotated
}

func (c *Cards) encrypt(cmd AddCard) (billing.Card, error) {
	card, err := billing.NewCard(billing.CardID(c.NewID()), cmd.User, cmd.Card, c.Clock.Now(), c.Calendar)
	if err != nil {
		return card, err
	}
	number := []byte(cmd.Card.Number.Reveal())
	defer clear(number)
	if card.Fingerprint, err = c.Fingerprint(card.UserID, cmd.Card.Number); err != nil {
		return card, err
	}
	card.Number, err = c.Vault.Encrypt(ports.NumberPlace(card), number)
	return card, err
}

// kept is a stored card.
type kept struct {
	card  billing.Card
	added bool
}

// keep stores a card. If the user has the same one, keep updates it.
func (c *Cards) keep(ctx context.Context, tx ports.Repos, cmd AddCard, card billing.Card) (kept, error) {
	// The claim comes first, so that a repetition waits here for the first request.
	if err := claim(ctx, tx, cmd.Request, ""); err != nil {
		return kept{}, err
	}
	if err := tx.Users.Seen(ctx, card.CreatedAt, cmd.User); err != nil {
		return kept{}, err
	}
	if err := tx.Users.Lock(ctx, cmd.User); err != nil {
		return kept{}, err
	}
	old, err := tx.Cards.Same(ctx, card.UserID, card.Fingerprint)
	if err == nil {
		return c.update(ctx, tx, cmd, old, card)
	}
	if !errors.Is(err, billing.ErrNotFound) {
		return kept{}, err
	}
	if err := c.checkLimit(ctx, tx, card); err != nil {
		return kept{}, err
	}
	if err := tx.Cards.Add(ctx, card); err != nil {
		return kept{}, err
	}
	events := []billing.Event{card.AddedEvent()}
	ports.Identify(events, c.NewID)
	return kept{card, true}, tx.Events.Append(ctx, events...)
}

// update gives the stored card the expiry and holder of the new one. If they are
// equal, it changes nothing.
func (c *Cards) update(ctx context.Context, tx ports.Repos, cmd AddCard, old, card billing.Card) (kept, error) {
	if old.ExpMonth == card.ExpMonth && old.ExpYear == card.ExpYear && old.Holder == card.Holder {
		return kept{card: old}, unclaim(ctx, tx, cmd.Request)
	}
	old.ExpMonth, old.ExpYear, old.Holder = card.ExpMonth, card.ExpYear, card.Holder
	return kept{card: old}, tx.Cards.Save(ctx, old)
}

func (c *Cards) checkLimit(ctx context.Context, tx ports.Repos, card billing.Card) error {
	window, limit := c.Limits.Cards.Window()
	past, err := tx.CardLimits.Added(ctx, card.UserID, card.CreatedAt.Add(-window), limit)
	if err != nil {
		return err
	}
	return c.Limits.Cards.Allow(past, card.CreatedAt, billing.TooManyCards)
}

// List lists the user's cards that are not removed, newest first.
func (c *Cards) List(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Card, error) {
	return c.Store.Views().Cards(ctx, user, p)
}

// Get returns a card of the user. It returns [billing.ErrCardNotFound] if the user has
// no such card, or removed it.
func (c *Cards) Get(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	return c.Store.Views().Card(ctx, user, id)
}

// recordLimit adds the event of a [billing.LimitedError], if it has one, once per series
// of refusals. It returns err. It uses a transaction of its own, because the refused one
// was rolled back.
func recordLimit(ctx context.Context, store ports.Store, clock ports.Clock, newID func() string, user billing.UserID, err error) error {
	var limited *billing.LimitedError
	if !errors.As(err, &limited) || limited.Type == "" {
		return err
	}
	now := clock.Now()
	failed := store.InTx(ctx, func(tx ports.Repos) error {
		if err := errors.Join(tx.Users.Seen(ctx, now, user), tx.Users.Lock(ctx, user)); err != nil {
			return err
		}
		told, err := tx.Events.Times(ctx, user, limited.Type, limited.Since, 1)
		if len(told) > 0 || err != nil {
			return err
		}
		events := []billing.Event{limited.Event(user, now)}
		ports.Identify(events, newID)
		return tx.Events.Append(ctx, events...)
	})
	return errors.Join(err, failed)
}
