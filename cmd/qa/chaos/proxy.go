package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
)

// proxy forwards connections from the programs to Postgres and cuts some of them at
// COMMIT: before Postgres receives the COMMIT, or after, so that its response is lost.
// It never cuts the connections of the simulator, because a real payment system has
// its own database.
type proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	before   float64 // probability of a cut before the COMMIT
	after    float64 // probability of a cut after the COMMIT

	mu    sync.Mutex
	rng   *rand.Rand
	armed atomic.Bool
	cuts  atomic.Int64
}

// startProxy starts a proxy in front of the server of a database URL.
func startProxy(t *trial, databaseURL string, before, after float64) *proxy {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	t.require("proxy", err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	t.require("proxy", err)
	network, address := "unix", cfg.ConnConfig.Host+"/.s.PGSQL.5432"
	p := &proxy{
		listener: l, before: before, after: after, rng: t.rng("proxy"),
		dial: func() (net.Conn, error) { return net.Dial(network, address) },
	}
	go p.accept(t.ctx)
	t.atEnd(func() { _ = l.Close() })
	return p
}

// url returns databaseURL with the host and port of the proxy.
func (p *proxy) url(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return databaseURL
	}
	q := u.Query()
	host, port, _ := net.SplitHostPort(p.listener.Addr().String())
	q.Set("host", host)
	q.Set("port", port)
	u.RawQuery = q.Encode()
	return u.String()
}

func (p *proxy) accept(ctx context.Context) {
	for ctx.Err() == nil {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go p.serve(client)
		}
	}
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := p.dial()
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	hello, err := readStartup(client)
	if err != nil {
		return
	}
	if _, err := server.Write(hello); err != nil {
		return
	}
	isService := bytes.Contains(hello, []byte(postgres.APIRole)) || bytes.Contains(hello, []byte(postgres.RenewRole))
	var muted atomic.Bool // drop the server's responses
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		copyResponses(client, server, &muted)
		_ = client.Close()
	}()
	p.copyRequests(client, server, isService, &muted)
	if !muted.Load() {
		_ = server.Close()
	}
	<-ended
}

// copyResponses copies the server's responses to the client. Once muted it copies
// nothing more and returns when the server has finished the COMMIT.
func copyResponses(client io.Writer, server io.Reader, muted *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		received := buffer[:n]
		if muted.Load() && bytes.Contains(received, readyForQuery) {
			return // the COMMIT is done, and the client gets no response
		}
		if n > 0 && !muted.Load() {
			if _, err := client.Write(received); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// readyForQuery is the beginning of the message that ends each response.
var readyForQuery = []byte{'Z', 0, 0, 0, 5}

// copyRequests copies the client's messages to the server, and cuts some connections at
// COMMIT if they belong to the service.
func (p *proxy) copyRequests(client io.Reader, server io.Writer, isService bool, muted *atomic.Bool) {
	commits := commits{}
	for {
		message, err := readMessage(client)
		if err != nil {
			return
		}
		if commits.begins(message) && isService {
			switch p.chooseCut() {
			case cutBefore:
				return
			case cutAfter:
				muted.Store(true)
			}
		}
		if _, err := server.Write(message); err != nil {
			return
		}
		if ends := message[0] == 'S' || message[0] == 'Q'; ends && muted.Load() {
			return // the server now has the complete COMMIT
		}
	}
}

// commits holds the names of prepared statements, and whether they are COMMITs.
type commits map[string]bool

// begins reports whether a message makes the server commit: a simple query COMMIT, or
// the binding of a prepared COMMIT.
func (c commits) begins(message []byte) bool {
	words := bytes.SplitN(message[5:], []byte{0}, 3)
	switch message[0] {
	case 'Q':
		return isCommit(words[0])
	case 'P': // name, text
		c[string(words[0])] = len(words) > 1 && isCommit(words[1])
	case 'B': // portal, name
		return len(words) > 1 && c[string(words[1])]
	}
	return false
}

func isCommit(sql []byte) bool { return bytes.EqualFold(bytes.TrimSpace(sql), []byte("commit")) }

const (
	noCut = iota
	cutBefore
	cutAfter
)

// chooseCut draws whether the connection is cut at this COMMIT, and counts cuts.
func (p *proxy) chooseCut() int {
	if !p.armed.Load() {
		return noCut
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch x := p.rng.Float64(); {
	case x < p.before:
		p.cuts.Add(1)
		return cutBefore
	case x < p.before+p.after:
		p.cuts.Add(1)
		return cutAfter
	default:
		return noCut
	}
}

// readStartup reads the first message of a connection, which has no type byte.
func readStartup(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	return readRest(r, length[:])
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	return readRest(r, head[:])
}

// readRest reads the rest of a message. The last four bytes of head are its length.
func readRest(r io.Reader, head []byte) ([]byte, error) {
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > 1<<26 {
		return nil, errors.New("not a Postgres message")
	}
	message := make([]byte, len(head)+int(length)-4)
	copy(message, head)
	_, err := io.ReadFull(r, message[len(head):])
	return message, err
}
