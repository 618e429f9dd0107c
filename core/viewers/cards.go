package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/internal/crash"
	"github.com/online-cinema/billing/core/ports"
)

// Cards keeps viewers' bank cards. Their numbers go into the vault and come out
// only in a [payments.Collector], for one charge.
type Cards struct {
	Store    ports.Store
	Clock    ports.Clock
	NewID    func() string
	Calendar billing.Calendar
	Vault    ports.Vault
	Limits   billing.CardLimits
	// Wait is how long a removal waits for payments under way to be settled.
	Wait time.Duration
	// Pause waits for d or until ctx ends, and returns the error of ctx then. nil
	// waits for real.
	Pause func(ctx context.Context, d time.Duration) error
}

// AddCard is a viewer's wish that a card be kept.
type AddCard struct {
	User    billing.UserID
	Card    billing.CardDetails
	Request *ports.KeyedRequest // nil when the request has no Idempotency-Key
}

// Add keeps a card and reports whether it is new: the same card again is the one
// that is there, as it was typed in the last time. The number is wiped.
//
//	ErrInvalid            what is wrong with it, all at once
//	ErrRateLimited        a [billing.LimitedError]: too many new cards
//	ErrRequestInProgress  a request with the same key was quicker
func (c *Cards) Add(ctx context.Context, cmd AddCard) (card billing.Card, added bool, err error) {
	defer cmd.Card.Number.Wipe()
	card, err = c.seal(cmd)
	if err != nil {
		return billing.Card{}, false, fmt.Errorf("add card: %w", err)
	}
	sealed := card
	err = c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		card, added, err = c.keep(ctx, tx, cmd, sealed)
		return err
	})
	if err != nil {
		return billing.Card{}, false, fmt.Errorf("add card: %w", noteLimit(ctx, c.Store, c.Clock, c.NewID, cmd.User, err))
	}
	crash.Point("card.added")
	return card, added, nil
}

// Fingerprint tells whether two numbers of one user are the same.
func (c *Cards) Fingerprint(user billing.UserID, n billing.CardNumber) (billing.Fingerprint, error) {
	number := []byte(n.Reveal())
	defer clear(number)
	return c.Vault.Fingerprint(ports.PurposeCardNumber, user, number)
}

func (c *Cards) seal(cmd AddCard) (billing.Card, error) {
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

// keep stores a card, unless it is there: then it takes over what was typed in.
func (c *Cards) keep(ctx context.Context, tx ports.Repos, cmd AddCard, card billing.Card) (billing.Card, bool, error) {
	// First of all, so that a repetition waits here and learns that it is one.
	if err := claim(ctx, tx, cmd.Request, ""); err != nil {
		return card, false, err
	}
	if err := tx.Users.Seen(ctx, card.CreatedAt, cmd.User); err != nil {
		return card, false, err
	}
	if err := tx.Users.Lock(ctx, cmd.User); err != nil {
		return card, false, err
	}
	old, err := tx.Cards.Same(ctx, card.UserID, card.Fingerprint)
	if err == nil {
		old.ExpMonth, old.ExpYear, old.Holder = card.ExpMonth, card.ExpYear, card.Holder
		return old, false, tx.Cards.Save(ctx, old)
	}
	if !errors.Is(err, billing.ErrNotFound) {
		return card, false, err
	}
	if err := c.checkLimit(ctx, tx, card); err != nil {
		return card, false, err
	}
	if err := tx.Cards.Add(ctx, card); err != nil {
		return card, false, err
	}
	events := []billing.Event{card.AddedEvent()}
	ports.Identify(events, c.NewID)
	return card, true, tx.Events.Append(ctx, events...)
}

func (c *Cards) checkLimit(ctx context.Context, tx ports.Repos, card billing.Card) error {
	back, most := c.Limits.Cards.Window()
	past, err := tx.Cards.Added(ctx, card.UserID, card.CreatedAt.Add(-back), most)
	if err != nil {
		return err
	}
	return c.Limits.Cards.Allow(past, card.CreatedAt, billing.EventCardLimitReached)
}

// List lists the user's cards that are there, newest first.
func (c *Cards) List(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Card, error) {
	return c.Store.Views().Cards(ctx, user, p)
}

// poll is how often a removal looks whether payments under way are settled.
const poll = 50 * time.Millisecond

// Remove removes a card for good. When it returns nil, no charge with the card,
// or with what a payment system gave for it, starts any more: nothing new may use
// it from the first transaction on, and what was under way then is settled or may
// not be sent any longer.
//
// Removing again is the same, and waits for the same.
//
//	ErrCardNotFound  the user has no such card and never had
//	ErrUnavailable   it is removed, but a payment under way is not settled yet
func (c *Cards) Remove(ctx context.Context, user billing.UserID, id billing.CardID) error {
	err := c.Store.InTx(ctx, func(tx ports.Repos) error {
		card, err := tx.Cards.Lock(ctx, user, id)
		if err != nil {
			return err
		}
		card, events := card.Remove(c.Clock.Now())
		if len(events) == 0 {
			return nil
		}
		ports.Identify(events, c.NewID)
		if err := tx.Cards.Save(ctx, card); err != nil {
			return err
		}
		if err := tx.Methods.RemoveByCard(ctx, card); err != nil {
			return err
		}
		return tx.Events.Append(ctx, events...)
	})
	if err != nil {
		return fmt.Errorf("remove card: %w", err)
	}
	crash.Point("card.removed")
	return c.quiesce(ctx, user, id)
}

// errUnderWay is what a viewer is told whose card is removed while it is charged.
var errUnderWay = billing.ErrUnavailable.WithMessage(
	"the card is not charged for anything new, but a payment with it is being settled; remove it again in a moment")

// quiesce waits until no payment with the card may be sent any more.
func (c *Cards) quiesce(ctx context.Context, user billing.UserID, id billing.CardID) error {
	for waited := time.Duration(0); ; waited += poll {
		var sending bool
		err := c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
			sending, err = tx.Cards.Sending(ctx, user, id)
			return err
		})
		switch {
		case err != nil:
			return fmt.Errorf("remove card: %w", err)
		case !sending:
			return nil
		case waited >= c.Wait:
			return errUnderWay
		}
		if err := c.pause(ctx); err != nil {
			return errors.Join(errUnderWay, err)
		}
	}
}

func (c *Cards) pause(ctx context.Context) error {
	if c.Pause != nil {
		return c.Pause(ctx, poll)
	}
	select {
	case <-time.After(poll):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noteLimit writes into the history that a limit was reached, once for each
// streak of refusals, and returns err. The transaction that was refused kept
// nothing, so this is another.
func noteLimit(ctx context.Context, store ports.Store, clock ports.Clock, newID func() string, user billing.UserID, err error) error {
	var limited *billing.LimitedError
	if !errors.As(err, &limited) {
		return err
	}
	now := clock.Now()
	failed := store.InTx(ctx, func(tx ports.Repos) error {
		if err := errors.Join(tx.Users.Seen(ctx, now, user), tx.Users.Lock(ctx, user)); err != nil {
			return err
		}
		told, err := tx.Events.Told(ctx, user, limited.Type, limited.Since)
		if told || err != nil {
			return err
		}
		events := []billing.Event{limited.Event(user, now)}
		ports.Identify(events, newID)
		return tx.Events.Append(ctx, events...)
	})
	return errors.Join(err, failed)
}
