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

// Listeners are the public listener of a server and that of its operators.
type Listeners struct{ Public, Ops net.Listener }

// Listen opens both listeners. variable names the environment variable of the
// public address, for errors.
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
		return nil, fmt.Errorf("%s=%s is in use by another process%s: stop it or choose another address", variable, addr, addr.UsualUser())
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", variable, addr, err)
	}
	return l, nil
}

// UsualUser returns ", perhaps Prometheus" for the port on which Prometheus listens by
// default, which is also that of our metrics.
func (a Address) UsualUser() string {
	if _, port, _ := net.SplitHostPort(string(a)); port == "9090" {
		return ", perhaps Prometheus, whose default port this is"
	}
	return ""
}

// Close closes both listeners.
func (l Listeners) Close() {
	_, _ = l.Public.Close(), l.Ops.Close()
}

// NewServer returns an HTTP server with time limits for slow clients. A response
// must be complete after responseTimeout.
func NewServer(h http.Handler, responseTimeout time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  10 * time.Second,
		WriteTimeout:                 responseTimeout,
		IdleTimeout:                  time.Minute,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * before our handler
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug), // mostly clients that disconnect
	}
}

// Server runs a server: both listeners and the background work.
type Server struct {
	Program    string // such as billing-api
	Address    string // log key of the public address, such as api_addr
	Listeners  Listeners
	Public     *http.Server // serves HTTPS if it has a TLS configuration
	Ops        *http.Server
	Health     *Health
	Background []func(context.Context)
	Delay      time.Duration // after the signal: new requests are still accepted
	Grace      time.Duration // after Delay: time for the requests in flight
	Log        *slog.Logger
}

// Run serves until ctx ends or a part fails, and then shuts down gracefully.
func (s *Server) Run(ctx context.Context) error {
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
	s.Log.Info(s.Program + " stopped")
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

// shutdown loses no request. During Delay /readyz fails, and clients that still
// arrive are served and asked to reconnect elsewhere. Then the public listener
// closes and requests in flight finish. The probes stop last.
func (s *Server) shutdown(ctx context.Context) error {
	s.Log.Info(s.Program + " is stopping; requests in flight will finish")
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
