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

// proxy stands between the programs and Postgres, and cuts connections while
// they commit: before the COMMIT goes through, or after, so that its answer is
// lost. The connections of the payment system go through unharmed, as they
// would to a system that is somewhere else.
type proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	before   float64 // how likely a COMMIT is cut off before it goes through
	after    float64 // and after it went through

	mu    sync.Mutex
	rng   *rand.Rand
	armed atomic.Bool
	cuts  atomic.Int64
}

// startProxy starts one in front of the server of a database URL.
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

// url leads a database URL through the proxy.
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
	var muted atomic.Bool // the server's answers are lost
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

// answers copies what the server says, until it is muted: then it waits for the
// server to be done.
func copyResponses(client io.Writer, server io.Reader, muted *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		said := buffer[:n]
		if muted.Load() && bytes.Contains(said, readyForQuery) {
			return // the COMMIT is done, and nobody hears of it
		}
		if n > 0 && !muted.Load() {
			if _, err := client.Write(said); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// readyForQuery begins the message that ends each answer.
var readyForQuery = []byte{'Z', 0, 0, 0, 5}

// requests copies what the client says, a message at a time.
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
			return // now it has everything that it needs to commit
		}
	}
}

// commits knows which prepared statements are COMMITs.
type commits map[string]bool

// begins reports whether a message has the server commit: a query that says so,
// or the use of a statement that does.
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

// readStartup reads the first message, which has no type.
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

// readRest reads what follows a head, whose last four bytes say how long it is.
func readRest(r io.Reader, head []byte) ([]byte, error) {
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > 1<<26 {
		return nil, errors.New("not a message of Postgres")
	}
	message := make([]byte, len(head)+int(length)-4)
	copy(message, head)
	_, err := io.ReadFull(r, message[len(head):])
	return message, err
}
