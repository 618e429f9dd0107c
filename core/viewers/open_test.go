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

// busy is a store whose first transaction is held up until the gate opens, and
// that counts the transactions in which orders are taken.
type busy struct {
	ports.Store
	gate  chan struct{}
	first *sync.Once
	taken *[]int // how many orders in each
}

func (w world) busy(s ports.Store) busy {
	return busy{s, make(chan struct{}), new(sync.Once), new([]int)}
}

func (s busy) InTx(ctx context.Context, f func(ports.Repos) error) error {
	s.first.Do(func() { <-s.gate })
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Checkout = countedOrders{tx.Checkout, s.taken}
		return f(tx)
	})
}

type countedOrders struct {
	ports.Checkout
	taken *[]int
}

func (o countedOrders) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	*o.taken = append(*o.taken, len(asked))
	for _, q := range asked {
		if strings.Contains(q.Token.Reveal(), " ") { // which a database may choke on
			return nil, errors.New("asked for a token that cannot be one")
		}
	}
	return o.Checkout.Take(ctx, asked...)
}

// of is an order for basic of the n-th viewer.
func of(n int, change ...func(*viewers.Subscribe)) viewers.Subscribe {
	cmd := billingtest.SubscribeBasic()
	cmd.User = billing.UserID(fmt.Sprintf("33333333-3333-3333-3333-%012d", n))
	for _, f := range change {
		f(&cmd)
	}
	return cmd
}

// crowd lets viewers subscribe in one process while it is busy with somebody
// else's order, and returns what they are told.
func (w world) crowd(s busy, cmds ...viewers.Subscribe) []error {
	p := w.ProcessOver(s, w.Provider)
	errs := make([]error, len(cmds))
	var all sync.WaitGroup
	for i, cmd := range append([]viewers.Subscribe{of(-1)}, cmds...) {
		all.Go(func() {
			if _, err := p.Subscribe(w.T.Context(), cmd); i > 0 {
				errs[i-1] = err
			}
		})
		synctest.Wait() // in this order
	}
	close(s.gate)
	all.Wait()
	return errs
}

// expectOrdered expects that these viewers have what they ordered, paid for once,
// and that nobody else does but the one who came first.
func (w world) expectOrdered(cmds ...viewers.Subscribe) {
	w.T.Helper()
	for _, cmd := range cmds {
		subs, err := w.Queries().Subscriptions(w.T.Context(), cmd.User, ports.Page{Limit: 10})
		if err != nil || len(subs) != 1 || subs[0].Status != billing.StatusActive || subs[0].Latest.Status != billing.PaymentSucceeded {
			w.T.Errorf("viewer %s has %+v, %v", cmd.User, subs, err)
		}
	}
	w.ExpectCharges(len(cmds) + 1)
	w.ExpectReconciled()
}

func expectBatches(t *testing.T, s busy, want ...int) {
	t.Helper()
	if got := fmt.Sprint(*s.taken); got != fmt.Sprint(want) {
		t.Errorf("orders were taken in batches of %s, want %v", got, want)
	}
}

func inBusyWorld(t *testing.T, f func(t *testing.T, w world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

func TestSubscribeBatch_Sizes(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := w.busy(w.Store)
		var cmds []viewers.Subscribe
		for n := range 20 {
			cmds = append(cmds, of(n))
		}
		if err := errors.Join(w.crowd(s, cmds...)...); err != nil {
			t.Error(err)
		}
		expectBatches(t, s, 1, 8, 8, 4) // and nobody waits for all of them
		w.expectOrdered(cmds...)
	})
}

// TestSubscribeBatch_RefusalAffectsOneRequest has every refusal there is between orders that are fine.
func TestSubscribeBatch_RefusalAffectsOneRequest(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		w.AddPlan("old")
		if _, err := w.Catalog().ArchivePlan(t.Context(), "old"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Process().Subscribe(t.Context(), of(7)); err != nil {
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
			{func(c *viewers.Subscribe) { c.Token = billing.Secret{} }, billing.ErrInvalid},
			{func(c *viewers.Subscribe) { c.User = of(7).User }, billing.ErrAlreadySubscribed},
		}
		var cmds, paid []viewers.Subscribe
		var wants []error
		for i, r := range refusals {
			good, bad := of(100+i), of(200+i, r.change)
			for _, cmd := range []*viewers.Subscribe{&good, &bad} {
				request := w.newRequest()
				request.User, cmd.Request = cmd.User, &request
			}
			cmds, wants, paid = append(cmds, good, bad), append(wants, nil, r.want), append(paid, good)
		}
		s := w.busy(w.Store)
		for i, err := range w.crowd(s, cmds...) {
			billingtest.ExpectError(t, err, wants[i])
			if wants[i] != nil {
				w.expectUnclaimed(*cmds[i].Request)
			} else if _, work, err := w.Process().Replay(t.Context(), *cmds[i].Request); work == nil || err != nil {
				t.Errorf("the key of order %d was not kept: %v", i, err)
			}
		}
		expectBatches(t, s, 1, 8, len(cmds)-8)
		w.expectOrdered(append(paid, of(7))...)
	})
}

// TestSubscribeBatch_AllRefused, also when there is no other order.
func TestSubscribeBatch_AllRefused(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s, dear := w.busy(w.Store), func(c *viewers.Subscribe) { c.Price.Amount++ }
		for _, err := range w.crowd(s, of(0, dear), of(1, dear)) {
			billingtest.ExpectError(t, err, billing.ErrPriceChanged)
		}
		expectBatches(t, s, 1, 2)
		w.expectOrdered()
	})
}

// TestSubscribeBatch_RefusalStoresNoMethod: nothing happened.
func TestSubscribeBatch_RefusalStoresNoMethod(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		dear := of(1, func(c *viewers.Subscribe) { c.Price.Amount++ })
		errs := w.crowd(w.busy(w.Store), of(0), dear)
		billingtest.ExpectError(t, errs[1], billing.ErrPriceChanged)
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: dear.User, PaymentSystem: billingtest.System, Token: dear.Token})
			if err == nil && facts[0].Method != nil {
				t.Errorf("there is %+v", facts[0].Method)
			}
			return err
		})
	})
}

// TestSubscribeBatch_SameViewerTwice: there are two of one viewer among those who
// wait.
func TestSubscribeBatch_SameViewerTwice(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := w.busy(w.Store)
		again := of(1, func(c *viewers.Subscribe) { c.Token = billing.NewSecret("tok_other") })
		errs := w.crowd(s, of(0), of(1), again, of(2))
		billingtest.ExpectError(t, errs[2], billing.ErrAlreadySubscribed)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[1], errs[3]), nil)
		expectBatches(t, s, 1, 3, 1)
		w.expectOrdered(of(0), of(1), of(2))
	})
}

// TestSubscribeBatch_TakenKey, whoever has it.
func TestSubscribeBatch_TakenKey(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		again := of(1)
		request := w.newRequest()
		request.User, again.Request = again.User, &request
		w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.IdempotencyKeys.Claim(ctx, request, "") })
		errs := w.crowd(w.busy(w.Store), of(0), again, of(2))
		billingtest.ExpectError(t, errs[1], billing.ErrRequestInProgress)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		w.expectOrdered(of(0), of(2))
	})
}

// TestSubscribeBatch_UniqueIndex: somebody subscribes elsewhere at this moment,
// and nobody sees it.
func TestSubscribeBatch_UniqueIndex(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		if _, err := w.Process().Subscribe(t.Context(), of(1)); err != nil {
			t.Fatal(err)
		}
		errs := w.crowd(w.busy(blind{w.Store}), of(0), of(1), of(2))
		billingtest.ExpectError(t, errs[1], billing.ErrAlreadySubscribed)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		w.expectOrdered(of(0), of(1), of(2))
	})
}

// slow is a store in which a viewer's things are locked by somebody who is held up
// for longer than it waits.
type slow struct {
	ports.Store
	user billing.UserID
}

func (s slow) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Checkout = slowOrders{tx.Checkout, s.user}
		return f(tx)
	})
}

type slowOrders struct {
	ports.Checkout
	user billing.UserID
}

func (o slowOrders) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for _, q := range asked {
		if q.User != o.user {
			continue
		}
		if len(asked) > 1 { // alone, it would keep the others from this store
			waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			<-waiting.Done()
		}
		return nil, billing.ErrUnavailable
	}
	return o.Checkout.Take(ctx, asked...)
}

// TestSubscribeBatch_LockedViewer: the others go on without the one.
func TestSubscribeBatch_LockedViewer(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		begin := time.Now()
		errs := w.crowd(w.busy(slow{w.Store, of(1).User}), of(0), of(1), of(2))
		billingtest.ExpectError(t, errs[1], billing.ErrUnavailable)
		billingtest.ExpectError(t, errors.Join(errs[0], errs[2]), nil)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("they waited %s", took)
		}
		w.expectOrdered(of(0), of(2))
	})
}

// unanswered is a store that loses its connection while it commits what several
// viewers ordered: all is kept, and nobody is told.
type unanswered struct{ ports.Store }

func (s unanswered) InTx(ctx context.Context, f func(ports.Repos) error) error {
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

// TestSubscribeBatch_LostCommitResponse: each is told that nobody knows, and nothing is
// charged.
func TestSubscribeBatch_LostCommitResponse(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := w.busy(unanswered{w.Store})
		for _, err := range w.crowd(s, of(0), of(1)) {
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

// down is a store that is out of reach but for the first transaction.
type down struct {
	ports.Store
	tried *atomic.Int64
}

func (s down) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.tried.Add(1) > 1 {
		return billing.ErrUnavailable
	}
	return s.Store.InTx(ctx, f)
}

// TestSubscribeBatch_DatabaseDown: who waits for it together need not wait
// again, each alone.
func TestSubscribeBatch_DatabaseDown(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := down{w.Store, new(atomic.Int64)}
		for _, err := range w.crowd(w.busy(s), of(0), of(1)) {
			billingtest.ExpectError(t, err, billing.ErrUnavailable)
		}
		if s.tried.Load() != 3 { // once for those two, once for what became of the first
			t.Errorf("it was tried %d times", s.tried.Load())
		}
	})
}

// TestSubscribeBatch_ClientLeft: nobody waits for an answer any more.
func TestSubscribeBatch_ClientLeft(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := w.busy(w.Store)
		p := w.ProcessOver(s, w.Provider)
		gone, leave := context.WithCancel(t.Context())
		leave()
		var all sync.WaitGroup
		for n, ctx := range []context.Context{t.Context(), t.Context(), gone} {
			all.Go(func() {
				_, err := p.Subscribe(ctx, of(n))
				billingtest.ExpectError(t, err, ctx.Err())
			})
			synctest.Wait()
		}
		close(s.gate)
		all.Wait()
		w.ExpectCharges(2)
	})
}

// TestSubscribeBatch_FirstClientLeaves, whoever of them does the work.
func TestSubscribeBatch_FirstClientLeaves(t *testing.T) {
	inBusyWorld(t, func(t *testing.T, w world) {
		s := w.busy(w.Store)
		p := w.ProcessOver(s, w.Provider)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range 4 {
			by := t.Context()
			if n == 1 {
				by = ctx // it is the first of those who wait, and serves them
			}
			all.Go(func() {
				if _, err := p.Subscribe(by, of(n)); err != nil && n != 1 {
					t.Errorf("viewer %d is told %v", n, err)
				}
			})
			synctest.Wait()
		}
		leave()
		close(s.gate)
		all.Wait()
		expectBatches(t, s, 1, 3)
		for _, n := range []int{2, 3} {
			if subs, err := w.Queries().Subscriptions(t.Context(), of(n).User, ports.Page{Limit: 10}); err != nil || len(subs) != 1 {
				t.Errorf("viewer %d has %+v, %v", n, subs, err)
			}
		}
		w.ExpectReconciled()
	})
}
