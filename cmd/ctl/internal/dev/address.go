package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// claimAddresses finds out before anything is started whether the addresses are
// free, and puts a free port in the place of port 0.
func (o *Options) claimAddresses(ctx context.Context) error {
	for flag, addr := range map[string]*boot.Address{"--api-addr": &o.APIAddr, "--admin-addr": &o.AdminAddr, "--ops-addr": &o.OpsAddr, "the panel's health": &o.panelOps} {
		free, err := claim(ctx, *addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is in use, perhaps by another billingctl dev: stop that one, or choose another address with %s", *addr, flag)
		}
		if err != nil {
			return fmt.Errorf("%s %s cannot be used: %w", flag, *addr, err)
		}
		*addr = free
	}
	return nil
}

func claim(ctx context.Context, addr boot.Address) (boot.Address, error) {
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
