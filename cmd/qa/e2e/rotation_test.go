package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

type vaultStatus struct {
	Keys []struct {
		ID             uint32
		Primary        bool
		Enabled        bool
		Cards          int
		PaymentMethods int `json:"payment_methods"`
	}
	ClearTokens int `json:"clear_tokens"`
	Left        int
}

func (w world) vault(t *testing.T, args ...string) (st vaultStatus) {
	t.Helper()
	if err := json.Unmarshal(w.ctl(t, append([]string{"vault"}, append(args, "--json")...)...), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// The key is changed, everything is sealed again and the old key disabled, while
// viewers add cards and subscribe and a run renews. Nobody notices.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const renewals = 150
	w := newWorld(t, append(onTestClock, unlimited...)...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	w.subscribers(t, a, renewals, "tok_ok")
	first := w.vault(t, "status").Keys[0].ID
	w.clock(t, "set", "2026-02-28T12:00:00Z")

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var served atomic.Int64
	for i := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					served.Add(w.comes(t, a, fmt.Sprintf("newcomer-%d-%d", i, n)))
				}
			}
		})
	}
	run := w.renewing(t, "billing-renew", []string{"--concurrency", "2"}, "BILLING_SIMULATOR_MISHAPS=latency=40ms")
	wg.Go(func() {
		if code, sum := result(t, run); code != 0 || sum.Renewed != renewals {
			t.Errorf("the run ended with %d: %+v", code, sum)
		}
	})
	eventually(t, "newcomers", func() bool { return served.Load() > 10 })
	for range 2 {
		w.vault(t, "rotate")
		before := served.Load()
		w.vault(t, "rewrap", "--batch", "20")
		eventually(t, "more newcomers", func() bool { return served.Load() > before+10 })
	}
	w.vault(t, "rotate", "--disable-old")
	before := served.Load()
	eventually(t, "newcomers after it", func() bool { return served.Load() > before+10 })
	close(stop)
	wg.Wait()

	st := w.vault(t, "status")
	if st.Left != 0 || st.ClearTokens != 0 || len(st.Keys) != 3 {
		t.Errorf("in the end: %+v", st)
	}
	for _, k := range st.Keys {
		if rows := k.Cards + k.PaymentMethods; k.Primary != k.Enabled || k.Primary != (rows > 0) || k.Primary && k.ID == first {
			t.Errorf("a key is left as %+v", k)
		}
	}
	w.agree(t, w.query(t, "SELECT count(*) FROM simulator.charges"))
	w.clock(t, "set", "2026-03-31T12:00:00Z") // everybody's token opens still
	subscribers := w.query(t, "SELECT count(*) FROM subscriptions WHERE next_charge_at <= '2026-03-31T12:00:00Z'")
	if code, sum := w.renewed(t); code != 0 || sum.Renewed != subscribers {
		t.Errorf("a month later: exit code %d, %+v, want %d renewed", code, sum, subscribers)
	}
	t.Logf("%d newcomers were served meanwhile", served.Load())
}

// comes is a viewer who adds a card, pays with it, and looks at it.
func (w world) comes(t *testing.T, a api, name string) int64 {
	v := a.at(w.viewer(t, name))
	card, err := v.try(t.Context(), http.MethodPost, "/v1/cards", "k", cardBody("4242424242424242"))
	if err != nil || card.status != http.StatusCreated {
		t.Errorf("add card: %d %s, %v", card.status, card.text, err)
		return 0
	}
	paid, err := v.try(t.Context(), http.MethodPost, "/v1/subscriptions", "s", paying(card.body.ID, "737"))
	if err != nil || paid.status != http.StatusCreated {
		t.Errorf("subscribe: %d %s, %v", paid.status, paid.text, err)
		return 0
	}
	return 1
}
