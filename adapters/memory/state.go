package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// state is everything that is kept. The values are never changed in place, so
// that a copy of the maps is a copy of everything.
type state struct {
	users         map[billing.UserID]billing.User
	plans         map[billing.PlanID]billing.Plan
	systems       map[string]billing.PaymentSystem
	methods       map[billing.PaymentMethodID]billing.PaymentMethod
	cards         map[billing.CardID]billing.Card
	madeOf        map[billing.PaymentMethodID]billing.CardID // removed methods that had the token of a card
	subscriptions map[billing.SubscriptionID]billing.Subscription
	payments      map[billing.PaymentID]payment
	events        map[billing.EventID]billing.Event
	claims        map[claimKey]claim
	runs          map[string]ports.Run
	audit         []ports.AuditEntry
	staff         map[string]ports.PanelUser // by name
	sessions      map[ports.SessionKey]ports.Session
	versions      map[string]ports.RowVersion // of subscriptions and payments, by id: the transaction that wrote them last
	version       ports.RowVersion            // of the transaction that made this state
}

func newState() *state {
	return &state{
		users:         make(map[billing.UserID]billing.User),
		plans:         make(map[billing.PlanID]billing.Plan),
		systems:       make(map[string]billing.PaymentSystem),
		methods:       make(map[billing.PaymentMethodID]billing.PaymentMethod),
		cards:         make(map[billing.CardID]billing.Card),
		madeOf:        make(map[billing.PaymentMethodID]billing.CardID),
		subscriptions: make(map[billing.SubscriptionID]billing.Subscription),
		payments:      make(map[billing.PaymentID]payment),
		events:        make(map[billing.EventID]billing.Event),
		claims:        make(map[claimKey]claim),
		runs:          make(map[string]ports.Run),
		staff:         make(map[string]ports.PanelUser),
		sessions:      make(map[ports.SessionKey]ports.Session),
		versions:      make(map[string]ports.RowVersion),
	}
}

func (s *state) clone() *state {
	return &state{
		users:         maps.Clone(s.users),
		plans:         maps.Clone(s.plans),
		systems:       maps.Clone(s.systems),
		methods:       maps.Clone(s.methods),
		cards:         maps.Clone(s.cards),
		madeOf:        maps.Clone(s.madeOf),
		subscriptions: maps.Clone(s.subscriptions),
		payments:      maps.Clone(s.payments),
		events:        maps.Clone(s.events),
		claims:        maps.Clone(s.claims),
		runs:          maps.Clone(s.runs),
		audit:         slices.Clone(s.audit),
		staff:         maps.Clone(s.staff),
		sessions:      maps.Clone(s.sessions),
		versions:      maps.Clone(s.versions),
		version:       s.version + 1,
	}
}

// tx is one transaction: the copy that it works on.
type tx struct {
	*state
	wall    func() time.Time
	refused error // the first thing that a unique rule refused
}

func (t *tx) repos() ports.Repos {
	return ports.Repos{
		Checkout:        orders{t},
		Users:           users{t},
		Plans:           plans{t},
		PaymentSystems:  paymentSystems{t},
		Methods:         methods{t},
		Cards:           cards{t},
		Subscriptions:   subscriptions{t},
		Payments:        payments{t},
		Events:          events{t},
		IdempotencyKeys: answers{t},
		Runs:            runs{t},
		Audit:           audit{t},
		PanelUsers:      staff{t},
		Sessions:        sessions{t},
	}
}

// refuse returns err. Postgres ends a transaction in which a statement failed.
func (t *tx) refuse(err error) error {
	if t.refused == nil {
		t.refused = err
	}
	return err
}
