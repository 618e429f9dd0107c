package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
)

// mask is a log handler that replaces card numbers and the values of secret keys
// with ***. It is the last line of defence: secrets have types that cannot print,
// so it should never find one. If it does, the line has the number of replacements
// as "masked". It also converts times to UTC, because it visits every value anyway.
type mask struct {
	next  slog.Handler
	total *atomic.Int64
	// unreported counts replacements in the attributes of the logger itself. The
	// next line reports them.
	unreported *atomic.Int64
}

func newMask(next slog.Handler) *mask {
	return &mask{next, new(atomic.Int64), new(atomic.Int64)}
}

// Masked returns a function that counts the values which log has masked so far.
// log must be from [Service.Logger].
func Masked(log *slog.Logger) func() int64 {
	if m, ok := log.Handler().(*mask); ok {
		return m.total.Load
	}
	return func() int64 { return 0 }
}

// Enabled implements [slog.Handler].
func (m *mask) Enabled(ctx context.Context, l slog.Level) bool { return m.next.Enabled(ctx, l) }

// Handle implements [slog.Handler].
func (m *mask) Handle(ctx context.Context, r slog.Record) error {
	var n int64
	masked := slog.NewRecord(r.Time.UTC(), r.Level, maskText(r.Message, &n), r.PC)
	var few [8]slog.Attr // on the stack; more are allocated
	attrs := few[:0]
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, maskAttr(a, &n))
		return true
	})
	masked.AddAttrs(attrs...)
	m.total.Add(n)
	if n += m.unreported.Swap(0); n > 0 {
		masked.AddAttrs(slog.Int64("masked", n))
	}
	return m.next.Handle(ctx, masked)
}

// WithAttrs implements [slog.Handler].
func (m *mask) WithAttrs(attrs []slog.Attr) slog.Handler {
	var n int64
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = maskAttr(a, &n)
	}
	m.total.Add(n)
	m.unreported.Add(n)
	return &mask{m.next.WithAttrs(masked), m.total, m.unreported}
}

// WithGroup implements [slog.Handler].
func (m *mask) WithGroup(name string) slog.Handler {
	return &mask{m.next.WithGroup(name), m.total, m.unreported}
}

const stars = "***"

// minCardNumber is the smallest number with as many digits as a card number.
const minCardNumber = 1_000_000_000_000

// secretNames are the keys whose values are always masked.
var secretNames = map[string]bool{
	"cvv": true, "cvc": true, "pan": true, "card_number": true, "number": true, "token": true, "payment_token": true,
	"authorization": true, "password": true, "secret": true, "kek": true,
}

func maskAttr(a slog.Attr, n *int64) slog.Attr {
	v := a.Value.Resolve()
	if secretNames[strings.ToLower(a.Key)] && v.Kind() != slog.KindGroup {
		if text := fmt.Sprint(v.Any()); text != "" && text != stars {
			*n++
		}
		return slog.String(a.Key, stars)
	}
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, maskText(v.String(), n))
	case slog.KindTime:
		return slog.Time(a.Key, v.Time().UTC())
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		if v.Kind() == slog.KindInt64 && 0 <= v.Int64() && v.Int64() < minCardNumber {
			break
		}
		if before := *n; maskText(v.String(), n) != "" && *n > before {
			return slog.String(a.Key, stars)
		}
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, member := range v.Group() {
			group = append(group, maskAttr(member, n))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		return slog.Any(a.Key, maskAny(v.Any(), n))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// maskAny masks the value's text and its JSON, because a handler may write either.
func maskAny(v any, n *int64) any {
	before := *n
	if err, ok := v.(error); ok {
		if text := maskText(err.Error(), n); *n > before {
			return text
		}
		return v
	}
	text := maskText(fmt.Sprintf("%+v", v), n)
	if raw, err := json.Marshal(v); err == nil && *n == before {
		text = maskText(string(raw), n)
	}
	if *n > before {
		return text
	}
	return v
}

// maskText masks card numbers in a text. It leaves UUIDs alone, because our ids may
// look like a card number by chance.
func maskText(text string, n *int64) string {
	parts := billing.CardNumbersIn(text)
	if parts == nil {
		return text
	}
	var out strings.Builder
	last := 0
	for _, p := range parts {
		*n++
		out.WriteString(text[last:p[0]])
		out.WriteString(stars)
		last = p[1]
	}
	out.WriteString(text[last:])
	return out.String()
}
