package e2e

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// devRun is a running `billingctl dev` and its banner.
type devRun struct {
	*process
	curls    []string
	viewer   viewer
	operator string // export lines for billingctl
	children map[int]string
}

// startDev starts `billingctl dev` and waits for its complete banner.
func startDev(t *testing.T, args ...string) *devRun {
	t.Helper()
	args = append([]string{"dev", "--api-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"}, args...)
	cmd := exec.Command(program(t, "billingctl"), args...)
	cmd.Env = environ("BILLING_SWEEP_INTERVAL=200ms")
	d := &devRun{process: start(t, cmd)}
	api := regexp.MustCompile(`^  API +(http\S+)$`)
	d.line(t, "end of the banner", func(line string) bool {
		switch {
		case strings.HasPrefix(line, "curl "):
			d.curls = append(d.curls, line)
		case strings.HasPrefix(line, "TOKEN="):
			d.viewer.token = strings.TrimPrefix(line, "TOKEN=")
		case strings.HasPrefix(line, "export "):
			d.operator += line + "\n"
		case api.MatchString(line):
			d.viewer.base = api.FindStringSubmatch(line)[1]
		}
		return strings.Contains(line, "billingctl token ")
	})
	// The processes of renewal runs are left out: a run ends soon, and between fork and
	// exec it has the name of its parent.
	d.children = d.process.children(t)
	maps.DeleteFunc(d.children, func(_ int, command string) bool {
		return !strings.Contains(command, "/postgres -D") && !strings.Contains(command, "/billing-api") && !strings.Contains(command, "/billing-admin")
	})
	if len(d.children) != 3 {
		t.Errorf("children %v, want Postgres, the API and the panel", d.children)
	}
	return d
}

// sh runs a script as if pasted into another shell.
func sh(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// paste runs a curl line. Without curl it sends the same request itself.
func (d *devRun) paste(t *testing.T, line string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return sh(t, line)
	}
	word := func(pattern string) string {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(line); m != nil {
			return m[1]
		}
		return ""
	}
	method := word(`-X (\S+)`)
	if method == "" {
		method = http.MethodGet
	}
	v := viewer{token: word(`Bearer ([^']+)'`)}
	return v.call(t, method, word(`(http\S+)`), "", word(`-d '([^']*)'`)).text
}

func TestDev_CommandsOfTheBanner(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	if len(d.curls) != 3 {
		t.Fatalf("%d curl lines were printed, want 3", len(d.curls))
	}
	for i, want := range []string{`"status":"active"`, `"type":"subscribed"`, `"status":"ended"`} {
		if got := d.paste(t, d.curls[i]); !strings.Contains(strings.ReplaceAll(got, `": "`, `":"`), want) {
			t.Errorf("%s\nprints %s\nwant %s in it", d.curls[i], got, want)
		}
	}
	d.loseResponse(t)
	sh(t, d.operator+program(t, "billingctl")+" reconcile --payment-system simulator")

	second := exec.Command(program(t, "billingctl"), "dev", "--ephemeral",
		"--api-addr", strings.TrimPrefix(d.viewer.base, "http://"), "--admin-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
	second.Env = environ()
	other := start(t, second)
	if code := other.wait(t); code != 1 || !strings.Contains(other.output(), "--api-addr") {
		t.Errorf("a second run at the same address: exit code %d, output %q", code, other.output())
	}

	// Ctrl-C reaches the whole process group.
	if err := syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := d.wait(t); code != 0 {
		t.Errorf("exit code %d after Ctrl-C, want 0", code)
	}
	waitGone(t, d.children)
	for _, name := range regexp.MustCompile(`/\S*billing-dev-\d+`).FindAllString(d.output(), -1) {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was not deleted", name)
		}
	}
}

// loseResponse subscribes with a token whose charges get no response.
func (d *devRun) loseResponse(t *testing.T) {
	t.Helper()
	a := d.viewer.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_lost_answer"))
	if a.status != http.StatusAccepted || a.body.Status != "incomplete" {
		t.Errorf("lost response: %d %s, want 202 incomplete", a.status, a.text)
	}
	eventually(t, "activation by the sweep", func() bool {
		return d.viewer.get(t, "/v1/subscriptions/premium").body.Status == "active"
	})
}

func TestDev_KillEndsChildren(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--data", folder(t))
	d.signal(t, syscall.SIGKILL)
	d.wait(t)
	waitGone(t, d.children)
}

func TestDev_EndsWithTheAPI(t *testing.T) {
	t.Parallel()
	d := startDev(t, "--ephemeral")
	for pid, command := range d.children {
		if strings.Contains(command, "billing-api") {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := d.wait(t); code != 1 || !strings.Contains(d.output(), "billing-api ended unexpectedly") {
		t.Errorf("exit code %d, want 1", code)
	}
	waitGone(t, d.children)
}

func TestDev_KeepsData(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := startDev(t, "--data", dir)
	first.paste(t, first.curls[0])
	first.signal(t, syscall.SIGTERM)
	if code := first.wait(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	second := startDev(t, "--data", dir)
	// The token of the first run stays valid.
	old := viewer{base: second.viewer.base, token: first.viewer.token}
	for _, v := range []viewer{second.viewer, old} {
		if diff := cmp.Diff([]string{"subscribed"}, v.eventTypes(t)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	}
	if plans := second.viewer.get(t, "/v1/plans").body.Data; len(plans) != 3 {
		t.Errorf("%d plans, want the same 3", len(plans))
	}
}
