package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/webhook"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// handbookCode returns the only block of code in this language of the handbook.
func handbookCode(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(text), "\n```"+language+"\n")
	code, _, ended := strings.Cut(code, "```")
	if !found || !ended {
		t.Fatalf("the handbook has no code in %s", language)
	}
	return code
}

// The receivers of the handbook accept webhooks, refuse forged ones, and ignore repeated
// ones.
func TestHandbook_Receivers(t *testing.T) {
	t.Parallel()
	for language, command := range map[string]func(t *testing.T, folder string) []string{
		"go": func(t *testing.T, folder string) []string {
			file, program := filepath.Join(folder, "main.go"), filepath.Join(folder, "receiver")
			write(t, file, handbookCode(t, "go"))
			build := exec.CommandContext(t.Context(), "go", "build", "-o", program, file)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return []string{program}
		},
		"python": func(t *testing.T, folder string) []string {
			python, err := exec.LookPath("python3")
			switch {
			case err != nil && os.Getenv("CI") != "":
				t.Fatal(err)
			case err != nil:
				t.Skip("python3 is not installed")
			}
			file := filepath.Join(folder, "receiver.py")
			write(t, file, handbookCode(t, "python"))
			return []string{python, file}
		},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			testReceiver(t, command(t, t.TempDir()))
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testReceiver(t *testing.T, command []string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	secret, err := billing.NewWebhookSecret([]byte(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := billing.NewWebhookSecret([]byte(strings.Repeat("o", 32)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	receiver := exec.CommandContext(ctx, command[0], command[1:]...)
	receiver.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret.Reveal(), "ADDR="+address)
	out, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			break
		}
	}
	sender := webhook.New(webhook.Config{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, AllowHTTP: true, Timeout: 10 * time.Second, Now: time.Now})
	good := ports.Webhook{URL: "http://" + address + "/billing", ID: "1", At: time.Now(), Body: []byte(`{"type":"renewed"}`), Secrets: []billing.WebhookSecret{other, secret}}
	forged, old := good, good
	forged.ID, forged.Secrets = "2", []billing.WebhookSecret{other}
	old.ID, old.At = "3", time.Now().Add(-time.Hour)
	last := good
	last.ID, last.Body = "4", []byte(`{"type":"ended"}`)
	for _, test := range []struct {
		hook ports.Webhook
		want int
	}{{good, http.StatusNoContent}, {good, http.StatusNoContent}, {forged, http.StatusUnauthorized}, {old, http.StatusUnauthorized}, {last, http.StatusNoContent}} {
		if r := sender.Send(t.Context(), test.hook); r.Status != test.want {
			t.Errorf("webhook %s: got %v, want status %d", test.hook.ID, r, test.want)
		}
	}
	lines := bufio.NewScanner(out)
	var printed []string
	for len(printed) < 2 && lines.Scan() {
		printed = append(printed, lines.Text())
	}
	if got := strings.Join(printed, " "); got != `{"type":"renewed"} {"type":"ended"}` {
		t.Errorf("the receiver prints %s", got)
	}
	stop()
	_ = receiver.Wait()
}
