package memory

import (
	"context"

	"github.com/online-cinema/billing/core/ports"
)

type runs struct{ *tx }

func (r runs) Put(_ context.Context, run ports.Run) error {
	r.runs[run.ID] = run
	return nil
}
