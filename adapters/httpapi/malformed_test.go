package httpapi

import (
	"strings"
	"testing"
)

func TestSubscribe_InvalidBodies(t *testing.T) {
	t.Parallel()
	replace := func(old, with string) string { return strings.Replace(subscribeOK, old, with, 1) }
	tests := map[string]struct {
		body   string
		status int
		code   string
	}{
		"empty":                      {"", 415, "unsupported_media_type"},
		"spaces":                     {"  ", 400, "malformed_request"},
		"not JSON":                   {"plan=premium", 400, "malformed_request"},
		"truncated":                  {subscribeOK[:40], 400, "malformed_request"},
		"two values":                 {subscribeOK + "{}", 400, "malformed_request"},
		"trailing comma":             {subscribeOK + ",", 400, "malformed_request"},
		"null":                       {"null", 400, "malformed_request"},
		"array":                      {"[]", 400, "malformed_request"},
		"string":                     {`"x"`, 400, "malformed_request"},
		"duplicate member":           {replace(`{"plan_code"`, `{"plan_code":"basic","plan_code"`), 400, "malformed_request"},
		"nested duplicate member":    {replace(`"amount"`, `"amount":1,"amount"`), 400, "malformed_request"},
		"unknown member":             {replace(`{"plan_code"`, `{"coupon":"x","plan_code"`), 400, "malformed_request"},
		"other case":                 {replace(`plan_code`, `Plan_Code`), 400, "malformed_request"},
		"nested unknown member":      {replace(`"amount"`, `"tax":1,"amount"`), 400, "malformed_request"},
		"invalid UTF-8":              {replace("tok_ok", "tok\xff"), 400, "malformed_request"},
		"lone surrogate":             {replace("tok_ok", `tok\ud800`), 400, "malformed_request"},
		"NUL":                        {replace("tok_ok", `tok\u0000`), 400, "malformed_request"},
		"NUL in a name":              {replace(`{"plan_code"`, `{"a\u0000":1,"plan_code"`), 400, "malformed_request"},
		"deeply nested":              {replace(`39900`, strings.Repeat("[", 100)+strings.Repeat("]", 100)), 400, "malformed_request"},
		"3000 levels deep":           {strings.Repeat(`{"a":`, 3000), 400, "malformed_request"},
		"number for a string":        {replace(`"tok_ok"`, "1"), 400, "malformed_request"},
		"null for a string":          {replace(`"tok_ok"`, "null"), 400, "malformed_request"},
		"null for money":             {replace(`{"amount":39900,"currency":"RUB"}`, "null"), 400, "malformed_request"},
		"string for a number":        {replace("39900", `"39900"`), 400, "malformed_request"},
		"string for money":           {replace(`{"amount":39900,"currency":"RUB"}`, `"399 RUB"`), 400, "malformed_request"},
		"boolean":                    {replace("39900", "true"), 400, "malformed_request"},
		"fraction":                   {replace("39900", "399.0"), 400, "malformed_request"},
		"exponent":                   {replace("39900", "1e3"), 400, "malformed_request"},
		"huge exponent":              {replace("39900", "1e400"), 400, "malformed_request"},
		"leading zero":               {replace("39900", "039900"), 400, "malformed_request"},
		"NaN":                        {replace("39900", "NaN"), 400, "malformed_request"},
		"2^63":                       {replace("39900", "9223372036854775808"), 422, "invalid_request"},
		"2^63-1":                     {replace("39900", "9223372036854775807"), 422, "invalid_request"},
		"-2^63-1":                    {replace("39900", "-9223372036854775809"), 422, "invalid_request"},
		"400 digits":                 {replace("39900", strings.Repeat("9", 400)), 422, "invalid_request"},
		"negative":                   {replace("39900", "-1"), 422, "invalid_request"},
		"zero":                       {replace("39900", "0"), 422, "invalid_request"},
		"negative zero":              {replace("39900", "-0"), 422, "invalid_request"},
		"lower-case currency":        {replace("RUB", "rub"), 422, "invalid_request"},
		"no currency":                {replace(`,"currency":"RUB"`, ""), 422, "invalid_request"},
		"no price":                   {replace(`"price":{"amount":39900,"currency":"RUB"},`, ""), 422, "invalid_request"},
		"no plan":                    {replace(`"plan_code":"premium",`, ""), 422, "invalid_request"},
		"two plans":                  {replace(`{`, `{"plan_id":"premium",`), 422, "invalid_request"},
		"empty plan":                 {replace("premium", ""), 422, "invalid_request"},
		"empty token":                {replace("tok_ok", ""), 422, "invalid_request"},
		"long token":                 {replace("tok_ok", strings.Repeat("t", 4097)), 422, "invalid_request"},
		"token with a space":         {replace("tok_ok", "tok ok"), 422, "invalid_request"},
		"too long":                   {replace("tok_ok", strings.Repeat("t", 16<<10)), 413, "request_too_large"},
		"empty object":               {"{}", 422, "invalid_request"},
		"other plan":                 {replace("premium", "gold"), 404, "plan_not_found"},
		"other payment system":       {replace("bank", "cash"), 404, "payment_system_not_found"},
		"other price":                {replace("39900", "1"), 409, "price_changed"},
		"other currency":             {replace("RUB", "USD"), 409, "price_changed"},
		"other interval":             {replace("{", `{"interval_months":12,`), 409, "price_changed"},
		"zero interval":              {replace("{", `{"interval_months":0,`), 422, "invalid_request"},
		"interval of 400 digits":     {replace("{", `{"interval_months":`+strings.Repeat("9", 400)+`,`), 422, "invalid_request"},
		"interval in text":           {replace("{", `{"interval_months":"1",`), 400, "malformed_request"},
		"unknown token":              {replace("tok_ok", "tok_unknown"), 422, "payment_token_unknown"},
		"declined":                   {replace("tok_ok", "tok_declined"), 402, "payment_declined"},
		"payment system unavailable": {replace("tok_ok", "tok_unavailable"), 503, "unavailable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			w := s.do("alice", "POST", "/v1/subscriptions", test.body)
			if w.Code != test.status || codeOf(t, w) != test.code {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, test.status, test.code)
			}
			if n := s.bank.charges.Load(); n != 0 {
				t.Errorf("charged %d times, want 0", n)
			}
		})
	}
}

// A value of the wrong type is malformed; a string that is not in the enum is
// invalid.
func TestCancel_EnumOfWrongType(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for at, want := range map[string]int{"null": 400, "true": 400, "1": 400, "[]": 400, "{}": 400, `""`: 422, `"tomorrow"`: 422} {
		w := s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":`+at+`}`)
		if w.Code != want {
			t.Errorf("at %s: got %d %s, want %d", at, w.Code, w.Body, want)
		}
	}
}

func TestCheckBody_MediaType(t *testing.T) {
	t.Parallel()
	for media, want := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "": 415, ";": 415, "application/jsonx": 415,
	} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			w := newService(t).do("alice", "POST", "/v1/subscriptions", subscribeOK, header{"Content-Type", media})
			if w.Code != want {
				t.Errorf("got %d, want %d", w.Code, want)
			}
		})
	}
}

// Errors and the log never quote the body, because an unknown member or an invalid
// value may be a misplaced secret.
func TestErrors_DoNotQuoteBody(t *testing.T) {
	t.Parallel()
	const secret = "4242424242424242"
	for _, body := range []string{
		secret, `{"` + secret + `":1}`, `{"payment_token":` + secret + `}`,
		`{"payment_token":"` + secret, strings.Replace(subscribeOK, "RUB", secret, 1),
		strings.Replace(subscribeOK, "39900", secret, 1), strings.Replace(subscribeOK, "tok_ok", secret+" ", 1),
		strings.Replace(subscribeOK, "39900", `"`+secret+`"`, 1),
	} {
		s := newService(t)
		w := s.do("alice", "POST", "/v1/subscriptions", body)
		if w.Code < 400 || strings.Contains(w.Body.String(), secret) || strings.Contains(s.logged.String(), secret) {
			t.Errorf("%s: got %d %s, logged %s", body, w.Code, w.Body, s.logged)
		}
	}
}
