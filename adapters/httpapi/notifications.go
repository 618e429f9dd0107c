package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	notificationPath    = "/v1/notifications/{payment_system}"
	maxNotificationBody = 64 << 10
)

var (
	errForged               = newHTTPError(http.StatusUnauthorized, "unauthenticated", "nothing proves that the payment system has sent this").withChallenge("")
	errNotificationTooLarge = newHTTPError(http.StatusRequestEntityTooLarge, "request_too_large", "the body is longer than 64 KiB")
)

// notify takes a notification of a payment system. It answers 200 with an empty body
// when the hint is stored, or when there is nothing to look up. The adapter proves where
// the notification comes from, so the body is passed on as it arrived.
func (s *server) notify(w http.ResponseWriter, r *http.Request) {
	if err := s.notified(w, r); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *server) notified(w http.ResponseWriter, r *http.Request) error {
	system := mux.Vars(r)["payment_system"]
	if s.Notified == nil || !validRef(system) {
		return billing.ErrPaymentSystemNotFound
	}
	body, err := readBody(w, r, maxNotificationBody, errNotificationTooLarge)
	if err != nil {
		return err
	}
	n := ports.Notification{Header: r.Header, Body: body, At: time.Now()}
	if peer, ok := parseAddr(r.RemoteAddr); ok {
		n.From = s.Rates.clientAddr(peer, r.Header.Values("X-Forwarded-For"))
	}
	err = s.Notified(r.Context(), system, n)
	if errors.Is(err, ports.ErrForged) {
		return errForged
	}
	return err
}
