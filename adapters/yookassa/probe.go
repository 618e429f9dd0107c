package yookassa

import (
	"context"
	"errors"
	"fmt"
)

// Probe reads the settings of the shop. It returns an error if the shop cannot take
// payments. See [ports.Prober].
func (y *YooKassa) Probe(ctx context.Context) error {
	var shop struct {
		Status string `json:"status"`
	}
	err := y.get(ctx, "/me", &shop)
	if err == nil && shop.Status != "enabled" {
		err = errors.New("the shop is not enabled")
	}
	if err != nil {
		return fmt.Errorf("yookassa: probe: %w", err)
	}
	return nil
}
