package simulator

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newNotifying returns a simulator, and a function that returns its next notification.
func newNotifying(t *testing.T, c Config) (*Simulator, func() ports.Notification) {
	t.Helper()
	sent := make(chan ports.Notification, 10)
	c.NotifySecret = billing.NewSecret("secret")
	c.Notify = func(_ context.Context, header map[string][]string, body []byte) {
		sent <- ports.Notification{Header: header, Body: body, At: time.Now()}
	}
	return newSimulator(t, c), func() ports.Notification {
		select {
		case n := <-sent:
			return n
		default:
			t.Fatal("no notification was sent")
			return ports.Notification{}
		}
	}
}

func TestReadNotification(t *testing.T) {
	t.Parallel()
	s, next := newNotifying(t, Config{})
	r := charge("tok_3ds")
	post(t.Context(), s.Handler(), mustCharge(t, s, r).ActionURL, "approve")
	good := next()
	for name, tt := range map[string]struct {
		change func(*ports.Notification)
		want   error
	}{
		"good":            {func(*ports.Notification) {}, nil},
		"late by minutes": {func(n *ports.Notification) { n.At = n.At.Add(4 * time.Minute) }, nil},
		"recorded":        {func(n *ports.Notification) { n.At = n.At.Add(6 * time.Minute) }, ports.ErrForged},
		"changed body":    {func(n *ports.Notification) { n.Body = append(n.Body[:len(n.Body):len(n.Body)], ' ') }, ports.ErrForged},
		"no signature":    {func(n *ports.Notification) { n.Header = nil }, ports.ErrForged},
		"two signatures": {func(n *ports.Notification) {
			n.Header = map[string][]string{SignatureHeader: {n.Header[SignatureHeader][0], n.Header[SignatureHeader][0]}}
		}, ports.ErrForged},
		"no hex":  {func(n *ports.Notification) { n.Header = map[string][]string{SignatureHeader: {"t=1,v1=zz"}} }, ports.ErrForged},
		"no time": {func(n *ports.Notification) { n.Header = map[string][]string{SignatureHeader: {"v1=00"}} }, ports.ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := good
			tt.change(&n)
			notice, err := s.ReadNotification(n)
			if !errors.Is(err, tt.want) || err == nil && notice.Key != r.Key {
				t.Errorf("ReadNotification = %+v, %v; want the payment or %v", notice, err, tt.want)
			}
		})
	}
	other := newSimulator(t, Config{NotifySecret: billing.NewSecret("another secret")})
	if _, err := other.ReadNotification(good); !errors.Is(err, ports.ErrForged) {
		t.Errorf("another secret: got error %v, want ErrForged", err)
	}
	if _, err := newSimulator(t, Config{}).ReadNotification(good); !errors.Is(err, ports.ErrForged) {
		t.Errorf("no secret: got error %v, want ErrForged", err)
	}
}

// postCard enters a card on the payment page.
func postCard(t *testing.T, h http.Handler, page, reply, number string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader("reply="+reply+"&card="+number))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
