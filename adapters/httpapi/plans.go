package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// plansMaxAge is the greatest age of a response to GET /v1/plans. An old price
// does no harm: subscribe compares the price in its transaction.
const plansMaxAge = time.Second

// plansTimeout limits the query behind GET /v1/plans.
const plansTimeout = 5 * time.Second

// ListPlans returns the plans on sale.
func (s *server) ListPlans(ctx context.Context, _ api.ListPlansRequestObject) (api.ListPlansResponseObject, error) {
	body, err := s.plans.get(ctx)
	return plansResponse(body), err
}

// plansResponse is the JSON body of the response.
type plansResponse []byte

// VisitListPlansResponse implements [api.ListPlansResponseObject].
func (body plansResponse) VisitListPlansResponse(w http.ResponseWriter) error {
	w.Header()["Content-Type"] = typeJSON
	_, err := w.Write(body)
	return err
}

// renderPlans queries the plans on sale and renders them as JSON.
func (s *server) renderPlans(ctx context.Context) ([]byte, error) {
	plans, err := s.Viewer.Plans(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(api.PlanList{Data: mapSlice(plans, plan)})
	return append(body, '\n'), err
}

// planCache shares the rendered plans between requests. It runs at most one query
// at a time.
type planCache struct {
	render func(context.Context) ([]byte, error)
	now    func() time.Duration // monotonic; the billing clock can be set or frozen

	refresh singleflight.Group
	current atomic.Pointer[planSnapshot] // nil until the first query succeeds
}

type planSnapshot struct {
	body   []byte
	readAt time.Duration // when the query began
}

// get returns plans that were read at most plansMaxAge before the call. It does
// not cache errors, but calls that wait for the same query share its error.
func (c *planCache) get(ctx context.Context) ([]byte, error) {
	oldest := c.now() - plansMaxAge
	for {
		if s := c.current.Load(); s != nil && s.readAt >= oldest {
			return s.body, nil
		}
		_, err, _ := c.refresh.Do("", func() (any, error) { return nil, c.load(ctx, oldest) })
		if err != nil {
			return nil, err
		}
		// A query that was already running may have begun before oldest.
	}
}

// load replaces the current snapshot, unless another call has just done so. It
// ignores the cancellation of ctx, because other requests wait for the result.
func (c *planCache) load(ctx context.Context, oldest time.Duration) error {
	if s := c.current.Load(); s != nil && s.readAt >= oldest {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), plansTimeout)
	defer cancel()
	readAt := c.now()
	body, err := c.render(ctx)
	if err != nil {
		return err
	}
	c.current.Store(&planSnapshot{body, readAt})
	return nil
}
