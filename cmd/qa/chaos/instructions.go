package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/online-cinema/billing/adapters/auth"
)

// instructions returns the scenarios with instructions of the operators of the panel.
func instructions() []scenario {
	all := []scenario{
		{
			name: "instruct/while renewing", short: 1, long: 10,
			description: "operators cancel, give time and refund, each request twice, while viewers cancel and a run charges them: each instruction is done once, or refused",
			run:         instructWhileRenewing,
		},
		{
			name: "instruct/give plan", short: 1, long: 10,
			description: "operators give the plan to viewers whose subscription has ended, while those subscribe again: each has one live subscription, and a given one ends without a charge",
			run:         givePlanWhileSubscribing,
		},
		{
			name: "instruct/panel", short: 1, long: 5,
			description: "the support submits many refunds at the same moment, and two editors decide at the same moment: the limit of the day holds, and each decision is made once",
			run:         instructInPanel,
		},
	}
	// The points surround one transaction, so the short form has the step inside it.
	short := map[string]int{"instruction.changed": 1}
	for _, p := range []killPoint{{"instruction.read", 1}, {"instruction.changed", viewerCount}, {"instruction.done", viewerCount}} {
		all = append(all, scenario{
			name: "kill/instruct/" + p.name, short: short[p.name], long: 10,
			description: fmt.Sprintf("kill -9 at %s, while an API executes instructions: each is done once", p.name),
			run:         func(t *trial) { killInstructed(t, p) },
		})
	}
	return all
}

// insertInstruction stores an open instruction about the live subscription of a viewer, as
// the panel does. An instruction whose id is stored already changes nothing.
const insertInstruction = `
	INSERT INTO instructions (user_id, id, kind, target, days, amount, currency, end_now, settle_as, reason, author, author_role, origin,
		decided_by, state, fault_code, outcome, created_at)
	SELECT s.user_id, $2::uuid, $3::text, CASE $3 WHEN 'refund' THEN s.latest_payment_id WHEN 'unlink' THEN s.payment_method_id ELSE s.id END,
		CASE $3 WHEN 'give' THEN 3 ELSE 0 END, CASE $3 WHEN 'refund' THEN 1000 ELSE 0 END, CASE $3 WHEN 'refund' THEN 'RUB' ELSE '' END,
		false, '', 'requested by the suite', 'suite', 'editor', '', '', 'open', '', '', now()
	FROM subscriptions s WHERE s.user_id::text = $1 AND s.ended_at IS NULL
	ON CONFLICT (user_id, id) DO NOTHING`

// instruct stores an instruction of this kind about the viewer's subscription, twice.
func (v viewer) instruct(kind string) {
	id := uuid.NewString()
	for range 2 {
		if _, err := v.w.pool.Exec(v.w.ctx, insertInstruction, auth.UserID(v.name), id, kind); err != nil {
			v.w.violated("instruction to %s for %s: %v", kind, v.name, err)
		}
	}
}

// insertPlanGift stores an open instruction to give the plan premium to a viewer.
const insertPlanGift = `
	INSERT INTO instructions (user_id, id, kind, target, days, amount, currency, end_now, settle_as, reason, author, author_role, origin,
		decided_by, state, fault_code, outcome, created_at)
	SELECT $1::uuid, $2::uuid, 'give_plan', p.id, 3, 0, '', false, '', 'requested by the suite', 'suite', 'editor', '', '', 'open', '', '', now()
	FROM plans p WHERE p.code = 'premium'
	ON CONFLICT (user_id, id) DO NOTHING`

// givePlan stores an instruction to give the viewer the plan premium, twice.
func (v viewer) givePlan() {
	id := uuid.NewString()
	for range 2 {
		if _, err := v.w.pool.Exec(v.w.ctx, insertPlanGift, auth.UserID(v.name), id); err != nil {
			v.w.violated("instruction to give %s the plan: %v", v.name, err)
		}
	}
}

func givePlanWhileSubscribing(t *trial) {
	const n = 24
	w := t.world("BILLING_CHARGE_TIMEOUT=2s")
	w.setClock(january31)
	w.api()
	w.api()
	viewers := w.subscribeViewers(n, "tok_ok")
	w.awaitActive(viewers, "tok_ok")
	forEach(8, viewers, func(_ int, v viewer) {
		v.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "end-"+v.name, `{"at":"now"}`)
	})
	forEach(n, viewers, func(i int, v viewer) {
		rng := t.rng(v.name)
		v.givePlan()
		if rng.IntN(4) == 0 {
			v.givePlan()
		}
		w.sleep(time.Duration(rng.IntN(1000)) * time.Millisecond)
		v.retry(http.MethodPost, "/v1/subscriptions", "again-"+v.name, subscribeBody(fmt.Sprintf("tok_ok~again-%d", i)))
	})
	w.checkInstructions()
	const given = `SELECT count(*) FROM subscriptions WHERE payment_method_id IS NULL`
	gifts := w.queryInt(given)
	w.count("plans given", gifts)
	if gifts == 0 || gifts == n {
		w.noFault("%d of %d viewers were given the plan, so the requests did not compete", gifts, n)
	}
	w.setClock(january31.AddDate(0, 0, 3))
	w.check()
	if live := w.queryInt(given + ` AND ended_at IS NULL`); live != 0 {
		w.violated("given: %d subscriptions that were given have not ended", live)
	}
}

// checkInstructions waits until no instruction is open and all refunds are settled, and audits
// the world. I20 reports open instructions.
func (w *world) checkInstructions() {
	waitFor(maxWait, func() bool { return w.queryInt(`SELECT count(*) FROM instructions WHERE state = 'open'`) == 0 })
	w.count("instructions done", w.queryInt(`SELECT count(*) FROM instructions WHERE state = 'done'`))
	w.checkRefunds()
}

// killInstructed kills the API that executes instructions. Another one does the rest.
func killInstructed(t *trial, p killPoint) {
	w := t.world("BILLING_CHARGE_TIMEOUT=2s")
	first := w.api()
	viewers := w.subscribeViewers(viewerCount, "tok_ok")
	w.awaitActive(viewers, "tok_ok")
	first.kill()
	kinds := []string{"give", "refund", "cancel", "unlink"}
	forEach(4, viewers, func(i int, v viewer) { v.instruct(kinds[i%len(kinds)]) })
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	replaced.Wait()
	w.checkInstructions()
	if done := w.queryInt(`SELECT count(*) FROM instructions WHERE state = 'done'`); done != viewerCount {
		w.violated("%d instructions are done, want %d", done, viewerCount)
	}
}

func instructWhileRenewing(t *trial) {
	const n = 30
	w, viewers, run := t.renewingWorld(n)
	forEach(n, viewers, func(_ int, v viewer) {
		rng := t.rng(v.name)
		w.sleep(time.Duration(rng.IntN(900)) * time.Millisecond)
		v.countOverlap()
		v.instruct(pick(rng, "give", "give", "cancel", "cancel_now", "refund", "unlink"))
		if rng.IntN(3) == 0 {
			v.cancel()
		}
	})
	run.mustFinish()
	w.checkInstructions()
	w.setClock(dueAt(2))
	w.check() // cancelled subscriptions must not be billed for the next month
	w.requireOverlaps(n / 6)
}

// The limit of the day of the support, and the amount of each refund, in minor units.
const (
	supportLimit  = 1000_00
	supportRefund = 300_00
)

func instructInPanel(t *trial) {
	const n = 8
	w := t.world()
	w.api()
	viewers := w.subscribeViewers(n, "tok_ok")
	w.awaitActive(viewers, "tok_ok")
	base := w.startPanel()
	support := w.panelUser(base, "sonya", "support")
	editors := []*panelClient{w.panelUser(base, "anna", "editor"), w.panelUser(base, "boris", "editor")}
	forEach(n, viewers, func(_ int, v viewer) { support.refund(v) })
	open := w.queryInt(`SELECT coalesce(sum(amount), 0) FROM instructions WHERE decided_by = '' AND state <> 'waiting_for_approval'`)
	if open > supportLimit {
		w.violated("limit: %d refunds at once exceed the limit together: %d of %d", n, open, supportLimit)
	}
	waiting := w.queryLines(`SELECT user_id || ' ' || id FROM instructions WHERE state = 'waiting_for_approval'`)
	if want := n - supportLimit/supportRefund; len(waiting) != want && w.mutant == "" {
		w.violated("%d refunds wait for an approval, want %d", len(waiting), want)
	}
	forEach(2, waiting, func(_ int, one string) {
		user, id, _ := strings.Cut(one, " ")
		var both sync.WaitGroup
		accepted := make([]bool, len(editors))
		for i, e := range editors {
			both.Go(func() { accepted[i] = e.decide(user, id, []string{"approve", "reject"}[i]) })
		}
		both.Wait()
		if accepted[0] == accepted[1] {
			w.violated("approval: of two decisions about instruction %s at once, %v are accepted", id, accepted)
		}
	})
	w.checkInstructions()
	if rejected := w.queryInt(`SELECT count(*) FROM instructions i JOIN refunds r ON r.user_id = i.user_id AND r.id = i.id WHERE i.state <> 'done'`); rejected != 0 {
		w.violated("approval: %d instructions that are not done have a refund", rejected)
	}
}

// startPanel starts billing-admin and returns its address.
func (w *world) startPanel() string {
	p, err := w.start("admin", released, nil, "BILLING_ADMIN_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=127.0.0.1:0",
		fmt.Sprintf("BILLING_SUPPORT_LIMITS=give=7d,refund=%d.00 RUB/day", supportLimit/100))
	w.require("billing-admin", err)
	base := ""
	waitFor(maxWait, func() bool {
		for _, line := range p.output() {
			var up struct {
				Addr string `json:"admin_addr"`
			}
			if json.Unmarshal([]byte(line), &up) == nil && up.Addr != "" {
				base = "http://" + up.Addr
			}
		}
		return base != "" || p.ended()
	})
	if base == "" {
		w.inconclusive("billing-admin is not up; its output ends with\n%s", p.tail())
	}
	return base
}

// panelClient is a signed-in browser of the panel.
type panelClient struct {
	w    *world
	base string
	http *http.Client
	csrf string
}

const panelPassword = "correct horse battery"

var (
	csrfOfPage = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)
	idOfForm   = regexp.MustCompile(`name="id" value="([0-9a-f-]+)"`)
)

// panelUser adds a user of the panel and signs in.
func (w *world) panelUser(base, name, role string) *panelClient {
	add := w.billingctl("admin-user", "add", name, "--role", role)
	add.Stdin = strings.NewReader(panelPassword + "\n")
	out, err := add.CombinedOutput()
	w.require("admin-user add: "+string(out), err)
	jar, err := cookiejar.New(nil)
	w.require("cookies", err)
	c := &panelClient{w: w, base: base, http: &http.Client{
		Jar: jar, Timeout: maxWait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if status, body := c.post("/admin/signin", url.Values{"name": {name}, "password": {panelPassword}}); status != http.StatusSeeOther {
		w.inconclusive("sign in as %s: %d %.300s", name, status, body)
	}
	c.csrf = c.match(csrfOfPage, "/admin/info/plans")
	return c
}

func (c *panelClient) do(req *http.Request) (int, string) {
	resp, err := c.http.Do(req)
	if err != nil {
		c.w.violated("panel: %v", err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func (c *panelClient) post(path string, form url.Values) (int, string) {
	req, err := http.NewRequestWithContext(c.w.ctx, http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	c.w.require("request", err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req)
}

// match returns the first group of the pattern in a page.
func (c *panelClient) match(pattern *regexp.Regexp, path string) string {
	req, err := http.NewRequestWithContext(c.w.ctx, http.MethodGet, c.base+path, nil)
	c.w.require("request", err)
	_, body := c.do(req)
	if m := pattern.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	c.w.violated("panel: %s has no %s", path, pattern)
	return ""
}

// refund submits a refund of the viewer's payment, twice by the same form.
func (c *panelClient) refund(v viewer) {
	user := auth.UserID(v.name)
	payment := c.w.queryLines(fmt.Sprintf(`SELECT id::text FROM payments WHERE user_id::text = '%s' AND status = 'succeeded'`, user))
	if len(payment) != 1 {
		c.w.inconclusive("%s has payments %v", v.name, payment)
	}
	form := url.Values{"kind": {"refund"}, "user": {user}, "target": payment}
	form.Set("id", c.match(idOfForm, "/admin/info/instruct?"+form.Encode()))
	form.Set("amount", fmt.Sprintf("%d.00", supportRefund/100))
	form.Set("access", "keep")
	form.Set("reason", "requested by the suite")
	form.Set("csrf", c.csrf)
	var both sync.WaitGroup
	status := make([]int, 2)
	for i := range status {
		both.Go(func() { status[i], _ = c.post("/admin/instruct/submit", form) })
	}
	both.Wait()
	if slices.ContainsFunc(status, func(s int) bool { return s != http.StatusSeeOther && s != http.StatusConflict }) {
		c.w.violated("panel: the refund of %s gets %v", v.name, status)
	}
}

// decide approves or rejects an instruction, and reports whether the panel accepted that.
func (c *panelClient) decide(user, id, decision string) bool {
	status, body := c.post("/admin/approvals", url.Values{"user": {user}, "id": {id}, "decision": {decision}, "csrf": {c.csrf}})
	if status != http.StatusSeeOther && status != http.StatusConflict {
		c.w.violated("panel: %s of %s gets %d %.300s", decision, id, status, body)
	}
	return status == http.StatusSeeOther
}
