package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
)

type plans struct{ *tx }

// Lock takes no lock, because transactions run one at a time.
func (r plans) Lock(_ context.Context, ref string) (billing.Plan, error) {
	p, ok := r.plan(ref)
	if !ok {
		return billing.Plan{}, billing.ErrPlanNotFound
	}
	return p, nil
}

func (r plans) Add(_ context.Context, p billing.Plan) error {
	if _, taken := r.plans[p.ID]; taken {
		return r.abort(billing.ErrAlreadyExists)
	}
	return r.put(p)
}

func (r plans) Save(_ context.Context, p billing.Plan) error {
	if _, ok := r.plans[p.ID]; !ok {
		return fmt.Errorf("save plan %s: not found", p.ID)
	}
	return r.put(p)
}

func (r plans) put(p billing.Plan) error {
	for _, other := range r.plans {
		if other.Code == p.Code && other.ID != p.ID {
			return r.abort(billing.ErrAlreadyExists)
		}
	}
	r.plans[p.ID] = copyPlan(p)
	return nil
}

func (s *state) plan(ref string) (billing.Plan, bool) {
	for _, p := range s.plans {
		if p.Code == ref || string(p.ID) == ref {
			return copyPlan(p), true
		}
	}
	return billing.Plan{}, false
}

// copyPlan returns a deep copy, so that callers cannot change stored data.
func copyPlan(p billing.Plan) billing.Plan {
	p.Features = slices.Clone(p.Features)
	return p
}

type paymentSystems struct{ *tx }

func (r paymentSystems) Add(_ context.Context, ps billing.PaymentSystem) error {
	if _, taken := r.systems[ps.Code]; taken {
		return r.abort(billing.ErrAlreadyExists)
	}
	r.systems[ps.Code] = ps
	return nil
}

func (r paymentSystems) Save(_ context.Context, ps billing.PaymentSystem) error {
	if _, ok := r.systems[ps.Code]; !ok {
		return fmt.Errorf("save payment system %s: not found", ps.Code)
	}
	r.systems[ps.Code] = ps
	return nil
}
