package yookassa

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/ports"
)

// Probe reads the settings of the shop. It returns an error if the shop cannot take
// payments. See [ports.Prober].
//
// The API's description promises the settings to partners only. So a shop that may not
// read them is tested by the list of its payments, which lookups need anyway.
func (y *YooKassa) Probe(ctx context.Context) error {
	var shop struct {
		Status string `json:"status"`
	}
	err := y.get(ctx, "/me", &shop)
	switch {
	case errors.Is(err, ports.ErrCredentials):
		err = y.get(ctx, "/payments?limit=1", &struct{}{})
	case err == nil && shop.Status != "enabled":
		err = errors.New("the shop is not enabled")
	}
	if err != nil {
		return fmt.Errorf("yookassa: probe: %w", err)
	}
	return nil
}
