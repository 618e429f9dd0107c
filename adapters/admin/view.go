package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// view is one request's language, time zone and person. Templates ask it for
// everything that is written differently for different people.
type view struct {
	lang lang
	zone *time.Location
	now  time.Time
	op   app.Operator // nobody's name when nobody is signed in
	csrf string
	path string // of this page, to come back to
}

// T is a text; see [lang.text].
func (v *view) T(key string, args ...any) string { return v.lang.text(key, args...) }

// Word is the name of a code.
func (v *view) Word(group string, code any) string { return v.lang.word(group, plain(code)) }

func plain(code any) string {
	switch c := code.(type) {
	case billing.DeclineCode:
		return string(c)
	case billing.EventType:
		return string(c)
	case billing.Status:
		return string(c)
	case billing.PaymentStatus:
		return string(c)
	case app.Role:
		return string(c)
	case string:
		return c
	}
	return ""
}

// Count is a number with its noun.
func (v *view) Count(key string, n int) string { return v.lang.count(key, n) }

// Number is a number.
func (v *view) Number(n int) string { return v.lang.number(int64(n)) }

// Money is an amount.
func (v *view) Money(m billing.Money) string { return v.lang.money(m) }

// Time is a date and a time of day in the panel's zone.
func (v *view) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return "—"
	}
	local := t.In(v.zone)
	return v.stamp(t, v.lang.date(local)+", "+local.Format("15:04"))
}

// Date is a date in the panel's zone.
func (v *view) Date(t time.Time) template.HTML {
	if t.IsZero() {
		return "—"
	}
	return v.stamp(t, v.lang.date(t.In(v.zone)))
}

// stamp writes a time for people and for programs. Neither holds anything that
// HTML would take for markup.
func (v *view) stamp(t time.Time, text string) template.HTML {
	exact := t.In(v.zone).Format(time.RFC3339)
	return template.HTML(`<time datetime="` + exact + `" title="` + exact + `">` + text + `</time>`) //nolint:gosec // no markup in any of it
}

// Ago is how long ago something was.
func (v *view) Ago(t time.Time) string { return v.lang.span(v.now.Sub(t)) }

// Span is how long something took.
func (v *view) Span(from, to time.Time) string {
	if d := to.Sub(from); d < time.Minute {
		return v.Count("span.seconds", int(d.Seconds()))
	}
	return v.lang.span(to.Sub(from))
}

// Zone is what the panel's zone is called, and its distance from UTC.
func (v *view) Zone() string {
	name, offset := v.now.In(v.zone).Zone()
	if offset == 0 || name == "" {
		return v.zone.String()
	}
	return v.zone.String() + " (UTC" + v.now.In(v.zone).Format("-07:00") + ")"
}

// Lang is the language's code.
func (v *view) Lang() string { return v.lang.code() }

// Name is the person's.
func (v *view) Name() string { return v.op.Name }

// Role is the person's.
func (v *view) Role() app.Role { return v.op.Role }

// MayEdit says whether it is any use to offer changes. The use cases ask again.
func (v *view) MayEdit() bool { return v.op.Role == app.RoleEditor }

// CSRF proves that a form is from a page of this session.
func (v *view) CSRF() string { return v.csrf }

// Path is this page's.
func (v *view) Path() string { return v.path }

// Short is the beginning of an id, enough to tell ids apart by eye.
func (v *view) Short(id any) string {
	text := plainID(id)
	if len(text) > 8 {
		return text[:8]
	}
	return text
}

func plainID(id any) string {
	switch i := id.(type) {
	case billing.UserID:
		return string(i)
	case billing.SubscriptionID:
		return string(i)
	case billing.PaymentID:
		return string(i)
	case string:
		return i
	}
	return ""
}

// csrfOf is bound to the session, and tells nothing of its token.
func csrfOf(token string) string {
	sum := sha256.Sum256([]byte("csrf " + token))
	return hex.EncodeToString(sum[:16])
}

func encodeCookie(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decodeCookie(text string) string {
	plain, _ := base64.RawURLEncoding.DecodeString(text) // what was tampered with says nothing
	return string(plain)
}

// Self is for templates that hand the view on.
func (v *view) Self() *view { return v }
