package payments_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
)

// logBuffer keeps log lines of all levels.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// linesOf returns the lines of a payment as "LEVEL message status decline_code unknown".
func (b *logBuffer) linesOf(t *testing.T, id billing.PaymentID) (lines []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range bytes.Lines(b.text.Bytes()) {
		var l struct {
			Level, Msg, Status string
			PaymentID          billing.PaymentID `json:"payment_id"`
			DeclineCode        string            `json:"decline_code"`
			Unknown            bool
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if l.PaymentID == id {
			text := l.Level + " " + l.Msg
			if l.Status != "" {
				text += " " + l.Status
			}
			if l.DeclineCode != "" {
				text += " " + l.DeclineCode
			}
			if l.Unknown {
				text += " unknown"
			}
			lines = append(lines, text)
		}
	}
	return lines
}

const sent = "DEBUG payment is sent"

// The outcome of a payment is logged once, however many sweeps look it up.
func TestCollector_LogsPaymentOutcome(t *testing.T) {
	t.Parallel()
	tests := map[billingtest.Fault][]string{
		billingtest.NoFault:           {sent, "INFO payment succeeded"},
		billingtest.Decline:           {sent, "INFO payment declined " + string(billing.InsufficientFunds)},
		billingtest.ConnectionRefused: {sent, "WARN charge failed", "INFO payment abandoned not_sent"},
		billingtest.UnknownToken:      {sent, "WARN charge failed", "INFO payment abandoned token_unknown"},
		billingtest.NeedsConfirmation: {sent, "INFO payment pending"},
		billingtest.ResponseLost:      {sent, "WARN charge failed unknown", "INFO payment pending", "INFO payment succeeded"},
		billingtest.RequestLost:       {sent, "WARN charge failed unknown", "INFO payment pending", "INFO payment abandoned not_sent"},
	}
	for fault, want := range tests {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			var b logBuffer
			w := newWorld(t)
			w.Provider.SetFault(fault)
			p := w.Process()
			p.Collector.Log = b.logger()
			_, _ = p.Subscribe(t.Context(), billingtest.SubscribeBasic())
			for range 3 {
				w.Clock.Advance(billingtest.PastSendWindow)
				if _, err := p.Sweep(t.Context(), 10, 16); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(want, b.linesOf(t, w.Payments()[0].ID)); diff != "" {
				t.Errorf("log lines (-want +got):\n%s", diff)
			}
		})
	}
}

// A renewal that succeeds is logged at level DEBUG only. A charge that was definitely not
// sent is not logged as unknown.
func TestCollector_LogsRenewalOutcome(t *testing.T) {
	t.Parallel()
	tests := map[billingtest.Fault][]string{
		billingtest.NoFault: {sent, "DEBUG payment succeeded"},
		billingtest.Decline: {sent, "INFO payment declined " + string(billing.InsufficientFunds)},

		billingtest.ConnectionRefused: {sent, "WARN charge failed", "INFO payment pending", sent, "WARN charge failed", sent, "WARN charge failed"},
	}
	for fault, want := range tests {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				var b logBuffer
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(fault)
				r := w.Renewer()
				r.Collector.Log = b.logger()
				if sum, err := r.Run(w.T.Context()); err != nil || sum.Due != 1 {
					w.T.Fatalf("Run = %+v, %v, want one due", sum, err)
				}
				if diff := cmp.Diff(want, b.linesOf(w.T, w.Payments()[0].ID)); diff != "" {
					w.T.Errorf("log lines (-want +got):\n%s", diff)
				}
			})
		})
	}
}
