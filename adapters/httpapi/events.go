package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/ports"
)

const defaultFeedLimit = 1000

// ListEvents returns the events of all viewers that follow the cursor.
func (s *server) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	q := feed.Query{Limit: defaultFeedLimit}
	if r.Params.Limit != nil {
		q.Limit = *r.Params.Limit
	}
	if r.Params.Types != nil {
		for name := range strings.SplitSeq(*r.Params.Types, ",") {
			q.Types = append(q.Types, billing.EventType(name))
		}
	}
	switch {
	case r.Params.After != nil && r.Params.From != nil:
		return nil, invalidField("from", "must not be sent together with after, which keeps the time of the first request")
	case r.Params.After != nil:
		q.After = *r.Params.After
	case r.Params.From != nil:
		q.Since = *r.Params.From
	}
	page, err := s.Feed.Page(ctx, q)
	if err != nil {
		return nil, err
	}
	return feedResponse{mapSlice(page.Events, feedEventOf), page.Next}, nil
}

// feedEvent is the JSON of an event with its viewer.
type feedEvent struct {
	api.Event

	UserID  string  `json:"user_id"`
	Subject *string `json:"subject"`
}

func feedEventOf(e ports.FeedEvent) feedEvent {
	return feedEvent{event(e.Event), string(e.UserID), nullString(e.Subject)}
}

// feedResponse is a page of the feed.
type feedResponse struct {
	Data       []feedEvent `json:"data"`
	NextCursor string      `json:"next_cursor"`
}

// VisitListEventsResponse implements [api.ListEventsResponseObject].
func (r feedResponse) VisitListEventsResponse(w http.ResponseWriter) error {
	w.Header()["Content-Type"] = typeJSON
	w.WriteHeader(http.StatusOK)
	return json.NewEncoder(w).Encode(r)
}

// webhook is the body of a webhook.
type webhook struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      feedEvent `json:"data"`
}

// WebhookBody returns the body of the webhook for an event. Its data is the event as
// GET /v1/events has it.
func WebhookBody(e ports.FeedEvent) ([]byte, error) {
	return json.Marshal(webhook{string(e.Type), e.At, feedEventOf(e)})
}
