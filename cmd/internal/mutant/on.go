//go:build mutant

package mutant

import (
	"context"
	"fmt"
	"os"

	"github.com/online-cinema/billing/core/ports"
)

// planted is the name of the bug.
func planted() string { return os.Getenv("BILLING_MUTANT") }

// providerBugs are mistakes in how payment systems are asked.
var providerBugs = map[string]func(ports.Provider) ports.Provider{
	"new-key-on-retry":    func(p ports.Provider) ports.Provider { return newKeyOnRetry{p} },
	"timeout-is-decline":  func(p ports.Provider) ports.Provider { return timeoutIsDecline{p} },
	"amount-not-compared": func(p ports.Provider) ports.Provider { return amountNotCompared{p} },
}

// repoBugs are mistakes in what a transaction does.
var repoBugs = map[string]func(*bug, *ports.Repos){
	"charge-in-transaction":    chargeInTransaction,
	"claim-without-lock":       claimWithoutLock,
	"unguarded":                claimWithoutLock, // and the schema has no unique rule either
	"watermark-not-reset":      watermarkNotReset,
	"settle-without-rereading": settleWithoutRereading,
	"change-without-lock":      changeWithoutLock,
	"removal-does-not-wait":    removalDoesNotWait,
	"resend-without-grant":     resendWithoutGrant,
	"written-over":             writtenOver,
	"no-send-window":           noSendWindow,
	"price-from-cache":         priceFromCache,
	"renewal-at-todays-price":  renewalAtTodaysPrice,
	"cancelled-is-renewed":     cancelledIsRenewed,
	"key-not-claimed":          keyNotClaimed,
	"history-forgotten":        historyForgotten,
	"anchor-drifts":            anchorDrifts,
}

// bug is what the mistakes of a process share.
type bug struct {
	store     ports.Store
	providers map[string]ports.Provider
}

// Providers returns p with the bug planted, if it is one of these.
func Providers(p map[string]ports.Provider) map[string]ports.Provider {
	plant, ok := providerBugs[planted()]
	if !ok {
		return p
	}
	spoilt := make(map[string]ports.Provider, len(p))
	for code, one := range p {
		spoilt[code] = plant(one)
	}
	return spoilt
}

// Store returns s with the bug planted, if it is one of these. A name that is
// neither here nor there is refused loudly: a bug that is not planted is not found.
func Store(s ports.Store, providers map[string]ports.Provider) ports.Store {
	plant, ok := repoBugs[planted()]
	if _, other := providerBugs[planted()]; !ok && !other && planted() != "" && planted() != "no-unique-rule" {
		panic(fmt.Sprintf("there is no bug named %q", planted()))
	}
	if !ok {
		return s
	}
	return spoiltStore{s, &bug{s, providers}, plant}
}

type spoiltStore struct {
	ports.Store
	bug   *bug
	plant func(*bug, *ports.Repos)
}

func (s spoiltStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		s.plant(s.bug, &tx)
		return f(tx)
	})
}
