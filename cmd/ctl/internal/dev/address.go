package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// checkAddresses fails if an address is in use, before any process starts. It
// replaces port 0 with a free port.
func (o *Options) checkAddresses(ctx context.Context) error {
	for flag, addr := range map[string]*boot.Address{"--api-addr": &o.APIAddr, "--admin-addr": &o.AdminAddr, "--ops-addr": &o.OpsAddr, "the panel's health probe": &o.panelOps} {
		free, err := freeAddress(ctx, *addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is in use, possibly by another billingctl dev%s: stop it, or choose another address with %s", *addr, addr.UsualUser(), flag)
		}
		if err != nil {
			return fmt.Errorf("%s %s cannot be used: %w", flag, *addr, err)
		}
		*addr = free
	}
	return nil
}

// freeAddress listens at addr for a moment and returns it, with a free port for port 0.
func freeAddress(ctx context.Context, addr boot.Address) (boot.Address, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", string(addr))
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	host, port, err := net.SplitHostPort(string(addr))
	if err != nil || port != "0" {
		return addr, err
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	return boot.Address(net.JoinHostPort(host, port)), err
}
