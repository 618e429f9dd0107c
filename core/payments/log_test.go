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

// diary is a log of every detail.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) log() *slog.Logger {
	return slog.New(slog.NewJSONHandler(d, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// of lists what the diary says of a payment: level, message, status and reason.
func (d *diary) of(t *testing.T, id billing.PaymentID) (lines []string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range bytes.Lines(d.text.Bytes()) {
		var l struct {
			Level, Msg, Status string
			PaymentID          billing.PaymentID `json:"payment_id"`
			DeclineCode        string            `json:"decline_code"`
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
			lines = append(lines, text)
		}
	}
	return lines
}

const sent = "DEBUG payment is sent"

// What became of a payment is one line, however many processes look at it.
func TestCollector_LogsPaymentOutcome(t *testing.T) {
	t.Parallel()
	tests := map[billingtest.Fault][]string{
		billingtest.NoFault:           {sent, "INFO payment succeeded"},
		billingtest.Decline:           {sent, "INFO payment declined " + string(billing.InsufficientFunds)},
		billingtest.ConnectionRefused: {sent, "WARN charge failed", "INFO payment abandoned not_sent"},
		billingtest.UnknownToken:      {sent, "WARN charge failed", "INFO payment abandoned token_unknown"},
		billingtest.NeedsConfirmation: {sent, "INFO payment pending"},
		billingtest.ResponseLost:      {sent, "WARN charge failed", "INFO payment pending", "INFO payment succeeded"},
		billingtest.RequestLost:       {sent, "WARN charge failed", "INFO payment pending", "INFO payment abandoned not_sent"},
	}
	for name, want := range tests {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			var d diary
			w := newWorld(t)
			w.Provider.SetFault(name)
			p := w.Process()
			p.Collector.Log = d.log()
			_, _ = p.Subscribe(t.Context(), billingtest.SubscribeBasic())
			for range 3 {
				w.Clock.Advance(billingtest.PastSendWindow)
				if _, err := p.Sweep(t.Context(), 10); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(want, d.of(t, w.Payments()[0].ID)); diff != "" {
				t.Errorf("the log says (-want +got):\n%s", diff)
			}
		})
	}
}

// Of a renewal that went as it should the log says nothing, unless every detail
// is wanted.
func TestCollector_LogsRenewalOutcome(t *testing.T) {
	t.Parallel()
	tests := map[billingtest.Fault][]string{
		billingtest.NoFault: {sent, "DEBUG payment succeeded"},
		billingtest.Decline: {sent, "INFO payment declined " + string(billing.InsufficientFunds)},
	}
	for name, want := range tests {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				var d diary
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(name)
				r := w.Renewer()
				r.Collector.Log = d.log()
				if sum, err := r.Run(w.T.Context()); err != nil || sum.Due != 1 {
					w.T.Fatalf("the run says %+v, %v", sum, err)
				}
				if diff := cmp.Diff(want, d.of(w.T, w.Payments()[0].ID)); diff != "" {
					w.T.Errorf("the log says (-want +got):\n%s", diff)
				}
			})
		})
	}
}
