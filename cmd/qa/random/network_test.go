package random

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// network connects an adapter with its fake in memory, because a bubble's clock stands
// still while a goroutine waits for a real connection.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newNetwork() *network {
	return &network{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial returns a new connection to the server.
func (n *network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements [net.Listener].
func (*network) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// serve serves h until the server is closed. Each request has a connection of its own: a
// connection that is used again would make net/http repeat some requests.
func (n *network) serve(h http.Handler) *http.Server {
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	server.SetKeepAlivesEnabled(false)
	go func() { _ = server.Serve(n) }()
	return server
}
