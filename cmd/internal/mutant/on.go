//go:build mutant

package mutant

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/online-cinema/billing/core/ports"
)

// planted returns the name of the bug to plant, or "".
func planted() string { return os.Getenv("BILLING_MUTANT") }

// providerBugs are mistakes in calls to payment systems.
var providerBugs = map[string]func(ports.Provider) ports.Provider{
	"new-key-on-retry":         func(p ports.Provider) ports.Provider { return newKeyOnRetry{p} },
	"timeout-is-decline":       func(p ports.Provider) ports.Provider { return timeoutIsDecline{p} },
	"amount-not-compared":      func(p ports.Provider) ports.Provider { return amountNotCompared{p} },
	"unknown-token-is-decline": func(p ports.Provider) ports.Provider { return unknownTokenIsDecline{p} },
	"failed-lookup-is-absence": func(p ports.Provider) ports.Provider { return failedLookupIsAbsence{p} },
	"lag-believed":             func(p ports.Provider) ports.Provider { return noSettling{p} },
	"new-key-after-horizon":    func(p ports.Provider) ports.Provider { return noHorizon{p} },
	notificationBelieved:       func(p ports.Provider) ports.Provider { return believing{p} },
	"unknown-is-given-up":      func(p ports.Provider) ports.Provider { return unknownIsGivenUp{p, new(sync.Map)} },
	"lookups-stop-charges":     func(p ports.Provider) ports.Provider { return lookupsStopCharges{p, new(atomic.Int64)} },
	"hard-decline-ends":        func(p ports.Provider) ports.Provider { return hardDeclineEnds{p} },
	payShortensGrace:           func(p ports.Provider) ports.Provider { return ownDeclines{p} },
	receiptDropped:             func(p ports.Provider) ports.Provider { return chargedWithoutReceipt{p} },
	pagePaidTwice:              func(p ports.Provider) ports.Provider { return cancelledUnseen{p} },
}

// repoBugs are mistakes in transactions.
var repoBugs = map[string]func(*bug, *ports.Repos){
	"charge-in-transaction":    chargeInTransaction,
	"claim-without-lock":       claimWithoutLock,
	"unguarded":                claimWithoutLock, // the suite also drops the unique indexes
	"watermark-not-reset":      watermarkNotReset,
	"settle-without-rereading": settleWithoutRereading,
	"change-without-lock":      changeWithoutLock,
	"removal-does-not-wait":    removalDoesNotWait,
	"cancel-does-not-wait":     cancelDoesNotWait,
	"confirmation-ignored":     confirmationIgnored,
	"resend-without-grant":     resendWithoutGrant,
	"earlier-absence":          earlierAbsence,
	"written-over":             writtenOver,
	"no-send-window":           noSendWindow,
	"price-from-cache":         priceFromCache,
	"renewal-at-todays-price":  renewalAtTodaysPrice,
	"cancelled-is-renewed":     cancelledIsRenewed,
	"ending-plan-renewed":      endingPlanRenewed,
	"notice-not-checked":       noticeNotChecked,
	"key-not-claimed":          keyNotClaimed,
	notificationBelieved:       noteNotifications,
	"group-not-checked":        groupNotChecked, // the suite also drops the unique index
	"history-forgotten":        historyForgotten,
	"anchor-drifts":            anchorDrifts,
	payShortensGrace:           ownDeclineIsRenewal,
	"refund-before-intent":     refundBeforeIntent,
	"two-pushers-no-lease":     pushWithoutLease,
	"limit-not-checked":        limitNotChecked,
	"instruction-twice":        instructionTwice,
	"grant-overwrites":         grantOverwrites,
}

// bug holds the undecorated dependencies that decorators use.
type bug struct {
	store     ports.Store
	providers map[string]ports.Provider
}

// Providers returns p with the planted bug, if it is one of providerBugs.
func Providers(p map[string]ports.Provider) map[string]ports.Provider {
	plant, ok := providerBugs[planted()]
	if !ok {
		return p
	}
	return wrap(p, plant)
}

// wrap returns the payment systems with a bug planted in each.
func wrap[Part any](systems map[string]Part, plant func(Part) Part) map[string]Part {
	mutated := make(map[string]Part, len(systems))
	for code, one := range systems {
		mutated[code] = plant(one)
	}
	return mutated
}

// Store returns s with the planted bug, if it is one of storeBugs or repoBugs. It
// panics if BILLING_MUTANT names no known bug, because the suite would search for it in
// vain.
func Store(s ports.Store, providers map[string]ports.Provider) ports.Store {
	if plant, ok := storeBugs[planted()]; ok {
		return plant(s)
	}
	plant, ok := repoBugs[planted()]
	elsewhere := []string{"", "no-unique-rule", "price-without-agreement", "refund-not-reserved", consentNotVerified, refundNewKey, cursorByID,
		redirectFollowed, addressCheckedEarly, oldTimestampSigned}
	if _, other := providerBugs[planted()]; !ok && !other && !slices.Contains(elsewhere, planted()) {
		panic(fmt.Sprintf("BILLING_MUTANT=%q names no known bug", planted()))
	}
	if !ok {
		return s
	}
	return mutantStore{s, &bug{s, providers}, plant}
}

type mutantStore struct {
	ports.Store
	bug   *bug
	plant func(*bug, *ports.Repos)
}

func (s mutantStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		s.plant(s.bug, &tx)
		return f(tx)
	})
}
