package boot

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
)

// Listeners are where a binary serves, and where it is probed.
type Listeners struct{ Public, Ops net.Listener }

// Listen listens at both addresses. The variable is the one that the public
// address is from.
func Listen(variable string, public, ops Address) (l Listeners, err error) {
	if l.Public, err = listen(variable, public); err != nil {
		return l, err
	}
	if l.Ops, err = listen("BILLING_OPS_ADDR", ops); err != nil {
		_ = l.Public.Close()
	}
	return l, err
}

func listen(variable string, addr Address) (net.Listener, error) {
	l, err := net.Listen("tcp", string(addr))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s=%s is in use by another process: stop that one or choose another address", variable, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", variable, addr, err)
	}
	return l, nil
}

// Close closes both.
func (l Listeners) Close() {
	_, _ = l.Public.Close(), l.Ops.Close()
}

// NewServer returns an HTTP server that nobody can keep busy by being slow.
// Longest is how long a request may take.
func NewServer(h http.Handler, longest time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  10 * time.Second,
		WriteTimeout:                 longest,
		IdleTimeout:                  time.Minute,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true, // which answers OPTIONS * with nothing at all
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug), // mostly of clients that hang up
	}
}

// Serving is all that runs in a binary that serves.
type Serving struct {
	Program    string // such as billing-api
	Address    string // what the log calls the public address, such as api_addr
	Listeners  Listeners
	Public     *http.Server // HTTPS when it has a TLS configuration
	Ops        *http.Server
	Health     *Health
	Background []func(context.Context)
	Delay      time.Duration // in which new requests are still served at the end
	Grace      time.Duration // for requests that are under way after that
	Log        *slog.Logger
}

// Run serves until ctx ends or a part fails, then lets requests finish.
func (s *Serving) Run(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return serveOn(s.Public, s.Listeners.Public) })
	g.Go(func() error { return serveOn(s.Ops, s.Listeners.Ops) })
	for _, f := range s.Background {
		g.Go(func() error { f(running); return nil })
	}
	g.Go(func() error {
		<-running.Done()
		return s.shutdown(context.WithoutCancel(ctx))
	})
	s.Log.Info(s.Program+" is up", "version", Version(),
		s.Address, s.Listeners.Public.Addr().String(), "ops_addr", s.Listeners.Ops.Addr().String())
	err := g.Wait()
	s.Log.Info(s.Program + " has stopped")
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
func (s *Serving) shutdown(ctx context.Context) error {
	s.Log.Info(s.Program + " stops; requests under way are finished")
	s.Health.stopping.Store(true)
	<-time.After(s.Delay)
	ctx, cancel := context.WithTimeout(ctx, s.Grace)
	defer cancel()
	err := s.Public.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off after %v: %w", s.Grace, err), s.Public.Close())
	}
	return errors.Join(err, s.Ops.Close())
}
