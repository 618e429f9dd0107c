package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
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

var (
	// digitRun matches digits, possibly in groups, as card numbers are written.
	digitRun  = regexp.MustCompile(`[0-9](?:[ -]?[0-9]){12,}`)
	uuidShape = regexp.MustCompile(`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	groups    = strings.NewReplacer(" ", "", "-", "")
)

// maskText masks card numbers in a text. It leaves UUIDs alone, because our ids may
// look like a card number by chance.
func maskText(text string, n *int64) string {
	if !hasDigitRun(text) || isUUID(text) {
		return text
	}
	var out strings.Builder
	last := 0
	for _, id := range append(uuidShape.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		out.WriteString(maskRuns(text[last:id[0]], n))
		out.WriteString(text[id[0]:id[1]])
		last = id[1]
	}
	return out.String()
}

// isUUID reports whether the whole text is a UUID, as most texts with many digits
// are. It is a faster form of uuidShape.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// hasDigitRun is a faster form of digitRun.MatchString, which would take longer
// than the rest of writing a line.
func hasDigitRun(text string) bool {
	digits, joined := 0, false // digits so far, and whether a separator follows them
	for _, c := range []byte(text) {
		switch {
		case '0' <= c && c <= '9':
			digits, joined = digits+1, false
			if digits == 13 {
				return true
			}
		case (c == ' ' || c == '-') && digits > 0 && !joined:
			joined = true
		default:
			digits, joined = 0, false
		}
	}
	return false
}

func maskRuns(text string, n *int64) string {
	return digitRun.ReplaceAllStringFunc(text, func(run string) string {
		digits := groups.Replace(run)
		if !holdsCardNumber(digits) {
			return run
		}
		*n++
		return stars
	})
}

// holdsCardNumber reports whether a run of digits contains a card number. In a long
// run it checks every position, because other digits may surround the number.
func holdsCardNumber(digits string) bool {
	if len(digits) <= 19 {
		return billing.LooksLikeCardNumber(digits)
	}
	for from := range len(digits) - 12 {
		// Only the usual lengths: with all lengths nearly every long run would match.
		for _, length := range []int{15, 16} {
			if from+length <= len(digits) && billing.LooksLikeCardNumber(digits[from:from+length]) && hasBrandPrefix(digits[from:]) {
				return true
			}
		}
	}
	return false
}

// hasBrandPrefix reports whether a number begins like those of the large brands.
func hasBrandPrefix(digits string) bool {
	for _, start := range []string{"4", "51", "52", "53", "54", "55", "34", "37", "2200", "2201", "2202", "2203", "2204"} {
		if strings.HasPrefix(digits, start) {
			return true
		}
	}
	return false
}
