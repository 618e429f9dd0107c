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

// code returns the language tag for HTML and cookies.
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

const (
	languageCookie = "panel_language"
	languageAge    = 365 * 24 * time.Hour
)

// langOfRequest returns the language of the cookie, or else the first supported
// language of Accept-Language. The default is English.
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

// text returns the text with this key, formatted with args. It panics if the key
// does not exist; a test checks every key in the code and the templates.
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

// hasText reports whether a text with this key exists.
func hasText(key string) bool { _, ok := texts[key]; return ok }

// word returns the name of a code, such as a status, or the code itself if it has
// no name.
func (l lang) word(group, code string) string {
	if key := group + "." + code; hasText(key) {
		return l.text(key)
	}
	return code
}

// count returns a number with its noun in the right form, such as "3 подписчика".
func (l lang) count(key string, n int) string {
	return l.number(int64(n)) + "\u00a0" + strings.Split(l.text(key), "|")[l.plural(n)]
}

// plural returns the index of the noun's form for a number. The forms are: one and
// other in English; one, few and many in Russian.
func (l lang) plural(n int) int {
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

const noBreak = "\u00a0"

// number formats a number with thousands separators.
func (l lang) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	separator := ","
	if l == russian {
		separator = noBreak
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return sign + digits
}

// symbols are the symbols of currencies. All other currencies use their code.
var symbols = map[billing.Currency]string{"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£", "KZT": "₸", "JPY": "¥"}

// money formats an amount, such as ₽1,399.00 in English or 1 399,00 ₽ in Russian.
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

// compact formats a number for an axis, such as 1.2M or 1,2 млн.
func (l lang) compact(n int64) string {
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

// date formats a date with its year, such as 31 Jan 2026 or 31 янв 2026.
func (l lang) date(t time.Time) string {
	return fmt.Sprintf("%d%s%s%s%d", t.Day(), noBreak, monthNames[l][t.Month()-1], noBreak, t.Year())
}

// day formats a date without its year.
func (l lang) day(t time.Time) string {
	return fmt.Sprintf("%d%s%s", t.Day(), noBreak, monthNames[l][t.Month()-1])
}

// duration formats a duration in its largest unit: minutes, hours or days.
func (l lang) duration(d time.Duration) string {
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
