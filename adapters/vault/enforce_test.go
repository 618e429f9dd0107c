package vault

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// Plaintext is accepted, counted and reported, until the rule is enforced. Running
// programs and other changes of the file keep the rule.
func TestAcceptPlaintext_UntilEnforced(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	var logged bytes.Buffer
	v, err := Open(f, slog.New(slog.NewTextHandler(&logged, nil)))
	must(t, err)
	for range 3 {
		must(t, v.AcceptPlaintext(place))
		must(t, v.Snapshot().AcceptPlaintext(place))
	}
	if n := strings.Count(logged.String(), "stored as plaintext"); v.PlaintextReads() != 6 || n != 1 {
		t.Errorf("%d counted and %d warnings, want 6 and 1:\n%s", v.PlaintextReads(), n, &logged)
	}
	must(t, f.Enforce(RuleTokens))
	must(t, f.Enforce(RuleTokens))
	for name, change := range map[string]func() error{
		"nothing": func() error { return nil },
		"rotate":  func() error { return f.Rotate(time.Now()) },
		"rekey":   func() error { return f.Rekey(f.KEK) },
	} {
		must(t, change())
		if err := v.AcceptPlaintext(place); !errors.Is(err, ports.ErrNotDecrypted) {
			t.Errorf("after %s: %v, want %v", name, err, ports.ErrNotDecrypted)
		}
	}
	if rules, err := f.Enforced(); err != nil || len(rules) != 1 {
		t.Errorf("rules %v, %v; want one", rules, err)
	}
	if v.PlaintextReads() != 6 {
		t.Error("a refused token was counted as read")
	}
}
