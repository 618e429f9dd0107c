package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// gatedStore holds its first transaction until the gate is closed, and records the
// sizes of checkout batches.
type gatedStore struct {
	ports.Store
	gate  chan struct{}
	first *sync.Once
	sizes *[]int
}

func newGatedStore(s ports.Store) gatedStore {
	return gatedStore{s, make(chan struct{}), new(sync.Once), new([]int)}
}

func (s gatedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	s.first.Do(func() { <-s.gate })
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Checkout = countedCheckout{tx.Checkout, s.sizes}
		return f(tx)
	})
}

type countedCheckout struct {
	ports.Checkout
	sizes *[]int
}

func (c countedCheckout) Take(ctx context.Context, queries ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	*c.sizes = append(*c.sizes, len(queries))
	for _, q := range queries {
		if strings.Contains(q.Token.Reveal(), " ") { // invalid tokens must not reach the database
			return nil, errors.New("the query has an invalid token")
		}
	}
	return c.Checkout.Take(ctx, queries...)
}

// subscribeAs is the command by which the n-th viewer subscribes to the plan basic.
func subscribeAs(n int, change ...func(*viewers.Subscribe)) viewers.Subscribe {
	cmd := billingtest.SubscribeBasic()
	cmd.User = billing.UserID(fmt.Sprintf("33333333-3333-3333-3333-%012d", n))
	for _, f := range change {
		f(&cmd)
	}
	return cmd
}

// subscribeBatch runs commands in one process while its first transaction, of
// another viewer, is held. So the commands share a batch. It returns their errors.
func (w world) subscribeBatch(s gatedStore, cmds ...viewers.Subscribe) []error {
	p := w.ProcessOver(s, w.Provider)
	errs := make([]error, len(cmds))
	var all sync.WaitGroup
	for i, cmd := range append([]viewers.Subscribe{subscribeAs(-1)}, cmds...) {
		all.Go(func() {
			if _, err := p.Subscribe(w.T.Context(), cmd); i > 0 {
				errs[i-1] = err
			}
		})
		synctest.Wait() // keeps the order
	}
	close(s.gate)
	all.Wait()
	return errs
}

// expectSubscribed expects an active, paid subscription of each command's viewer. The
// ledger must have their charges and the one of the held transaction, and no others.
func (w world) expectSubscribed(cmds ...viewers.Subscribe) {
	w.T.Helper()
	for _, cmd := range cmds {
		subs, err := w.Queries().Subscriptions(w.T.Context(), cmd.User, ports.Page{Limit: 10})
		if err != nil || len(subs) != 1 || subs[0].Status != billing.StatusActive || subs[0].Latest.Status != billing.PaymentSucceeded {
			w.T.Errorf("viewer %s has %+v, %v, want one paid subscription", cmd.User, subs, err)
		}
	}
	w.ExpectCharges(len(cmds) + 1)
	w.ExpectReconciled()
}

func expectBatches(t *testing.T, s gatedStore, want ...int) {
	t.Helper()
	if got := fmt.Sprint(*s.sizes); got != fmt.Sprint(want) {
		t.Errorf("batches of %s, want %v", got, want)
	}
}

func inBubble(t *testing.T, f func(t *testing.T, w world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

func TestSubscribeBatch_Sizes(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := newGatedStore(w.Store)
		var cmds []viewers.Subscribe
		for n := range 20 {
			cmds = append(cmds, subscribeAs(n))
		}
		if err := errors.Join(w.subscribeBatch(s, cmds...)...); err != nil {
			t.Error(err)
		}
		expectBatches(t, s, 1, 8, 8, 4) // eight is the target size
		w.expectSubscribed(cmds...)
	})
}

// A batch has every kind of refused command, each between valid ones.
func TestSubscribeBatch_RefusalAffectsOneRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		w.AddPlan("old")
		if _, err := w.Catalog().ArchivePlan(t.Context(), "old"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Process().Subscribe(t.Context(), subscribeAs(7)); err != nil {
			t.Fatal(err)
		}
		refusals := []struct {
			change func(*viewers.Subscribe)
			want   error
		}{
			{func(c *viewers.Subscribe) { c.Price.Amount++ }, billing.ErrPriceChanged},
			{func(c *viewers.Subscribe) { c.Plan = "gold" }, billing.ErrPlanNotFound},
			{func(c *viewers.Subscribe) { c.Plan = "old" }, billing.ErrPlanNotFound},
			{func(c *viewers.Subscribe) { c.PaymentSystem = "none" }, billing.ErrPaymentSystemNotFound},
			{func(c *viewers.Subscribe) { c.Token = billing.NewSecret("tok visa") }, billing.ErrInvalid},
			{func(c *viewers.Subscribe) { c.Token = billing.NewSecret("two words") }, billing.ErrInvalid},
			{func(c *viewers.Subscribe) { c.User = subscribeAs(7).User }, billing.ErrAlreadySubscribed},
		}
		var cmds, paid []viewers.Subscribe
		var wants []error
		for i, r := range refusals {
			good, bad := subscribeAs(100+i), subscribeAs(200+i, r.change)
			for _, cmd := range []*viewers.Subscribe{&good, &bad} {
				request := w.newRequest()
				request.User, cmd.Request = cmd.User, &request
			}
			cmds, wants, paid = append(cmds, good, bad), append(wants, nil, r.want), append(paid, good)
		}
		s := newGatedStore(w.Store)
		for i, err := range w.subscribeBatch(s, cmds...) {
			billingtest.ExpectError(t, err, wants[i])
			if wants[i] != nil {
				w.expectUnclaimed(*cmds[i].Request)
			} else if _, work, err := w.Process().Replay(t.Context(), *cmds[i].Request); work == nil || err != nil {
				t.Errorf("the key of command %d is not claimed: %v", i, err)
			}
		}
		expectBatches(t, s, 1, 8, len(cmds)-8)
		w.expectSubscribed(append(paid, subscribeAs(7))...)
	})
}

func TestSubscribeBatch_AllRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s, dear := newGatedStore(w.Store), func(c *viewers.Subscribe) { c.Price.Amount++ }
		for _, err := range w.subscribeBatch(s, subscribeAs(0, dear), subscribeAs(1, dear)) {
			billingtest.ExpectError(t, err, billing.ErrPriceChanged)
		}
		expectBatches(t, s, 1, 2)
		w.expectSubscribed()
	})
}

func TestSubscribeBatch_RefusalStoresNoMethod(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		dear := subscribeAs(1, func(c *viewers.Subscribe) { c.Price.Amount++ })
		errs := w.subscribeBatch(newGatedStore(w.Store), subscribeAs(0), dear)
		billingtest.ExpectError(t, errs[1], billing.ErrPriceChanged)
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: dear.User, PaymentSystem: billingtest.System, Token: dear.Token})
			if err == nil && facts[0].Method != nil {
				t.Errorf("the payment method %+v is stored", facts[0].Method)
			}
			return err
		})
	})
}

// The second command of a viewer leaves the batch, so that it sees the first one.
func TestSubscribeBatch_SameViewerTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := newGatedStore(w.Store)
		second := subscribeAs(1, func(c *viewers.Subscribe) { c.Token = billing.NewSecret("tok_other") })
		errs := w.subscribeBatch(s, subscribeAs(0), subscribeAs(1), second, subscribeAs(2))
		billingtest.ExpectError(t, errs[2], billing.ErrAlreadySubscribed)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[1], errs[3]), nil)
		expectBatches(t, s, 1, 3, 1)
		w.expectSubscribed(subscribeAs(0), subscribeAs(1), subscribeAs(2))
	})
}

// Another request has claimed the key of one command.
func TestSubscribeBatch_TakenKey(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		taken := subscribeAs(1)
		request := w.newRequest()
		request.User, taken.Request = taken.User, &request
		w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.IdempotencyKeys.Claim(ctx, request, "") })
		errs := w.subscribeBatch(newGatedStore(w.Store), subscribeAs(0), taken, subscribeAs(2))
		billingtest.ExpectError(t, errs[1], billing.ErrRequestInProgress)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		w.expectSubscribed(subscribeAs(0), subscribeAs(2))
	})
}

// A viewer has subscribed in another process, and the batch does not see it.
func TestSubscribeBatch_UniqueIndex(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		if _, err := w.Process().Subscribe(t.Context(), subscribeAs(1)); err != nil {
			t.Fatal(err)
		}
		errs := w.subscribeBatch(newGatedStore(blindStore{w.Store}), subscribeAs(0), subscribeAs(1), subscribeAs(2))
		billingtest.ExpectError(t, errs[1], billing.ErrAlreadySubscribed)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		w.expectSubscribed(subscribeAs(0), subscribeAs(1), subscribeAs(2))
	})
}

// lockedStore is a store where another transaction holds a viewer's lock for longer
// than the lock time-out.
type lockedStore struct {
	ports.Store
	user billing.UserID
}

func (s lockedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Checkout = lockedCheckout{tx.Checkout, s.user}
		return f(tx)
	})
}

type lockedCheckout struct {
	ports.Checkout
	user billing.UserID
}

func (c lockedCheckout) Take(ctx context.Context, queries ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for _, q := range queries {
		if q.User != c.user {
			continue
		}
		if len(queries) > 1 { // a single query would block other callers of this store
			waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			<-waiting.Done()
		}
		return nil, billing.ErrUnavailable
	}
	return c.Checkout.Take(ctx, queries...)
}

// The batch goes on without the locked viewer.
func TestSubscribeBatch_LockedViewer(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		begin := time.Now()
		errs := w.subscribeBatch(newGatedStore(lockedStore{w.Store, subscribeAs(1).User}), subscribeAs(0), subscribeAs(1), subscribeAs(2))
		billingtest.ExpectError(t, errs[1], billing.ErrUnavailable)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("the batch took %s, want at most 2s", took)
		}
		w.expectSubscribed(subscribeAs(0), subscribeAs(2))
	})
}

// lostCommitStore loses the connection during the commit of several payments. They
// are committed, but InTx returns an error.
type lostCommitStore struct{ ports.Store }

func (s lostCommitStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	several := false
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = watchedPayments{tx.Payments, &several}
		return f(tx)
	})
	if err == nil && several {
		return billing.ErrUnavailable
	}
	return err
}

type watchedPayments struct {
	ports.Payments
	several *bool
}

func (p watchedPayments) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	*p.several = len(list) > 1
	return p.Payments.Add(ctx, send, list...)
}

// The payments may be stored, so Subscribe neither retries nor charges. Each caller
// gets an error.
func TestSubscribeBatch_LostCommitResponse(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := newGatedStore(lostCommitStore{w.Store})
		for _, err := range w.subscribeBatch(s, subscribeAs(0), subscribeAs(1)) {
			billingtest.ExpectError(t, err, billing.ErrUnavailable)
		}
		expectBatches(t, s, 1, 2)
		w.ExpectCharges(1)
		w.Clock.Advance(billingtest.PastSendWindow)
		w.ExpectSweep(2, 0)
		w.ExpectCharges(1)
		w.ExpectReconciled()
	})
}

// downStore is unavailable after the first transaction.
type downStore struct {
	ports.Store
	transactions *atomic.Int64
}

func (s downStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.transactions.Add(1) > 1 {
		return billing.ErrUnavailable
	}
	return s.Store.InTx(ctx, f)
}

// Commands of a failed batch are not retried one by one while the database is down.
func TestSubscribeBatch_DatabaseDown(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := downStore{w.Store, new(atomic.Int64)}
		for _, err := range w.subscribeBatch(newGatedStore(s), subscribeAs(0), subscribeAs(1)) {
			billingtest.ExpectError(t, err, billing.ErrUnavailable)
		}
		if n := s.transactions.Load(); n != 3 { // the first intent, the batch, the first outcome
			t.Errorf("%d transactions were begun, want 3", n)
		}
	})
}

// A client that is gone when its batch starts is not charged.
func TestSubscribeBatch_ClientLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := newGatedStore(w.Store)
		p := w.ProcessOver(s, w.Provider)
		gone, leave := context.WithCancel(t.Context())
		leave()
		var all sync.WaitGroup
		for n, ctx := range []context.Context{t.Context(), t.Context(), gone} {
			all.Go(func() {
				_, err := p.Subscribe(ctx, subscribeAs(n))
				billingtest.ExpectError(t, err, ctx.Err())
			})
			synctest.Wait()
		}
		close(s.gate)
		all.Wait()
		w.ExpectCharges(2)
	})
}

// The first caller of a batch runs it for all, and must finish it after its own client
// has left.
func TestSubscribeBatch_FirstClientLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, w world) {
		s := newGatedStore(w.Store)
		p := w.ProcessOver(s, w.Provider)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range 4 {
			callCtx := t.Context()
			if n == 1 {
				callCtx = ctx // the first call of the second batch, which runs it
			}
			all.Go(func() {
				if _, err := p.Subscribe(callCtx, subscribeAs(n)); err != nil && n != 1 {
					t.Errorf("Subscribe of viewer %d: %v", n, err)
				}
			})
			synctest.Wait()
		}
		leave()
		close(s.gate)
		all.Wait()
		expectBatches(t, s, 1, 3)
		for _, n := range []int{2, 3} {
			if subs, err := w.Queries().Subscriptions(t.Context(), subscribeAs(n).User, ports.Page{Limit: 10}); err != nil || len(subs) != 1 {
				t.Errorf("viewer %d has %+v, %v, want one subscription", n, subs, err)
			}
		}
		w.ExpectReconciled()
	})
}
