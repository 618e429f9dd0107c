package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

type listeners struct{ api, ops net.Listener }

func listen(cfg boot.API) (l listeners, err error) {
	if l.api, err = listenAt("BILLING_API_ADDR", cfg.APIAddr); err != nil {
		return l, err
	}
	if l.ops, err = listenAt("BILLING_OPS_ADDR", cfg.OpsAddr); err != nil {
		l.close()
	}
	return l, err
}

func listenAt(variable string, addr boot.Address) (net.Listener, error) {
	l, err := net.Listen("tcp", string(addr))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s=%s is in use by another process: stop that one or choose another address", variable, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", variable, addr, err)
	}
	return l, nil
}

func (l listeners) close() {
	for _, one := range []net.Listener{l.api, l.ops} {
		if one != nil {
			_ = one.Close()
		}
	}
}

// server is an HTTP server that nobody can keep busy by being slow.
func server(h http.Handler, longest time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      longest,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // mostly of clients that hang up
	}
}

// service is all that runs.
type service struct {
	api, ops   *http.Server
	listeners  listeners
	health     *health
	background []func(context.Context)
	delay      time.Duration // in which new requests are still served at the end
	grace      time.Duration // for requests that are under way after that
	log        *slog.Logger
}

// run serves until ctx ends or a part fails, then lets requests finish.
func (s *service) run(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return serveOn(s.api, s.listeners.api) })
	g.Go(func() error { return serveOn(s.ops, s.listeners.ops) })
	for _, f := range s.background {
		g.Go(func() error { f(running); return nil })
	}
	g.Go(func() error {
		<-running.Done()
		return s.shutdown(context.WithoutCancel(ctx))
	})
	s.log.Info("billing-api is up", "version", boot.Version(),
		"api_addr", s.listeners.api.Addr().String(), "ops_addr", s.listeners.ops.Addr().String())
	err := g.Wait()
	s.log.Info("billing-api has stopped")
	return err
}

func serveOn(s *http.Server, l net.Listener) error {
	serve := s.Serve
	if s.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shutdown stops in the order that loses no request: not ready any more, while
// whoever has not noticed yet is still served and told to connect anew; then no
// new connections, the answers to those that there are, and health last.
func (s *service) shutdown(ctx context.Context) error {
	s.log.Info("billing-api stops; requests under way are finished")
	s.health.stopping.Store(true)
	<-time.After(s.delay)
	ctx, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	err := s.api.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off after %v: %w", s.grace, err), s.api.Close())
	}
	return errors.Join(err, s.ops.Close())
}
