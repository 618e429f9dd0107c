package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
)

func TestRegistry_WarnsOnceTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		calls := 0
		registry{
			list: func(context.Context) ([]billing.PaymentSystem, error) {
				if calls++; calls < 3 {
					return nil, errors.New("down")
				}
				return []billing.PaymentSystem{{Code: "simulator"}, {Code: "mybank"}, {Code: "old", ArchivedAt: time.Unix(0, 0)}}, nil
			},
			hasAdapter: func(code string) bool { return code == "simulator" },
			retry:      time.Minute, log: slog.New(slog.NewTextHandler(&log, nil)),
		}.run(t.Context())
		got := regexp.MustCompile(`level=WARN msg="payment system has no adapter.* payment_system=(\w+)`).FindAllStringSubmatch(log.String(), -1)
		var codes []string
		for _, m := range got {
			codes = append(codes, m[1])
		}
		if diff := cmp.Diff([]string{"mybank"}, codes); diff != "" {
			t.Errorf("warnings (-want +got):\n%s\n%s", diff, log.String())
		}
	})
}
