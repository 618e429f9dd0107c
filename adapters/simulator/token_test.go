package simulator

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestBehaviourOf(t *testing.T) {
	t.Parallel()
	known := []string{
		"tok_ok", "tok_ok~7", "tok_ok~", "tok_ok~a~b", "tok_slow", "tok_lost_answer", "tok_unavailable", "tok_3ds",
		"tok_declined_twice_then_ok", "tok_declined_twice_then_ok~x",
	}
	for _, code := range billing.DeclineCodes() {
		known = append(known, "tok_"+string(code), "tok_ok_then_"+string(code)+"~1")
	}
	for _, token := range known {
		if _, ok := behaviourOf(token); !ok {
			t.Errorf("%s is unknown, want a known token", token)
		}
	}
	for _, token := range []string{
		"", "~", "tok_", "tok_~7", "ok", "TOK_OK", "tok_ok ", " tok_ok", "tok_ok7", "tok_ok_then", "tok_ok_then_",
		"tok_ok_then_ok", "tok_not_sent", "tok_ok_then_tok_ok", "insufficient_funds", "tok_tok_ok", "tok_okk",
	} {
		if _, ok := behaviourOf(token); ok {
			t.Errorf("%q is known, want an unknown token", token)
		}
	}
}

func TestCharge_TokenSequences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token string
		want  []string
	}{
		"succeeds":                {"tok_ok", []string{"succeeded", "succeeded"}},
		"declined":                {"tok_card_expired", []string{"card_expired", "card_expired"}},
		"succeeds, then declined": {"tok_ok_then_mandate_revoked", []string{"succeeded", "mandate_revoked", "mandate_revoked"}},
		"declined twice":          {"tok_declined_twice_then_ok", []string{"succeeded", "insufficient_funds", "insufficient_funds", "succeeded", "succeeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{})
			for i, want := range c.want {
				r := renewal(c.token + "~one")
				if i == 0 {
					r = charge(c.token + "~one")
				}
				// Repeated keys do not count, and each token has its own history.
				for range 2 {
					if got := summary(mustCharge(t, s, r)); got != want {
						t.Errorf("charge %d: %s, want %s", i+1, got, want)
					}
				}
			}
			if got := summary(mustCharge(t, s, charge(c.token+"~two"))); got != c.want[0] {
				t.Errorf("first charge of another token: %s, want %s", got, c.want[0])
			}
		})
	}
}

func TestCharge_SlowToken(t *testing.T) {
	t.Parallel()
	var waited []time.Duration
	cfg := Config{Latency: func() time.Duration { return time.Millisecond }}
	cfg.Wait = func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
	s := newSimulator(t, cfg)
	mustCharge(t, s, charge("tok_slow"))
	r := charge("tok_ok")
	mustCharge(t, s, r)
	mustFind(t, s, r.Key)
	want := []time.Duration{2*time.Second + time.Millisecond, time.Millisecond, time.Millisecond}
	if !slices.Equal(waited, want) {
		t.Errorf("waited %v, want %v", waited, want)
	}
}

func TestCharge_LostResponseHangs(t *testing.T) {
	t.Parallel()
	var waited []time.Duration
	cfg := Config{HoldLost: 7 * time.Second}
	cfg.Wait = func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
	s := newSimulator(t, cfg)
	r := charge("tok_lost_answer")
	if _, err := s.Charge(t.Context(), r); !errors.Is(err, errNoResponse) {
		t.Errorf("Charge = %v, want errNoResponse", err)
	}
	if want := []time.Duration{7 * time.Second}; !slices.Equal(waited, want) {
		t.Errorf("waited %v, want %v", waited, want)
	}
}

func TestCharge_ThreeDS(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	if got := summary(mustCharge(t, s, renewal("tok_3ds"))); got != "authentication_required" {
		t.Errorf("renewal before the confirmation: %s, want authentication_required", got)
	}
	r := charge("tok_3ds")
	o := mustCharge(t, s, r)
	if err := pressButton(s.Handler())(t.Context(), o.ActionURL, true); err != nil {
		t.Fatal(err)
	}
	if entries := ledger(t, s, r.Key); len(entries) != 1 || entries[0] != (ports.LedgerEntry{Key: r.Key, Amount: r.Amount, At: s.cfg.Clock.Now()}) {
		t.Errorf("ledger %v, want one entry", entries)
	}
	if got := summary(mustCharge(t, s, renewal("tok_3ds"))); got != "succeeded" {
		t.Errorf("renewal after the confirmation: %s, want succeeded", got)
	}
	if got := summary(mustCharge(t, s, charge("tok_3ds"))); got != "pending" {
		t.Errorf("another payment by the viewer: %s, want pending", got)
	}
	if got := summary(mustCharge(t, s, renewal("tok_3ds~other"))); got != "authentication_required" {
		t.Errorf("renewal with another token: %s, want authentication_required", got)
	}
}
