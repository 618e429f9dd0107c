package pspclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/online-cinema/billing/core/ports"
)

// All texts of errors are from here. The errors of net/http quote addresses and
// responses, so they are never wrapped.
var (
	errNoSlot      = errors.New("the time was over before a slot was free")
	errTooLong     = errors.New("the response is longer than 1 MiB")
	errUnreadable  = errors.New("the response is not the expected JSON")
	errUntrusted   = errors.New("the certificate is not trusted")
	errUnknownHost = errors.New("the host name cannot be resolved")
	errConnection  = errors.New("the connection failed")
	errCutOff      = errors.New("the connection ended early")
	errTimeout     = errors.New("there was no response in time")
	errExchange    = errors.New("the exchange failed")
)

func notSent(cause error) error { return fmt.Errorf("%w: %w", ports.ErrNotSent, cause) }

// describe replaces an error of net/http by one that quotes nothing.
func describe(ctx context.Context, err error) error {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLong):
		return errTooLong
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errTimeout, ctx.Err())
	case errors.As(err, &dns):
		return errUnknownHost
	case errors.As(err, &certificate):
		return errUntrusted
	case errors.As(err, &errno):
		return fmt.Errorf("%w: %w", errConnection, errno)
	case errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errCutOff
	default:
		return errExchange
	}
}
