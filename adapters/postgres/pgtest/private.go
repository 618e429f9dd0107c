package pgtest

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/local"
)

// Server is a Postgres for one test, which can stop it while it is in use.
type Server struct {
	t   testing.TB
	dir string
	url string
	srv *local.Server // nil while stopped
}

// Private starts a server for this test only, with one migrated database. That takes
// about a second, so use [New] unless the server must stop during the test.
func Private(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: privateDir(t)}
	s.Start()
	t.Cleanup(s.Stop)
	if _, err := postgres.Migrate(t.Context(), s.URL(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatalf("private server: %v", err)
	}
	return s
}

// URL returns the superuser's URL of the server's database. It is the same after every
// start.
func (s *Server) URL() string { return s.url }

// Start starts the server again, with all committed data.
func (s *Server) Start() {
	s.t.Helper()
	if s.srv != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	srv, err := local.Open(ctx, local.Config{Dir: s.dir, Download: true, Announce: announce})
	if err != nil {
		s.t.Fatalf("private server: %v", err)
	}
	s.srv, s.url = srv, srv.URL()
}

// Stop stops the server like an operator: it ends all connections immediately, and new
// ones are refused.
func (s *Server) Stop() {
	s.t.Helper()
	if s.srv == nil {
		return
	}
	if err := s.srv.Close(); err != nil {
		s.t.Errorf("private server: %v", err)
	}
	s.srv = nil
}

func privateDir(t testing.TB) string {
	t.Helper()
	// The path of t.TempDir can be too long for a socket. If root runs the test, no
	// other user may enter that folder.
	dir, err := os.MkdirTemp(scratch(), "billing-private-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
