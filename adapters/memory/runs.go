package memory

import (
	"context"

	"github.com/online-cinema/billing/core/app"
)

type runs struct{ *tx }

func (r runs) Put(_ context.Context, run app.Run) error {
	r.runs[run.ID] = run
	return nil
}
