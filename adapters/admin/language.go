package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// lang is a language of the panel, as an index into [texts].
type lang int

const (
	english lang = iota
	russian
	languages
)

// code is what HTML and cookies call it.
func (l lang) code() string { return [languages]string{"en", "ru"}[l] }

func langOf(code string) (lang, bool) {
	switch code {
	case "en":
		return english, true
	case "ru":
		return russian, true
	}
	return english, false
}

const cookieMoment = time.Minute

const languageCookie = "panel_language"

// langOfRequest is the language that a browser chose, or that it prefers.
func langOfRequest(r *http.Request) lang {
	if c, err := r.Cookie(languageCookie); err == nil {
		if l, ok := langOf(c.Value); ok {
			return l
		}
	}
	for _, part := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		code, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		code, _, _ = strings.Cut(strings.ToLower(code), "-")
		if l, ok := langOf(code); ok {
			return l
		}
	}
	return english
}

// text returns the text with this key, with args in the place of its verbs. A
// key that is not there is a fault of ours, which no test lets through.
func (l lang) text(key string, args ...any) string {
	t, ok := texts[key]
	if !ok {
		panic("admin: no text for " + key)
	}
	if len(args) == 0 {
		return t[l]
	}
	return fmt.Sprintf(t[l], args...)
}

// has reports whether there is a text with this key.
func has(key string) bool { _, ok := texts[key]; return ok }

// word is the name of a code that programs use; the code itself where it has none.
func (l lang) word(group, code string) string {
	if key := group + "." + code; has(key) {
		return l.text(key)
	}
	return code
}

// count is a number with its noun in the right form, such as "3 подписчика".
func (l lang) count(key string, n int) string {
	return l.number(int64(n)) + "\u00a0" + strings.Split(l.text(key), "|")[l.form(n)]
}

// form is which form of a noun goes with a number: one or other in English; one,
// few or many in Russian.
func (l lang) form(n int) int {
	n = max(n, -n)
	if l == english {
		if n == 1 {
			return 0
		}
		return 1
	}
	switch {
	case n%10 == 1 && n%100 != 11:
		return 0
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return 1
	default:
		return 2
	}
}

const (
	noBreak = "\u00a0"
	narrow  = "\u202f"
)

// number writes a number with its thousands apart.
func (l lang) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	mark := ","
	if l == russian {
		mark = noBreak
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return sign + digits
}

// symbols of currencies; others are written by their code.
var symbols = map[billing.Currency]string{"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£", "KZT": "₸", "JPY": "¥"}

// money writes an amount as people of the language do: ₽1,399.00 or 1 399,00 ₽.
func (l lang) money(m billing.Money) string {
	whole, fraction, point := strings.Cut(m.Decimal(), ".")
	n, _ := strconv.ParseInt(whole, 10, 64)
	text := l.number(n)
	if point {
		text += [languages]string{".", ","}[l] + fraction
	}
	symbol := symbols[m.Currency]
	switch {
	case l == russian && symbol != "":
		return text + noBreak + symbol
	case l == russian, symbol == "":
		return text + noBreak + string(m.Currency)
	default:
		return symbol + text
	}
}

// brief writes an amount for an axis, without minor units: ₽1.2M or 1,2 млн ₽.
func (l lang) brief(n int64) string {
	for _, unit := range []struct {
		from int64
		name [languages]string
	}{{1_000_000_000, [languages]string{"B", " млрд"}}, {1_000_000, [languages]string{"M", " млн"}}, {10_000, [languages]string{"K", " тыс."}}} {
		if n >= unit.from {
			div := max(unit.from, 1000)
			if unit.from == 10_000 {
				div = 1000
			}
			text := strconv.FormatFloat(float64(n)/float64(div), 'f', 1, 64)
			text = strings.TrimSuffix(text, ".0")
			if l == russian {
				text = strings.Replace(text, ".", ",", 1)
			}
			return text + strings.ReplaceAll(unit.name[l], " ", noBreak)
		}
	}
	return l.number(n)
}

var monthNames = [languages][12]string{
	{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	{"янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"},
}

// date writes a day, such as 31 Jan 2026 or 31 янв 2026.
func (l lang) date(t time.Time) string {
	return fmt.Sprintf("%d%s%s%s%d", t.Day(), noBreak, monthNames[l][t.Month()-1], noBreak, t.Year())
}

// day writes a day of this year.
func (l lang) day(t time.Time) string {
	return fmt.Sprintf("%d%s%s", t.Day(), noBreak, monthNames[l][t.Month()-1])
}

// span writes how long something takes, in its largest unit.
func (l lang) span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return l.text("span.moment")
	case d < time.Hour:
		return l.count("span.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return l.count("span.hours", int(d.Hours()))
	default:
		return l.count("span.days", int(d.Hours()/24))
	}
}
