package operators

import (
	"context"
	"fmt"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Notes stores the notes of operators on users.
type Notes struct {
	Store ports.Store
	Clock ports.Clock
	NewID func() string
	By    Operator
}

// For returns n on behalf of an operator.
func (n Notes) For(by Operator) Notes {
	n.By = by
	return n
}

// Add stores a note. The audit log has that it was written, but not its text, because an
// erasure must be able to remove that. Errors:
//
//	ErrForbidden         the operator does not help viewers
//	billing.ErrInvalid   the text is empty or too long, or contains a card number
//	billing.ErrNotFound  there is no such user
func (n Notes) Add(ctx context.Context, user billing.UserID, text string) (billing.Note, error) {
	if err := n.By.mayInstruct(); err != nil {
		return billing.Note{}, err
	}
	if !billing.IsID(string(user)) {
		return billing.Note{}, billing.ErrNotFound
	}
	note, err := billing.NewNote(billing.NoteID(n.NewID()), user, text, n.By.Name, n.Clock.Now())
	if err != nil {
		return billing.Note{}, err
	}
	err = n.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.PersonalData.AddNote(ctx, note); err != nil {
			return err
		}
		return n.By.audit(ctx, tx, n.NewID(), note.CreatedAt, change{UserNoted, string(user), ports.Facts{}, ports.Facts{"note": string(note.ID)}})
	})
	if err != nil {
		return billing.Note{}, fmt.Errorf("add a note: %w", err)
	}
	return note, nil
}

// Erasure erases the personal data of users.
type Erasure struct {
	Store      ports.Store
	Clock      ports.Clock
	NewID      func() string
	Forgetting []string // codes of the payment systems that can forget tokens
	By         Operator
}

// Erase erases the personal data of a user for ever: see [ports.PersonalData]. The history and
// the payments stay under the id. The audit log has the reason, and which kinds of data were
// erased. Errors:
//
//	billing.ErrInvalid            the reason is not valid
//	billing.ErrNotFound           there is no such user
//	billing.ErrInvalidTransition  see [billing.ErasureObstacles]
func (e Erasure) Erase(ctx context.Context, user billing.UserID, reason string) (billing.Erased, error) {
	if err := billing.CheckReason(reason); err != nil {
		return billing.Erased{}, err
	}
	erased, err := ports.InTx(ctx, e.Store, func(tx ports.Repos) (billing.Erased, error) {
		obstacles, err := tx.PersonalData.LockForErasure(ctx, user)
		if err != nil {
			return billing.Erased{}, err
		}
		if err := obstacles.Check(); err != nil {
			return billing.Erased{}, err
		}
		now := e.Clock.Now()
		erased, err := tx.PersonalData.Erase(ctx, user, now, e.Forgetting)
		if err != nil {
			return billing.Erased{}, err
		}
		facts := ports.Facts{"erased": erased.String(), "reason": strings.TrimSpace(reason)}
		return erased, e.By.audit(ctx, tx, e.NewID(), now, change{UserErased, string(user), ports.Facts{}, facts})
	})
	if err != nil {
		return billing.Erased{}, fmt.Errorf("erase user %s: %w", user, err)
	}
	return erased, nil
}
