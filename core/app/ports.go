package app

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Clock tells the time that billing goes by: UTC, cut to the microsecond that
// the database keeps. In development it can be set.
type Clock interface {
	Now() time.Time
}

// Store keeps everything. Its errors are those of [billing] where a method says
// so, [billing.ErrUnavailable] when the database is out of reach, and internal
// otherwise.
type Store interface {
	// InTx runs f in one transaction: all of it is kept, or, when f fails,
	// nothing. f may run again after a conflict with another transaction, so it
	// does nothing but use tx. Uniqueness that is violated may show only when
	// InTx returns. When InTx fails with [billing.ErrUnavailable], the
	// transaction may still have been kept: read it back by its ids.
	InTx(ctx context.Context, f func(tx Repos) error) error
	// Views reads without a transaction.
	Views() Views
}

// Repos is what one transaction can do.
type Repos struct {
	Orders         Orders
	Users          Users
	Plans          Plans
	PaymentSystems PaymentSystems
	Methods        Methods
	Cards          Cardfile
	Subscriptions  Subscriptions
	Payments       Payments
	Events         Events
	Answers        Answers
	Runs           Runs
	Audit          Audit
	Staff          Staff
	Sessions       Sessions
}

// Orders takes orders: it finds out what they are decided by.
type Orders interface {
	// Take first claims the orders' keys as [Answers.Claim] does, all or none, and
	// then returns what there is of what each order names, in their order. Until the
	// transaction ends nobody else changes the plans, archived or not, nor what is
	// live, which is locked, and nobody removes a method.
	Take(ctx context.Context, asked ...OrderQuery) ([]OrderFacts, error)
}

// OrderQuery is what an order names.
type OrderQuery struct {
	Request       *Request               // nil when the request has no Idempotency-Key
	Subscription  billing.SubscriptionID // on which the request does its work
	User          billing.UserID
	Plan          string         // its code or id
	PaymentSystem string         // its code
	Token         billing.Secret // zero when it is paid with a card
}

// OrderFacts is what was found of it; nil is what was not.
type OrderFacts struct {
	Plan          *billing.Plan
	PaymentSystem *billing.PaymentSystem // archived or not
	Live          *billing.Subscription  // the user's, to the plan
	Method        *billing.PaymentMethod // the user's, with the token, and not removed
	Version       Version                // that this transaction will have written, when there is a plan
}

// Users keeps the registry of users.
type Users interface {
	// Seen registers the users at now, or moves the time of their being last seen
	// to now if that is later by a minute.
	Seen(ctx context.Context, now time.Time, ids ...billing.UserID) error
	// Lock makes others wait that lock the same user, until the transaction ends.
	Lock(ctx context.Context, id billing.UserID) error
}

// Plans keeps the catalogue.
type Plans interface {
	// Lock locks and returns the plan with this code or id, archived or not.
	// [billing.ErrPlanNotFound] when there is none.
	Lock(ctx context.Context, ref string) (billing.Plan, error)
	// Add adds a plan. [billing.ErrAlreadyExists] when its code is taken.
	Add(ctx context.Context, p billing.Plan) error
	// Save writes a plan that was locked. [billing.ErrAlreadyExists] when
	// its code is taken by another.
	Save(ctx context.Context, p billing.Plan) error
	// Remove deletes a plan that was locked. [ErrInUse] when somebody ever
	// subscribed to it.
	Remove(ctx context.Context, id billing.PlanID) error
	// Subscribers counts the live subscriptions to a plan, but for those whose
	// first payment is not settled.
	Subscribers(ctx context.Context, id billing.PlanID) (int, error)
}

// PaymentSystems keeps the registry of payment systems.
type PaymentSystems interface {
	// Lock locks and returns the payment system with this code, archived or not.
	// [billing.ErrPaymentSystemNotFound] when there is none.
	Lock(ctx context.Context, code string) (billing.PaymentSystem, error)
	// Add adds one. [billing.ErrAlreadyExists] when its code is taken.
	Add(ctx context.Context, ps billing.PaymentSystem) error
	// Save writes one that is there already.
	Save(ctx context.Context, ps billing.PaymentSystem) error
	// Remove deletes one that was locked. [ErrInUse] when somebody ever used it.
	Remove(ctx context.Context, code string) error
}

// Methods keeps the links between users and their tokens at payment systems.
type Methods interface {
	// Find returns a user's method. [billing.ErrNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error)
	// Add adds methods: with a token that the user has no method with, or made from
	// a card and without a token yet.
	Add(ctx context.Context, m ...billing.PaymentMethod) error
	// Retoken gives a method that was made from a card, and is not removed, this
	// token. What is anything else stays as it is.
	Retoken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error
	// RemoveOf removes every method of the user that was made from the card, or
	// that has the token of one that was, as of the card's removal; their tokens
	// are gone. It waits for transactions that use one of them.
	RemoveOf(ctx context.Context, removed billing.Card) error
}

// Cardfile keeps the viewers' cards.
type Cardfile interface {
	// Same locks and returns the user's card with this fingerprint.
	// [billing.ErrNotFound] when there is none.
	Same(ctx context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error)
	// Find returns a user's card, removed or not, and keeps others from removing
	// it until the transaction ends. [billing.ErrCardNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Lock is Find for whoever is going to change the card.
	Lock(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Add adds a card. [billing.ErrAlreadyExists] when the user has the same.
	Add(ctx context.Context, c billing.Card) error
	// Save writes a card that was locked, all but its number and fingerprint; when
	// it is removed, those are gone.
	Save(ctx context.Context, c billing.Card) error
	// Added returns when the user's newest cards were added, removed ones among
	// them: up to limit, later than since.
	Added(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Declined does the same for the payments that the user made with a card and
	// that were declined, or of which nobody knows yet.
	Declined(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Sending reports whether a payment by a method of the card may be sent to its
	// payment system still: it is pending, and its time to be sent is not over.
	Sending(ctx context.Context, user billing.UserID, id billing.CardID) (bool, error)
}

// SubscriptionKey finds one subscription.
type SubscriptionKey struct {
	User billing.UserID
	ID   billing.SubscriptionID
}

// Subscriptions keeps subscriptions. Whoever needs a subscription and its
// payment locks the subscription first.
type Subscriptions interface {
	// Named locks and returns the subscription that ref names: by its own id, or
	// by its plan's code or id (the live one, else the newest).
	// [billing.ErrNotFound] when the user has none such.
	Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error)
	// Lock locks and returns those that exist, in any order.
	Lock(ctx context.Context, keys ...SubscriptionKey) ([]billing.Subscription, error)
	// Add adds new ones. [billing.ErrAlreadySubscribed] when the user has a live
	// one to the same plan.
	Add(ctx context.Context, s ...billing.Subscription) error
	// LockDue locks and returns those that q asks for, the earliest first, and
	// leaves out those that another transaction has locked.
	LockDue(ctx context.Context, q DueQuery) ([]Due, error)
	// Save writes locked ones.
	Save(ctx context.Context, s ...billing.Subscription) error
	// Replace writes those that nobody has written since the version beside each,
	// without locking them first; those with the zero version are locked.
	// [ErrChanged] when somebody has, perhaps only when InTx returns.
	Replace(ctx context.Context, versions []Version, s ...billing.Subscription) error
}

// DueQuery asks for subscriptions with something to do: those that have not
// ended, whose next charge is at Now or earlier, and that have no payment
// pending.
type DueQuery struct {
	Now     time.Time
	From    time.Time // only those whose next charge is then or later; zero for all
	Systems []string  // only those paid through one of these payment systems
	Limit   int       // at most so many
}

// Due is a subscription with something to do, and what it is paid with.
type Due struct {
	billing.Subscription
	Method  billing.PaymentMethod
	Version Version // that the transaction which locked it will have written
}

// Version tells what one transaction wrote from what any other did. It is good
// for as long as a payment may be sent, and no longer: a store may use it again
// one day. None is the zero one.
type Version uint32

// ErrChanged says that somebody has written what was to be replaced.
var ErrChanged = errors.New("it was changed meanwhile")

// PaymentKey finds one payment.
type PaymentKey struct {
	User billing.UserID
	ID   billing.PaymentID
}

// Payments keeps the intents. Leases of payments are measured on the store's
// own wall clock, the only one that all processes share: billing time can be
// set, and the clocks of two machines differ.
type Payments interface {
	// Add adds pending payments. Whoever adds one may send it to the payment
	// system for as long as send says, and must not afterwards; until then a
	// sweep leaves it alone unless it is released. A subscription that has a
	// pending payment, or a period that is paid for, is [billing.ErrAlreadyExists].
	Add(ctx context.Context, send time.Duration, p ...billing.Payment) error
	// Release offers a pending payment to the sweep at once.
	Release(ctx context.Context, keys ...PaymentKey) error
	// GiveBack is Release for a payment that its sender surely did not send:
	// nobody may send it any more.
	GiveBack(ctx context.Context, keys ...PaymentKey) error
	// TakeUnsettled returns up to limit pending payments that are due for a look,
	// and leaves them to the caller for as long as lease says.
	TakeUnsettled(ctx context.Context, lease time.Duration, limit int) ([]Unsettled, error)
	// Resend gives the caller alone the right to send pending payments for as long
	// as send says, as Add does, and returns those for which it did: not those
	// that somebody else may still be sending, or that are settled.
	Resend(ctx context.Context, send time.Duration, keys ...PaymentKey) ([]PaymentKey, error)
	// Underway returns how long it takes at most until nobody sends any of the
	// renewals that are being sent at this moment; 0 when there are none.
	Underway(ctx context.Context) (time.Duration, error)
	// Lock locks and returns those that exist, in any order.
	Lock(ctx context.Context, keys ...PaymentKey) ([]billing.Payment, error)
	// Save writes locked ones. A period that another payment has paid for is
	// [billing.ErrAlreadyExists].
	Save(ctx context.Context, p ...billing.Payment) error
	// Replace is to Save what [Subscriptions.Replace] is to its. Whoever took a
	// payment for a look has written it.
	Replace(ctx context.Context, versions []Version, p ...billing.Payment) error
}

// Unsettled is a pending payment that a sweep looks at.
type Unsettled struct {
	billing.Payment
	SendOver bool // nobody may send it any more: absence at the payment system is final
}

// Events keeps the history. It only grows.
type Events interface {
	// Append adds events, which have their ids.
	Append(ctx context.Context, e ...billing.Event) error
	// Told reports whether the user has an event of this type at since or later.
	Told(ctx context.Context, user billing.UserID, t billing.EventType, since time.Time) (bool, error)
}

// Run is one run of the renewal job.
type Run struct {
	ID         string
	StartedAt  time.Time
	FinishedAt time.Time // zero while it runs, or when it was killed
	Summary    Summary
	Error      string // why it stopped early, if it did
}

// Runs keeps the runs of the renewal job, for people to look at.
type Runs interface {
	// Put adds a run, or replaces what was kept of it.
	Put(ctx context.Context, r Run) error
}

// Backlog is what waits to be done, and what was done last.
type Backlog struct {
	Pending       int       // payments that are not settled
	OldestPending time.Time // when the first of them was made; zero when there is none
	Due           int       // subscriptions that a run would take up now, as far as they were counted
	OldestDue     time.Time // since when the first of them is due; zero when there is none
	LastRun       Run       // that ended; zero when none did
}

// Story is all that the books say of one payment.
type Story struct {
	billing.Payment
	SendUntil time.Time       // while it is pending: until when somebody may be sending it
	LookAt    time.Time       // while it is pending: when it is looked up next
	Events    []billing.Event // that it caused, oldest first
}

// Request is a request that its sender may repeat: its Idempotency-Key, and
// what is needed to tell a repetition from another request.
type Request struct {
	User        billing.UserID
	Key         string
	Fingerprint [32]byte // over everything that matters in the request
	Owner       string   // which of the requests with this key; unique
}

// Answer is what the first request was answered.
type Answer struct {
	Status int
	Body   []byte
}

// Claim is what is known of a key that was used.
type Claim struct {
	Request
	Subscription billing.SubscriptionID // what the request did its work on; empty if it did none
	Answer       *Answer                // nil while the request runs, or when it died
}

// Answers keeps what requests with an Idempotency-Key were answered.
type Answers interface {
	// Claim notes, together with the work on a subscription, that r did it.
	// [billing.ErrRequestInProgress] when the key is taken.
	Claim(ctx context.Context, r Request, s billing.SubscriptionID) error
	// Find returns the claim on a key. [billing.ErrNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, key string) (Claim, error)
	// Keep keeps the answer to r, if r owns the key or nobody does, and there is
	// no answer yet. It returns the claim as it stands then, whoever owns it.
	Keep(ctx context.Context, r Request, a Answer) (Claim, error)
	// Forget gives a key back that has no answer and that owner claimed.
	Forget(ctx context.Context, user billing.UserID, key, owner string) error
	// Prune removes up to limit claims that are older than age on the store's
	// wall clock.
	Prune(ctx context.Context, age time.Duration, limit int) (int, error)
}

// Page asks for part of a list, newest first.
type Page struct {
	Limit  int    // at least 1
	Before string // only what is older than the item with this id; empty for the newest
}

// SubscriptionView is a subscription with what people ask of it.
type SubscriptionView struct {
	billing.Subscription
	Latest   billing.Payment
	Features []string // of its plan, today
}

// Views reads what viewers see. It locks nothing.
type Views interface {
	// Plans lists all plans, by code.
	Plans(ctx context.Context) ([]billing.Plan, error)
	// PaymentSystems lists all payment systems, by code.
	PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error)
	// Subscription returns the one that ref names, as [Subscriptions.Named] does.
	Subscription(ctx context.Context, user billing.UserID, ref string) (SubscriptionView, error)
	// Subscriptions lists a user's subscriptions.
	Subscriptions(ctx context.Context, user billing.UserID, p Page) ([]SubscriptionView, error)
	// LiveSubscriptions lists those of a user that have not ended.
	LiveSubscriptions(ctx context.Context, user billing.UserID) ([]SubscriptionView, error)
	// Events lists a user's history.
	Events(ctx context.Context, user billing.UserID, p Page) ([]billing.Event, error)
	// Payments lists a user's payments.
	Payments(ctx context.Context, user billing.UserID, p Page) ([]billing.Payment, error)
	// Cards lists a user's cards that are not removed.
	Cards(ctx context.Context, user billing.UserID, p Page) ([]billing.Card, error)
	// Due calls each for those that q asks for, the earliest first; for all
	// payment systems when q names none, and without end when its limit is 0.
	Due(ctx context.Context, q DueQuery, each func(Due) error) error
	// CountDue returns how many q asks for, whatever its limit is.
	CountDue(ctx context.Context, q DueQuery) (int, error)
}

// Provider is a payment system. Only a [Collector] holds one.
//
// An error says that the outcome is not known, unless it is one of the errors
// below. Errors never hold a secret, nor what the payment system answered word
// for word.
type Provider interface {
	// Charge asks for money, once for each key, whatever happens and however
	// often it is called: a repetition gets the first outcome.
	//
	// With a card instead of a token it also saves the card, and the outcome of a
	// charge that succeeded has the token for it. Only a viewer who is there can
	// pay with a card: a merchant's request with one, or any without a CVV, is
	// ErrRefused before anything is sent.
	//
	//	ErrNotSent       this call surely never reached it, and charged nothing
	//	ErrTokenUnknown  it does not know the token; nothing was charged
	//	ErrRefused       it calls the request wrong; nothing was charged
	//	ErrKeyConflict   the key was used for another request
	//	ErrCredentials   it does not accept our credentials; nothing was charged
	//	any other        unknown
	Charge(ctx context.Context, r ChargeRequest) (billing.Outcome, error)
	// Find returns the outcome of the charge with this key.
	//
	//	ErrChargeNotFound  it has no such charge. Once nobody sends the charge any
	//	                   more, it never will have.
	//	any other          not known at the moment
	Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error)
}

// ChargeRequest is all that a payment system is told.
type ChargeRequest struct {
	Key       billing.PaymentID // idempotency key and reference
	Token     billing.Secret
	Card      *Card // instead of a token
	Amount    billing.Money
	Initiator billing.Initiator
}

// Card is what a payment system is told of a bank card, once.
type Card struct {
	billing.CardDetails
	CVV billing.CVV
}

// CheckCard returns [ErrRefused] for a request that no payment system may be
// sent: one with a card and without the viewer or the viewer's CVV, or with both
// a card and a token. Every [Provider] calls it before anything else.
func (r ChargeRequest) CheckCard() error {
	if r.Card == nil {
		return nil
	}
	whole := !r.Card.Number.IsZero() && !r.Card.CVV.IsZero()
	if r.Initiator != billing.CustomerInitiated || !whole || !r.Token.IsZero() {
		return ErrRefused
	}
	return nil
}

// What a [Provider] can say besides an outcome.
var (
	ErrNotSent        = errors.New("the payment system is out of reach; the charge was not sent")
	ErrTokenUnknown   = errors.New("the payment system does not know the token")
	ErrRefused        = errors.New("the payment system refused the request as wrong")
	ErrKeyConflict    = errors.New("the payment system knows the key from another request")
	ErrCredentials    = errors.New("the payment system does not accept our credentials")
	ErrChargeNotFound = errors.New("the payment system has no such charge")
)

// OutcomeName says what a payment system answered in one word of a short list,
// for logs, metrics and traces.
func OutcomeName(o billing.Outcome, err error) string {
	if err == nil {
		return string(o.Status)
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrNotSent, "not_sent"}, {ErrTokenUnknown, "token_unknown"}, {ErrRefused, "refused"},
		{ErrKeyConflict, "key_conflict"}, {ErrCredentials, "credentials"}, {ErrChargeNotFound, "not_found"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return OutcomeUnknown
}

// OutcomeUnknown is the name of an outcome that nobody knows.
const OutcomeUnknown = "unknown"

// Ledger is a payment system that can list what it took, for reconciliation.
type Ledger interface {
	// Charges calls each for every charge that it took money for since the given
	// time, in any order. A key that it charged twice comes twice.
	Charges(ctx context.Context, since time.Time, each func(LedgerEntry) error) error
}

// LedgerEntry is one charge in a payment system's books.
type LedgerEntry struct {
	Key    billing.PaymentID
	Amount billing.Money
	At     time.Time
}

// Books is our side of a reconciliation.
type Books interface {
	// Paid calls each for every payment at the payment system that was settled as
	// succeeded since the given time, and for every one that is still pending.
	Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error
}
