package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// injected is part of many requests below. No response and no log line may repeat it.
const planted = "pl4nted'\""

// malformed returns all kinds of invalid requests with the expected status, by name.
// TOKEN stands for a valid token.
func malformed(token string) map[string]malformedRequest {
	kinds := map[string]malformedRequest{}
	for _, more := range []map[string]malformedRequest{
		notHTTP(), oddPaths(), oddParams(), oddHeaders(token), oddBodies(), oddFields(),
	} {
		for name, k := range more {
			if _, twice := kinds[name]; twice {
				panic("two kinds with the name " + name)
			}
			k.raw = strings.ReplaceAll(k.raw, "TOKEN", token)
			kinds[name] = k
		}
	}
	return kinds
}

type malformedRequest struct {
	raw    string
	status int
	ends   bool // the client closes its side afterwards
}

// send returns a request without a body.
func send(method, target string, headers ...string) string {
	return strings.Join(append([]string{method + " " + target + " HTTP/1.1", "Host: billing"}, headers...), "\r\n") + "\r\n\r\n"
}

func get(target string) string { return send("GET", target, "Authorization: Bearer TOKEN") }

func post(target, body string, headers ...string) string {
	headers = append(headers, "Authorization: Bearer TOKEN", "Content-Type: application/json", "Content-Length: "+strconv.Itoa(len(body)))
	return send("POST", target, headers...) + body
}

func notHTTP() map[string]malformedRequest {
	const start = "GET /v1/plans HTTP/1.1\r\nHost: billing\r\n"
	const body = "POST /v1/cards HTTP/1.1\r\nHost: billing\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\n"
	return map[string]malformedRequest{
		"words":                       {raw: planted + "\r\n\r\n", status: 400},
		"spaces":                      {raw: "   \r\n\r\n", status: 400},
		"TLS":                         {raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", status: 400},
		"SSH":                         {raw: "SSH-2.0-OpenSSH_9.9\r\n\r\n", status: 400},
		"HTTP/2 preface":              {raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 404},
		"no version":                  {raw: "GET /v1/plans\r\n\r\n", status: 400},
		"version 3":                   {raw: "GET /v1/plans HTTP/3.0\r\nHost: x\r\n\r\n", status: 400},
		"version of letters":          {raw: "GET /v1/plans HTTP/x.y\r\nHost: x\r\n\r\n", status: 400},
		"version in lower case":       {raw: "GET /v1/plans http/1.1\r\nHost: x\r\n\r\n", status: 400},
		"four words":                  {raw: "GET /v1/plans and HTTP/1.1\r\nHost: x\r\n\r\n", status: 400},
		"no path":                     {raw: "GET  HTTP/1.1\r\nHost: x\r\n\r\n", status: 400},
		"NUL in the method":           {raw: "G\x00T /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n", status: 400},
		"no host":                     {raw: "GET /v1/plans HTTP/1.1\r\n\r\n", status: 400},
		"two hosts":                   {raw: start + "Host: other\r\n\r\n", status: 400},
		"host with a space":           {raw: "GET /v1/plans HTTP/1.1\r\nHost: a b\r\n\r\n", status: 400},
		"header without a colon":      {raw: start + planted + "\r\n\r\n", status: 400},
		"header without a name":       {raw: start + ": " + planted + "\r\n\r\n", status: 400},
		"space before the colon":      {raw: start + "X-Pad : " + planted + "\r\n\r\n", status: 400},
		"first header folded":         {raw: "GET /v1/plans HTTP/1.1\r\n Host: billing\r\n\r\n", status: 400},
		"NUL in a header":             {raw: start + "X-Pad: a\x00b\r\n\r\n", status: 400},
		"carriage return in a header": {raw: start + "X-Pad: a\rb\r\n\r\n", status: 400},
		"long header":                 {raw: start + "X-Pad: " + strings.Repeat("a", 24<<10) + "\r\n\r\n", status: 431},
		"many headers":                {raw: start + strings.Repeat("X-Pad: a\r\n", 3000) + "\r\n", status: 431},
		"long path":                   {raw: send("GET", "/"+strings.Repeat("a", 24<<10)), status: 431},
		"negative length":             {raw: body + "Content-Length: -1\r\n\r\n", status: 400},
		"length of letters":           {raw: body + "Content-Length: ten\r\n\r\n", status: 400},
		"length beyond 64 bits":       {raw: body + "Content-Length: 99999999999999999999\r\n\r\n", status: 400},
		"two lengths":                 {raw: body + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", status: 400},
		"length with a plus":          {raw: body + "Content-Length: +2\r\n\r\n{}", status: 400},
		"length and chunks":           {raw: body + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{]\r\n0\r\n\r\n", status: 400},
		"unknown coding":              {raw: body + "Transfer-Encoding: gzip\r\n\r\n", status: 400},
		"two codings":                 {raw: body + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", status: 400},
		"coding with a prefix":        {raw: body + "Transfer-Encoding: xchunked\r\n\r\n", status: 400},
		"chunk of letters":            {raw: body + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n", status: 400},
		"chunk beyond 64 bits":        {raw: body + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n", status: 400},
		"chunk of a negative size":    {raw: body + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", status: 400},
		"chunk without an end":        {raw: body + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx", status: 400, ends: true},
		"body cut off":                {raw: body + "Content-Length: 100\r\n\r\n{", status: 400, ends: true},
		"unknown expectation":         {raw: body + "Expect: " + planted + "\r\nContent-Length: 2\r\n\r\n{}", status: 417},
		"header that never ends":      {raw: start + "X-Pad: a", status: 400, ends: true},
		"request in a body":           {raw: post("/v1/cards", "GET /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n"), status: 400},
		"invalid gzip":                {raw: post("/v1/cards", "\x1f\x8b\x08\x00", "Content-Encoding: gzip"), status: 400},
		"body too large":              {raw: post("/v1/cards", `{"holder":"`+strings.Repeat("a", 20<<10)+`"}`), status: 413},
		"body too large, chunked":     {raw: body + "Transfer-Encoding: chunked\r\n\r\n5000\r\n" + strings.Repeat(" ", 0x5000) + "\r\n0\r\n\r\n", status: 413},
	}
}

func oddPaths() map[string]malformedRequest {
	kinds := map[string]malformedRequest{
		"method in lower case":       {raw: send("get", "/v1/plans"), status: 405},
		"unknown method":             {raw: send("BREW", "/v1/plans"), status: 405},
		"OPTIONS":                    {raw: send("OPTIONS", "/v1/plans"), status: 405},
		"OPTIONS *":                  {raw: send("OPTIONS", "*"), status: 404},
		"TRACE":                      {raw: send("TRACE", "/v1/plans"), status: 405},
		"CONNECT":                    {raw: send("CONNECT", "billing:443"), status: 404},
		"PUT":                        {raw: send("PUT", "/v1/subscriptions", "Authorization: Bearer TOKEN", "Content-Length: 2") + "{}", status: 405},
		"DELETE of a list":           {raw: send("DELETE", "/v1/cards", "Authorization: Bearer TOKEN"), status: 405},
		"percent and nothing":        {raw: send("GET", "/v1/%zz"), status: 400},
		"not a path":                 {raw: send("GET", "v1/plans"), status: 400},
		"URL of another host":        {raw: send("GET", "http://evil.test/v1/nowhere"), status: 404},
		"removal with an invalid id": {raw: send("DELETE", "/v1/cards/"+"pl4nted", "Authorization: Bearer TOKEN"), status: 404},
		"removal of an unknown card": {raw: send("DELETE", "/v1/cards/01981e2c-6b10-7f3a-8c55-0a1b2c3d4e5f", "Authorization: Bearer TOKEN"), status: 404},
	}
	for _, path := range []string{
		"/", "//v1/plans", "/v1/plans/", "/v1//plans", "/v1/./plans", "/V1/plans", "/v2/plans", "/v1/plans;a=b", "/v1/plans%00",
		"/v1/plans%2f", "/.env", "/.git/config", "/metrics", "/readyz", "/debug/pprof/", "/admin", "/wp-login.php", "/cgi-bin/sh",
		"/v1/subscriptions/..%2f..%2f..%2fetc%2fpasswd", "/v1/subscriptions/../plans", "/v1/subscriptions/%00",
		"/v1/subscriptions/%ff%fe", "/v1/subscriptions/%0d%0aX-Admin:1", "/v1/subscriptions/'%20OR%201=1--",
		"/v1/subscriptions/%3Cscript%3E", "/v1/subscriptions/${jndi:ldap:x}", "/v1/subscriptions/\xd0\xbf", "/v1/subscriptions/4242424242424242",
		"/v1/subscriptions/pl4nted", "/v1/subscriptions/01981e2c-7d4a-7c10-9a51-3f0f6f3f2a11", "/v1/subscriptions/" + strings.Repeat("a", 8000),
		"/v1/subscriptions/pl4nted/cancel/now", "/simulator/3ds",
	} {
		kinds["path "+path[:min(len(path), 60)]] = malformedRequest{raw: get(path), status: 404}
	}
	return kinds
}

func oddParams() map[string]malformedRequest {
	kinds := map[string]malformedRequest{}
	for _, query := range []string{
		"limit=", "limit=0", "limit=-1", "limit=101", "limit=x", "limit=1.0", "limit=1e9", "limit=0x1", "limit=%00", "limit=%ff",
		"limit=9223372036854775808", "limit=" + strings.Repeat("9", 4000), "limit=1&limit=2", "limit[]=1;", "limit=%zz", "limit=1%20OR%201=1",
		"cursor=", "cursor=pl4nted", "cursor=%00", "cursor=" + strings.Repeat("a", 5000), "cursor=djE6", "cursor=djE6JyBPUiAxPTE",
		"cursor=djE6AA", "cursor=a&cursor=b", "cursor=4242424242424242", "cursor=../../etc/passwd",
	} {
		for _, path := range []string{"/v1/subscriptions", "/v1/cards", "/v1/history", "/v1/payments"} {
			kinds["query "+path+"?"+query[:min(len(query), 60)]] = malformedRequest{raw: get(path + "?" + query), status: 422}
		}
	}
	return kinds
}

func oddHeaders(token string) map[string]malformedRequest {
	parts := strings.Split(token, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	kinds := map[string]malformedRequest{
		"no token":            {raw: send("GET", "/v1/history"), status: 401},
		"two tokens":          {raw: send("GET", "/v1/history", "Authorization: Bearer TOKEN", "Authorization: Bearer TOKEN"), status: 401},
		"token in the query":  {raw: send("GET", "/v1/history?access_token=TOKEN"), status: 401},
		"token in a cookie":   {raw: send("GET", "/v1/history", "Cookie: token=TOKEN"), status: 401},
		"body without a type": {raw: strings.Replace(post("/v1/cards", "{}"), "Content-Type: application/json\r\n", "", 1), status: 415},
	}
	for name, value := range map[string]string{
		"none": "", "no scheme": token, "Basic": "Basic cGw0bnRlZDp4", "scheme alone": "Bearer", "space alone": "Bearer  ", "word": "Bearer pl4nted",
		"quoted": `Bearer "` + token + `"`, "two in one": "Bearer " + token + ", Bearer " + token, "long": "Bearer " + strings.Repeat("a", 9000),
		"unsigned": "Bearer " + parts[0] + "." + parts[1] + ".", "alg none": "Bearer " + b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".AA",
		"alg HS256": "Bearer " + b64([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2],
		"jku":       "Bearer " + b64([]byte(`{"alg":"RS256","jku":"http://evil.test"}`)) + "." + parts[1] + "." + parts[2],
		"other sub": "Bearer " + parts[0] + "." + b64([]byte(`{"sub":"admin","iss":"i","aud":"a","exp":9999999999}`)) + "." + parts[2],
		"deep":      "Bearer " + parts[0] + "." + b64([]byte(strings.Repeat("[", 5000))) + "." + parts[2], "cut": "Bearer " + token[:len(token)-1],
		"not UTF-8": "Bearer \xff\xfe", "SQL": "Bearer ' OR 1=1 --",
	} {
		kinds["authorization "+name] = malformedRequest{raw: send("GET", "/v1/history", "Authorization: "+value), status: 401}
	}
	for name, value := range map[string]string{
		"text": "text/plain", "form": "application/x-www-form-urlencoded", "multipart": "multipart/form-data; boundary=x", "XML": "application/xml",
		"nothing": "", "semicolon": ";", "list": "application/json, text/plain", "long": "application/" + strings.Repeat("j", 4000),
	} {
		raw := strings.Replace(post("/v1/subscriptions", "{}"), "application/json", value, 1)
		kinds["content type "+name] = malformedRequest{raw: raw, status: 415}
	}
	for name, value := range map[string]string{
		"empty": "", "space": "a b", "256 characters": strings.Repeat("k", 256), "not ASCII": "\xd0\xba", "card number": "4242424242424242",
	} {
		kinds["idempotency key "+name] = malformedRequest{raw: post("/v1/subscriptions", subscribeBody("tok_ok"), "Idempotency-Key: "+value), status: 422}
	}
	twice := post("/v1/subscriptions", subscribeBody("tok_ok"), "Idempotency-Key: a", "Idempotency-Key: b")
	kinds["idempotency key twice"] = malformedRequest{raw: twice, status: 422}
	return kinds
}

// oddBodies returns bodies that are invalid for every operation.
func oddBodies() map[string]malformedRequest {
	kinds := map[string]malformedRequest{}
	for _, path := range []string{"/v1/subscriptions", "/v1/cards", "/v1/subscriptions/premium/cancel", "/v1/subscriptions/premium/resume"} {
		for name, body := range map[string]string{
			"words": planted, "form": "a=b&c=d", "XML": "<a>&e;</a>", "null": "null", "true": "true", "number": "1", "string": `"a"`, "array": "[]",
			"cut off": `{"a`, "two values": "{}{}", "comma behind": "{},", "comment": "/**/{}", "single quotes": "{'a':1}", "bare name": "{a:1}",
			"byte order mark": "\ufeff{}", "UTF-16": "{\x00}\x00", "not UTF-8": "{\"\xff\":1}", "lone surrogate": `{"a":"\ud800"}`, "NUL": `{"a":"\u0000"}`,
			"deep":    strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000),
			"deep []": strings.Repeat("[", 8000), "unknown member": `{"` + planted[:7] + `":1}`, "member twice": `{"a":1,"a":1}`,
			"prototype": `{"__proto__":{"admin":true}}`, "fraction": `{"a":1.5}`, "huge exponent": `{"a":1e999999}`, "NaN": `{"a":NaN}`,
			"operator": `{"$gt":""}`, "spaces": strings.Repeat(" ", 9000), "binary": "\x00\x01\x02\x03",
		} {
			kinds["body "+path+": "+name] = malformedRequest{raw: post(path, body), status: 400}
		}
	}
	return kinds
}

// oddFields returns bodies with one invalid member.
func oddFields() map[string]malformedRequest {
	kinds := map[string]malformedRequest{}
	add := func(path, body, member string, status int, values map[string]string) {
		for name, value := range values {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(body), &fields); err != nil {
				panic(err)
			}
			fields[member] = json.RawMessage(value)
			text, err := json.Marshal(fields)
			if err != nil {
				panic(err)
			}
			kinds[path+" "+member+": "+name] = malformedRequest{raw: post(path, string(text)), status: status}
		}
	}
	types := func(right string) map[string]string {
		all := map[string]string{"null": "null", "true": "true", "number": "17", "string": `"pl4nted"`, "array": "[1]", "object": `{"a":1}`}
		delete(all, right)
		return all
	}
	long := `"` + strings.Repeat("a", 300) + `"`
	subscribe, card := subscribeBody("tok_ok"), `{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2040}`
	for _, member := range []string{"plan_code", "payment_system", "payment_token"} {
		add("/v1/subscriptions", subscribe, member, 400, types("string"))
		add("/v1/subscriptions", subscribe, member, 422, map[string]string{"empty": `""`, "long": long})
	}
	add("/v1/subscriptions", subscribe, "price", 400, types("object"))
	add("/v1/subscriptions", subscribe, "price", 422, map[string]string{
		"nothing": "{}", "negative": `{"amount":-1,"currency":"RUB"}`, "zero": `{"amount":0,"currency":"RUB"}`,
		"2^63": `{"amount":9223372036854775808,"currency":"RUB"}`, "currency": `{"amount":1,"currency":"rub"}`,
	})
	add("/v1/subscriptions", subscribe, "plan_code", 404, map[string]string{
		"SQL": `"' OR 1=1 --"`, "markup": `"<script>alert(1)</script>"`, "format": `"%s%n%x"`, "path": `"../../etc/passwd"`, "unknown": `"pl4nted"`,
	})
	add("/v1/subscriptions", subscribe, "payment_token", 422, map[string]string{
		"unknown": `"tok_pl4nted"`, "spaces": `"tok ok"`, "line break": `"tok\r\nok"`, "card number": `"4242424242424242"`,
	})
	add("/v1/subscriptions", subscribe, "card_id", 422, map[string]string{"beside a token": `"01981e2c-6b10-7f3a-8c55-0a1b2c3d4e5f"`})
	add("/v1/subscriptions", subscribe, "cvv", 422, map[string]string{"letters": `"abc"`, "two digits": `"12"`, "five digits": `"12345"`})
	add("/v1/cards", card, "number", 400, types("string"))
	add("/v1/cards", card, "number", 422, map[string]string{
		"empty": `""`, "letters": `"4242x242y2424242"`, "wrong digit": `"4242424242424241"`, "too short": `"42424242"`, "too long": `"42424242424242424242"`,
		"other digits": `"٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"`, "of no brand": `"9999999999999995"`, "long": long, "SQL": `"' OR 1=1 --"`,
	})
	add("/v1/cards", card, "exp_month", 400, types("number"))
	add("/v1/cards", card, "exp_month", 422, map[string]string{"0": "0", "13": "13", "-1": "-1", "2^63": "9223372036854775808"})
	add("/v1/cards", card, "exp_year", 422, map[string]string{"past": "2001", "distant": "2199", "two digits": "31", "0": "0"})
	add("/v1/cards", card, "holder", 422, map[string]string{"digits": `"A 4242424242424242"`, "markup": `"<b>"`, "long": long})
	add("/v1/cards", card, "cvv", 400, map[string]string{"not a field of this request": `"123"`})
	add("/v1/subscriptions/premium/cancel", "{}", "at", 400, types("string"))
	add("/v1/subscriptions/premium/cancel", "{}", "at", 422, map[string]string{"tomorrow": `"pl4nted"`, "empty": `""`})
	return kinds
}

// internals matches details of the implementation that no response may contain.
var internals = regexp.MustCompile(`(?i)sqlstate|pgx|postgres|\bselect\b|\binsert\b|constraint|relation|\.go\b|/usr/|/tmp/|/home/|/etc/|goroutine|panic|runtime|nil pointer|` +
	`golang|openapi3|jsontext|gorilla|\bmap\[|\bstruct\b|interface|\*?(billing|httpapi|app|api|json|http|net|auth)\.[A-Z]|0x[0-9a-f]{6}|` + regexp.QuoteMeta(planted) + `|pl4nted`)

// Ten thousand invalid requests are refused with the expected status, as a problem with
// an id. No response shows details of the implementation, no memory or goroutine
// leaks, and no payment is made.
func TestMalformedRequests_AreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	var clients []*rawClient
	for i := range 8 {
		v := a.at(w.viewer(t, fmt.Sprint("mallory-", i)))
		clients = append(clients, &rawClient{t: t, viewer: v, kinds: malformed(v.token)})
	}
	names := slices.Sorted(maps.Keys(clients[0].kinds))
	fire := func(count int) map[int]int {
		answers := map[int]int{}
		var next atomic.Int64
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() {
				defer c.close()
				for i := next.Add(1); i <= int64(count); i = next.Add(1) {
					status := c.refused(names[int(i)%len(names)])
					mu.Lock()
					answers[status]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return answers
	}
	fire(2 * len(names)) // warm up: caches and pools are filled
	rss, goroutines := residentKB(t, a), gauge(t, a, "go_goroutines")
	const count = 10_000
	begin := time.Now()
	answers := fire(count)
	t.Logf("%d requests of %d kinds in %v: %v", count, len(names), time.Since(begin).Round(time.Millisecond), answers)
	after := residentKB(t, a)
	t.Logf("resident memory: %d KB before, %d KB after", rss, after)
	if after > rss+16<<10 {
		t.Errorf("resident memory grew from %d KB to %d KB", rss, after)
	}
	eventually(t, "end of all connections", func() bool { return gauge(t, a, "go_goroutines") <= goroutines+8 })
	for line := range strings.Lines(a.output()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"status":5`) || strings.Contains(line, "pl4nted") {
			t.Errorf("log line %s", line)
		}
	}
	clients[0].viewer.get(t, "/v1/entitlements")
	w.checkLedger(t, 0)
}

// rawClient sends bytes over one connection, until the server closes it.
type rawClient struct {
	t      *testing.T
	viewer viewer
	kinds  map[string]malformedRequest
	conn   *net.TCPConn
	r      *bufio.Reader
}

func (c *rawClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// refused sends a request and checks the refusal. It returns the status.
func (c *rawClient) refused(name string) int {
	k := c.kinds[name]
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.viewer.base, "http://"), waitLimit)
		if err != nil {
			c.t.Errorf("%s: %v", name, err)
			return 0
		}
		c.conn, c.r = conn.(*net.TCPConn), bufio.NewReader(conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(waitLimit))
	_, _ = io.WriteString(c.conn, k.raw) // the server may refuse it before its end
	if k.ends {
		_ = c.conn.CloseWrite()
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.close()
		c.t.Errorf("%s: %v", name, err)
		return 0
	}
	body, err := io.ReadAll(resp.Body)
	if err := check(resp, body, err, k); err != nil {
		c.t.Errorf("%s: %v: response %d %v %s", name, err, resp.StatusCode, resp.Header, body)
	}
	_ = resp.Body.Close()
	if resp.Close || k.ends {
		c.close()
	}
	return resp.StatusCode
}

// check returns an error unless the response is the expected problem.
func check(resp *http.Response, body []byte, err error, k malformedRequest) error {
	var p struct {
		Status              int
		Code, Title, Detail string
		RequestID           string `json:"request_id"`
	}
	switch {
	case err != nil:
		return err
	case resp.StatusCode != k.status:
		return fmt.Errorf("want status %d", k.status)
	case resp.StatusCode == http.StatusExpectationFailed:
		return nil // from net/http, without a body
	case resp.Header.Get("Content-Type") != "application/problem+json":
		return fmt.Errorf("want application/problem+json")
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	if p.Status != k.status || p.Code == "" || p.Title == "" || p.Detail == "" || p.RequestID == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
		return fmt.Errorf("the problem lacks a member")
	}
	if found := internals.Find(body); found != nil {
		return fmt.Errorf("the body contains %q", found)
	}
	return nil
}

// residentKB returns the resident memory of a program.
func residentKB(t *testing.T, a api) int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(a.cmd.Process.Pid)).Output()
	kb, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || kb == 0 {
		t.Fatalf("ps: %v, %q", err, out)
	}
	return kb
}

// gauge returns the value of a metric without labels.
func gauge(t *testing.T, a api, name string) float64 {
	t.Helper()
	_, after, _ := strings.Cut(metrics(t, a), "\n"+name+" ")
	text, _, _ := strings.Cut(after, "\n")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
