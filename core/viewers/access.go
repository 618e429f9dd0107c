package viewers

import (
	"cmp"
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// UserRef names a user for a service: by the id, or by the subject from which the id is
// derived.
type UserRef struct {
	ID      billing.UserID
	Subject string // empty if the service names the user by the id
}

// names reports whether r names the user with the id of r and this subject.
// Another subject may have the same id: see [ports.ErrOtherSubject].
func (r UserRef) names(subject string) bool {
	return r.Subject == "" || subject == "" || r.Subject == subject
}

// Access is a user with the entitlements.
type Access struct {
	Entitlements
	UserID  billing.UserID
	Subject string // empty if it is not known
}

// AccessOf returns the access of each user, in the order of refs. An unknown user has
// none.
func (v Queries) AccessOf(ctx context.Context, refs ...UserRef) ([]Access, error) {
	ids := make([]billing.UserID, len(refs))
	for i, ref := range refs {
		ids[i] = ref.ID
	}
	live, err := v.Store.Views().LiveSubscriptionsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	byUser := make(map[billing.UserID][]ports.LiveSubscription, len(refs))
	for _, s := range live {
		byUser[s.UserID] = append(byUser[s.UserID], s)
	}
	now, list := v.Clock.Now(), make([]Access, len(refs))
	for i, ref := range refs {
		list[i] = Access{UserID: ref.ID, Subject: ref.Subject}
		var own []ports.LiveSubscription
		for _, s := range byUser[ref.ID] {
			if ref.names(s.Subject) {
				own, list[i].Subject = append(own, s), cmp.Or(s.Subject, ref.Subject)
			}
		}
		list[i].Entitlements = v.entitled(now, own)
	}
	return list, nil
}

// Access returns the access of a user. It returns [billing.ErrNotFound] for an unknown
// user.
func (v Queries) Access(ctx context.Context, ref UserRef) (Access, error) {
	list, err := v.AccessOf(ctx, ref)
	if err != nil {
		return Access{}, err
	}
	if len(list[0].Features) > 0 {
		return list[0], nil
	}
	subject, err := v.Store.Views().Subject(ctx, ref.ID)
	if err == nil && !ref.names(subject) {
		err = billing.ErrNotFound
	}
	return list[0], err
}
