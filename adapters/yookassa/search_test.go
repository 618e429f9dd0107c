package yookassa_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/ports"
)

// counted returns an adapter for the shop that counts the requests for lists.
func counted(t *testing.T, s shop) (*yookassa.YooKassa, *atomic.Int32) {
	t.Helper()
	var lists atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/v3/payments" {
			lists.Add(1)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return newAdapter(t, server.URL+"/v3"), &lists
}

// A sweep looks up many payments of one run. Together they read its window once.
func TestSearch_TogetherReadsOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	from := s.Now()
	for n := range 30 { // also at the limits of the parts
		mustCharge(t, s, numbered(token, n))
		s.Advance(10 * time.Second)
	}
	queries := make([]ports.ChargeQuery, 40)
	for n := range 40 {
		start := from.Add(time.Duration(n) * 10 * time.Second)
		// The latest is the first, because a sweep has no order.
		queries[39-n] = ports.ChargeQuery{Key: numbered(token, n).Key, SentFrom: start, SentUntil: start.Add(20 * time.Second)}
	}
	y, lists := counted(t, s)
	refs, errs := y.SearchAll(time.Now().Add(time.Minute), queries...)
	for n := range queries {
		if found := n >= 10; found && (errs[n] != nil || refs[n] == "") || !found && !errors.Is(errs[n], ports.ErrChargeNotFound) {
			t.Errorf("query %d: %q, %v", n, refs[n], errs[n])
		}
	}
	if n := lists.Load(); n != 8 {
		t.Errorf("the search read %d lists, want 8", n)
	}
}

// Windows that are days apart are read separately.
func TestSearch_ApartReadsEach(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	var queries []ports.ChargeQuery
	for n := range 3 {
		queries = append(queries, ports.ChargeQuery{Key: numbered(token, n).Key, SentFrom: s.Now(), SentUntil: s.Now().Add(time.Second)})
		mustCharge(t, s, numbered(token, n))
		for range 10 { // payments between the windows, which are not read
			s.Advance(2 * time.Hour)
			mustCharge(t, s, numbered(token, 1000+int(s.Now().Unix()%100_000_000)))
		}
	}
	y, lists := counted(t, s)
	refs, errs := y.SearchAll(time.Now().Add(time.Minute), queries...)
	if err := errors.Join(errs...); err != nil || strings.Join(refs, "") == "" {
		t.Errorf("the search found %q, %v", refs, err)
	}
	if n := lists.Load(); n != 24 {
		t.Errorf("the search read %d lists, want 24", n)
	}
}

// An unlimited window absorbs the others.
func TestSearch_Unlimited(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	from := s.Now()
	for n := range 4 {
		mustCharge(t, s, numbered(token, n))
	}
	y, lists := counted(t, s)
	_, errs := y.SearchAll(time.Now().Add(time.Minute),
		ports.ChargeQuery{Key: numbered(token, 0).Key, SentFrom: from, SentUntil: from.Add(time.Second)},
		ports.ChargeQuery{Key: numbered(token, 1).Key, SentUntil: from.Add(time.Second)},
		ports.ChargeQuery{Key: numbered(token, 2).Key, SentFrom: from},
		ports.ChargeQuery{Key: numbered(token, 3).Key},
	)
	if err := errors.Join(errs...); err != nil || lists.Load() != 1 {
		t.Errorf("%v with %d lists, want no error with 1", err, lists.Load())
	}
}

// A part that cannot be read may have the payments that no other part has.
func TestSearch_LostPart(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	from := s.Now()
	mustCharge(t, s, numbered(token, 0))
	var lists atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("created_at.lte") { // the newest part
			lists.Add(1)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	q := ports.ChargeQuery{Key: numbered(token, 0).Key, SentFrom: from, SentUntil: from.Add(20 * time.Second)}
	absent := q
	absent.Key = numbered(token, 1).Key
	refs, errs := newAdapter(t, server.URL+"/v3").SearchAll(time.Now().Add(time.Minute), q, absent)
	if errs[0] != nil || refs[0] == "" {
		t.Errorf("the payment in another part: %q, %v; want it", refs[0], errs[0])
	}
	expectUnknown(t, errs[1])
}

// YooKassa had forgotten the key when the payment was sent again.
func TestFind_IDTwice(t *testing.T) {
	t.Parallel()
	first := paymentJSON(`"id":"new","status":"canceled"`)
	second := paymentJSON(`"id":"old","status":"succeeded"`)
	third := paymentJSON(`"id":"oldest","status":"canceled"`)
	for want, items := range map[string]string{"old": first + "," + second + "," + third, "new": first + "," + third} {
		o, err := serve(t, http.StatusOK, `{"type":"list","items":[`+items+`]}`).Find(t.Context(), ports.ChargeQuery{Key: key})
		if err != nil || o.ProviderRef != want {
			t.Errorf("Find = %+v, %v; want %s", o, err, want)
		}
	}
}

// A lookup returns with its context, even while it waits for the search of another.
func TestFind_EndOfContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = w.Write([]byte(`{"type":"list","items":[` + paymentJSON(`"status":"succeeded"`) + `]}`))
	}))
	defer server.Close()
	y := newAdapter(t, server.URL+"/v3")
	first := make(chan error, 1)
	go func() {
		_, err := y.Find(context.WithoutCancel(t.Context()), ports.ChargeQuery{Key: key})
		first <- err
	}()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := y.Find(ctx, ports.ChargeQuery{Key: key})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Find = %v, want the end of its context", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first Find = %v, want none", err)
	}
}
