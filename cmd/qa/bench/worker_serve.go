package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// serveWorker serves the API as billing-api does, with the payment system of the
// benchmark. It writes its log to /dev/null.
func serveWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	boot.TuneForLatency()
	store, pool, err := t.Open(ctx, postgres.APIRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = nowhere.Close() }()
	log := slog.New(httpapi.LogHandler(boot.Service{LogFormat: boot.LogJSON}.Logger(nowhere).Handler()))
	verifier, err := auth.New(ctx, auth.Config{
		PublicKeyFile: filepath.Join(t.Keys, "public.pem"), Issuer: issuer, Audience: audience, Now: time.Now, Log: log,
	})
	if err != nil {
		return err
	}
	users := &viewers.LastSeen{Store: store, Clock: clock.System{}}
	api, err := httpapi.New(httpapi.Config{
		Subscriber: &viewers.Subscriber{
			Store: store, Clock: clock.System{}, NewID: boot.NewID,
			Collector: worker.NewCollector(store, clock.System{}, &worker.PaymentSystem{Latency: t.Latency}, log),
		},
		Viewer: viewers.Queries{Store: store, Clock: clock.System{}}, Requests: viewers.Requests{Store: store},
		Feed:    feed.Feed{Store: store},
		UserRef: func(name string) viewers.UserRef { return viewers.UserRef{ID: billing.UserID(name)} },
		Methods: &viewers.Methods{Store: store, Clock: clock.System{}, NewID: boot.NewID},
		Authenticate: func(ctx context.Context, token string) (httpapi.Caller, error) {
			claims, err := verifier.Verify(ctx, token)
			if err != nil {
				return httpapi.Caller{}, err
			}
			id := billing.UserID(auth.UserID(claims.Subject))
			return httpapi.Caller{User: id}, users.Identify(ctx, billing.User{ID: id, Subject: claims.Subject})
		},
		NewID: boot.NewID, Log: log,
	})
	if err != nil {
		return err
	}
	return listenAndServe(api, out)
}

// bareWorker serves the same bytes as the API with net/http alone, with and without
// the query of the API. It has the same garbage collector settings as the API.
func bareWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	boot.TuneForLatency()
	store, pool, err := t.Open(ctx, postgres.APIRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	views := store.Views()
	plans, subscriptions := []byte(t.Plans), []byte(t.Subscriptions)
	respond := func(w http.ResponseWriter, body []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plans", func(w http.ResponseWriter, _ *http.Request) { respond(w, plans) })
	mux.HandleFunc("GET /subscriptions/{user}", func(w http.ResponseWriter, r *http.Request) {
		list, err := views.Subscriptions(r.Context(), billing.UserID(r.PathValue("user")), ports.Page{Limit: 21})
		if err != nil || len(list) != 1 {
			http.Error(w, fmt.Sprint(len(list), err), http.StatusInternalServerError)
			return
		}
		respond(w, subscriptions)
	})
	return listenAndServe(mux, out)
}

// listenAndServe prints its address, and serves until standard input ends.
func listenAndServe(h http.Handler, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Close()
	}()
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
