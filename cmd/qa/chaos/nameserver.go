package main

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer resolves every name to its addresses in turn.
type nameServer struct {
	address string

	mu        sync.Mutex
	addresses []netip.Addr
	asked     int
}

// nameServer starts a name server on the loopback interface.
func (t *trial) nameServer(addresses ...string) *nameServer {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	t.require("name server", err)
	t.atEnd(func() { _ = c.Close() })
	s := &nameServer{address: c.LocalAddr().String()}
	s.use(addresses...)
	go s.serve(c)
	return s
}

// use makes the server answer with these addresses.
func (s *nameServer) use(addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses = nil
	for _, a := range addresses {
		s.addresses = append(s.addresses, netip.MustParseAddr(a))
	}
}

// lookups returns the number of lookups of IPv4 addresses.
func (s *nameServer) lookups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *nameServer) next() netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.addresses[(s.asked-1)%len(s.addresses)]
}

func (s *nameServer) serve(c net.PacketConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.Additionals = true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: s.next().As4()},
			}}
		}
		if answer, err := m.Pack(); err == nil {
			_, _ = c.WriteTo(answer, from)
		}
	}
}
