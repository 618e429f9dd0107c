package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// state is all data of the store. Values are never changed in place, so a copy of the
// maps is a full copy.
type state struct {
	users         map[billing.UserID]billing.User
	plans         map[billing.PlanID]billing.Plan
	planEndings   []billing.PlanEnding // oldest first; never changed in place
	systems       map[string]billing.PaymentSystem
	methods       map[billing.PaymentMethodID]billing.PaymentMethod
	saves         map[billing.PaymentMethodID]save
	tokenRemovals map[billing.PaymentMethodID]tokenRemoval
	cards         map[billing.CardID]billing.Card
	removedWith   map[billing.PaymentMethodID]string // id of the card or the method whose removal removed the method
	subscriptions map[billing.SubscriptionID]billing.Subscription
	payments      map[billing.PaymentID]payment
	refunds       map[billing.RefundID]refund
	contacts      map[billing.UserID]billing.ReceiptContact // the newest one
	allContacts   map[billing.ContactID]billing.ReceiptContact
	receipts      map[billing.ReceiptID]receipt
	grants        map[billing.GrantID]billing.Grant
	reminders     map[reminderKey]reminder
	instructions  map[billing.InstructionID]billing.Instruction
	notes         map[billing.NoteID]billing.Note
	events        map[billing.EventID]billing.Event
	feed          []ports.FeedPlace // of all events, in their order; never appended to in place
	endpoints     map[billing.EndpointID]endpoint
	deliveries    map[deliveryKey]ports.Delivery
	keys          map[userKey]keyRecord
	runs          map[string]ports.Run
	audit         []ports.AuditEntry
	panelUsers    map[string]ports.PanelUser // by name
	sessions      map[ports.SessionKey]ports.Session
	versions      map[string]ports.RowVersion // of subscriptions and payments, by id: the version of the last transaction that wrote the row
	version       ports.RowVersion            // of the transaction that created this state
}

func newState() *state {
	return &state{
		users:         make(map[billing.UserID]billing.User),
		plans:         make(map[billing.PlanID]billing.Plan),
		systems:       make(map[string]billing.PaymentSystem),
		methods:       make(map[billing.PaymentMethodID]billing.PaymentMethod),
		saves:         make(map[billing.PaymentMethodID]save),
		tokenRemovals: make(map[billing.PaymentMethodID]tokenRemoval),
		cards:         make(map[billing.CardID]billing.Card),
		removedWith:   make(map[billing.PaymentMethodID]string),
		subscriptions: make(map[billing.SubscriptionID]billing.Subscription),
		payments:      make(map[billing.PaymentID]payment),
		refunds:       make(map[billing.RefundID]refund),
		contacts:      make(map[billing.UserID]billing.ReceiptContact),
		allContacts:   make(map[billing.ContactID]billing.ReceiptContact),
		receipts:      make(map[billing.ReceiptID]receipt),
		grants:        make(map[billing.GrantID]billing.Grant),
		reminders:     make(map[reminderKey]reminder),
		instructions:  make(map[billing.InstructionID]billing.Instruction),
		notes:         make(map[billing.NoteID]billing.Note),
		events:        make(map[billing.EventID]billing.Event),
		endpoints:     make(map[billing.EndpointID]endpoint),
		deliveries:    make(map[deliveryKey]ports.Delivery),
		keys:          make(map[userKey]keyRecord),
		runs:          make(map[string]ports.Run),
		panelUsers:    make(map[string]ports.PanelUser),
		sessions:      make(map[ports.SessionKey]ports.Session),
		versions:      make(map[string]ports.RowVersion),
	}
}

func (s *state) clone() *state {
	return &state{
		users:         maps.Clone(s.users),
		plans:         maps.Clone(s.plans),
		planEndings:   s.planEndings,
		systems:       maps.Clone(s.systems),
		methods:       maps.Clone(s.methods),
		saves:         maps.Clone(s.saves),
		tokenRemovals: maps.Clone(s.tokenRemovals),
		cards:         maps.Clone(s.cards),
		removedWith:   maps.Clone(s.removedWith),
		subscriptions: maps.Clone(s.subscriptions),
		payments:      maps.Clone(s.payments),
		refunds:       maps.Clone(s.refunds),
		contacts:      maps.Clone(s.contacts),
		allContacts:   maps.Clone(s.allContacts),
		receipts:      maps.Clone(s.receipts),
		grants:        maps.Clone(s.grants),
		reminders:     maps.Clone(s.reminders),
		instructions:  maps.Clone(s.instructions),
		notes:         maps.Clone(s.notes),
		events:        maps.Clone(s.events),
		feed:          slices.Clip(s.feed),
		endpoints:     maps.Clone(s.endpoints),
		deliveries:    maps.Clone(s.deliveries),
		keys:          maps.Clone(s.keys),
		runs:          maps.Clone(s.runs),
		audit:         slices.Clone(s.audit),
		panelUsers:    maps.Clone(s.panelUsers),
		sessions:      maps.Clone(s.sessions),
		versions:      maps.Clone(s.versions),
		version:       s.version + 1,
	}
}

// tx is one transaction, with its copy of the state.
type tx struct {
	*state
	wall      func() time.Time
	abortedBy error // the first error of the store
}

func (t *tx) repos() ports.Repos {
	return ports.Repos{
		Checkout:        checkout{t},
		Users:           users{t},
		Plans:           plans{t},
		PlanGroups:      planGroups{t},
		PlanEndings:     planEndings{t},
		PaymentSystems:  paymentSystems{t},
		Methods:         methods{t},
		Saves:           saves{t},
		TokenRemovals:   tokenRemovals{t},
		Cards:           cards{t},
		CardLimits:      cards{t},
		Subscriptions:   subscriptions{t},
		Due:             dueSubscriptions{t},
		Payments:        payments{t},
		Leases:          paymentLeases{t},
		Rechecks:        rechecks{t},
		Notices:         notices{t},
		Refunds:         refunds{t},
		RefundLeases:    refundLeases{t},
		Receipts:        receipts{t},
		Grants:          grants{t},
		Reminders:       reminders{t},
		Instructions:    instructions{t},
		PersonalData:    personalData{t},
		Events:          events{t},
		Endpoints:       endpoints{t},
		EndpointLeases:  endpointLeases{t},
		Deliveries:      deliveries{t},
		IdempotencyKeys: idempotencyKeys{t},
		Runs:            runs{t},
		Audit:           audit{t},
		PanelUsers:      panelUsers{t},
		Sessions:        sessions{t},
	}
}

// abort prevents the commit and returns err. Postgres aborts a transaction after a
// failed statement as well.
func (t *tx) abort(err error) error {
	if t.abortedBy == nil {
		t.abortedBy = err
	}
	return err
}
