package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"reflect"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// view holds the operator, language and time zone of a request. Templates format
// texts, numbers, amounts and times with its methods.
type view struct {
	lang lang
	zone *time.Location
	now  time.Time
	op   operators.Operator // zero if the user is not signed in
	duty operators.Duty     // before any other page
	csrf string
	path string // path and query of the page

	plans []billing.Plan // if the page can have instructions that give plans
}

// T returns the text with this key; see [lang.text].
func (v *view) T(key string, args ...any) string { return v.lang.text(key, args...) }

// Word returns the name of a code.
func (v *view) Word(group string, code any) string { return v.lang.word(group, textOf(code)) }

// textOf converts a value of any string type. It returns "" for other values, such as a
// secret.
func textOf(v any) string {
	if r := reflect.ValueOf(v); r.Kind() == reflect.String {
		return r.String()
	}
	return ""
}

// State returns the state of a subscription in words.
func (v *view) State(s billing.Subscription) string {
	switch {
	case s.Status == billing.StatusActive && s.Given():
		return v.T("status.given")
	case s.Status == billing.StatusActive && s.EndsWithPeriod():
		return v.T("status.ending")
	default:
		return v.Word("status", s.Status)
	}
}

// Count returns a number with its noun.
func (v *view) Count(key string, n int) string { return v.lang.count(key, n) }

// Number formats a number.
func (v *view) Number(n int) string { return v.lang.number(int64(n)) }

// Money formats an amount.
func (v *view) Money(m billing.Money) string { return v.lang.money(m) }

// Time formats a date and a time of day in the panel's time zone.
func (v *view) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return "—"
	}
	return v.timeElement(t, v.dateTime(t))
}

// Date formats a date in the panel's time zone.
func (v *view) Date(t time.Time) template.HTML {
	if t.IsZero() {
		return "—"
	}
	return v.timeElement(t, v.PlainDate(t))
}

func (v *view) dateTime(t time.Time) string {
	local := t.In(v.zone)
	return v.lang.date(local) + ", " + local.Format("15:04")
}

// PlainDate formats a date without markup, as part of a sentence.
func (v *view) PlainDate(t time.Time) string { return v.lang.date(t.In(v.zone)) }

// timeElement returns an HTML time element with this text. The text must not
// contain markup.
func (v *view) timeElement(t time.Time, text string) template.HTML {
	exact := t.In(v.zone).Format(time.RFC3339)
	return template.HTML(`<time datetime="` + exact + `" title="` + exact + `">` + text + `</time>`) //nolint:gosec // digits and month names
}

// Span formats the duration between two times.
func (v *view) Span(from, to time.Time) string {
	if d := to.Sub(from); d < time.Minute {
		return v.Count("span.seconds", int(d.Seconds()))
	}
	return v.lang.duration(to.Sub(from))
}

// Zone returns the name of the panel's time zone and its offset from UTC.
func (v *view) Zone() string {
	name, offset := v.now.In(v.zone).Zone()
	if offset == 0 || name == "" {
		return v.zone.String()
	}
	return v.zone.String() + " (UTC" + v.now.In(v.zone).Format("-07:00") + ")"
}

// Lang returns the code of the language.
func (v *view) Lang() string { return v.lang.code() }

// Name returns the operator's name.
func (v *view) Name() string { return v.op.Name }

// Role returns the operator's role.
func (v *view) Role() ports.Role { return v.op.Role }

// MayEdit reports whether the operator is an editor, so that pages offer changes.
// The use cases check the role themselves.
func (v *view) MayEdit() bool { return v.op.Role == ports.RoleEditor }

// MayInstruct reports whether the operator helps viewers, so that pages offer actions.
func (v *view) MayInstruct() bool {
	return v.op.Role == ports.RoleSupport || v.op.Role == ports.RoleEditor
}

// CSRF returns the session's CSRF token. Each form carries it.
func (v *view) CSRF() string { return v.csrf }

// KindOf returns the badge of a payment's status.
func (*view) KindOf(status billing.PaymentStatus) string { return paymentKind(status) }

// Finding reports whether the page is that of the search, which has a longer form.
func (v *view) Finding() bool { return v.path == Prefix+"/info/find" }

// Path returns the path and the query of the page.
func (v *view) Path() string { return v.path }

// paymentID is a payment's id, of which people see the end.
type paymentID struct{ Whole, Start, Short string }

// PaymentID returns the parts of a payment's id. Pages show the last characters,
// because the first are a time that all payments of a run have in common.
func (*view) PaymentID(id billing.PaymentID) paymentID {
	whole := string(id)
	short := billing.ShortID(whole)
	return paymentID{whole, strings.TrimSuffix(whole, short), short}
}

// Short returns the first 8 characters of a user's id. These differ between users,
// and the search finds them.
func (v *view) Short(id any) string {
	text := textOf(id)
	if len(text) > 8 {
		return text[:8]
	}
	return text
}

// csrfOf derives the CSRF token from the session's token, which it does not reveal.
func csrfOf(token string) string {
	sum := sha256.Sum256([]byte("csrf " + token))
	return hex.EncodeToString(sum[:16])
}

func encodeCookie(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// decodeCookie returns "" or a part of the text if the value is not valid base64.
func decodeCookie(value string) string {
	text, _ := base64.RawURLEncoding.DecodeString(value)
	return string(text)
}

// Self returns the view, for templates that pass it on.
func (v *view) Self() *view { return v }
