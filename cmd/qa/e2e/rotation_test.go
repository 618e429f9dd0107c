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

// vault runs billingctl vault and returns its output.
func (w world) vault(t *testing.T, args ...string) (st vaultStatus) {
	t.Helper()
	if err := json.Unmarshal(w.ctl(t, append([]string{"vault"}, append(args, "--json")...)...), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// The key is rotated, all rows are encrypted again and the old keys disabled, while
// viewers add cards and subscribe and a run renews. No request and no renewal fails.
func TestVault_RotationUnderLoad(t *testing.T) {
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
					served.Add(w.addCardAndSubscribe(t, a, fmt.Sprintf("new-%d-%d", i, n)))
				}
			}
		})
	}
	run := w.renewCommand(t, "billing-renew", []string{"--concurrency", "2"}, "BILLING_SIMULATOR_MISHAPS=latency=40ms")
	wg.Go(func() {
		if code, sum := runJSON(t, run); code != 0 || sum.Renewed != renewals {
			t.Errorf("the run exited with %d: %+v", code, sum)
		}
	})
	eventually(t, "new subscribers", func() bool { return served.Load() > 10 })
	for range 2 {
		w.vault(t, "rotate")
		before := served.Load()
		w.vault(t, "rewrap", "--batch", "20")
		eventually(t, "more new subscribers", func() bool { return served.Load() > before+10 })
	}
	w.vault(t, "rotate", "--disable-old")
	before := served.Load()
	eventually(t, "new subscribers after the last rotation", func() bool { return served.Load() > before+10 })
	close(stop)
	wg.Wait()

	st := w.vault(t, "status")
	if st.Left != 0 || st.ClearTokens != 0 || len(st.Keys) != 3 {
		t.Errorf("status after the rotations: %+v", st)
	}
	for _, k := range st.Keys {
		if rows := k.Cards + k.PaymentMethods; k.Primary != k.Enabled || k.Primary != (rows > 0) || k.Primary && k.ID == first {
			t.Errorf("unexpected key %+v", k)
		}
	}
	w.checkLedger(t, w.query(t, "SELECT count(*) FROM simulator.charges"))
	w.clock(t, "set", "2026-03-31T12:00:00Z") // all tokens can still be decrypted
	subscribers := w.query(t, "SELECT count(*) FROM subscriptions WHERE next_charge_at <= '2026-03-31T12:00:00Z'")
	if code, sum := w.runRenewals(t); code != 0 || sum.Renewed != subscribers {
		t.Errorf("a month later: exit code %d, %+v, want %d renewed", code, sum, subscribers)
	}
	t.Logf("%d new subscribers during the rotations", served.Load())
}

// addCardAndSubscribe adds a card of a new viewer and subscribes with it. It returns 1
// on success, otherwise 0.
func (w world) addCardAndSubscribe(t *testing.T, a api, name string) int64 {
	v := a.at(w.viewer(t, name))
	card, err := v.try(t.Context(), http.MethodPost, "/v1/cards", "k", cardBody("4242424242424242"))
	if err != nil || card.status != http.StatusCreated {
		t.Errorf("add card: %d %s, %v", card.status, card.text, err)
		return 0
	}
	paid, err := v.try(t.Context(), http.MethodPost, "/v1/subscriptions", "s", cardPaymentBody(card.body.ID, "737"))
	if err != nil || paid.status != http.StatusCreated {
		t.Errorf("subscribe: %d %s, %v", paid.status, paid.text, err)
		return 0
	}
	return 1
}
