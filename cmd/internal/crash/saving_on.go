//go:build crash

package crash

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Names of the points around the calls that save and forget payment methods.
const (
	saveBefore   = "save.before" // the intent is stored
	saveAfter    = "save.after"
	forgetBefore = "forget.before" // the removal is stored
	forgetAfter  = "forget.after"
)

// Savers returns s with the points around each save.
func Savers(s map[string]ports.Saver) map[string]ports.Saver {
	return wrap(s, func(one ports.Saver) ports.Saver { return saver{one} })
}

type saver struct{ ports.Saver }

func (s saver) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	point(saveBefore)
	o, err := s.Saver.Save(ctx, r)
	point(saveAfter)
	return o, err
}

// Forgetters returns f with the points around each call.
func Forgetters(f map[string]ports.Forgetter) map[string]ports.Forgetter {
	return wrap(f, func(one ports.Forgetter) ports.Forgetter { return forgetter{one} })
}

type forgetter struct{ ports.Forgetter }

func (f forgetter) Forget(ctx context.Context, token billing.Secret) error {
	point(forgetBefore)
	err := f.Forgetter.Forget(ctx, token)
	point(forgetAfter)
	return err
}
