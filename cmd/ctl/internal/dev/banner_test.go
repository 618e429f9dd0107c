package dev

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The commands of the banner work in a shell that has nothing but a PATH, and for
// another viewer whose token is in TOKEN.
func TestBanner_CurlLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := demo{token: "eyJ.demo.token", tokenFile: filepath.Join(dir, "a token"), expires: time.Unix(0, 0).UTC()}
	if err := os.WriteFile(d.tokenFile, []byte(d.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := Options{Stdout: &out, APIAddr: ":8080", AdminAddr: ":8081", OpsAddr: ":9090", Self: "billingctl"}
	if err := o.banner("postgres://localhost/billing", folder{dir: dir}, d); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"TOKEN=" + d.token, o.APIAddr.URL() + "/demo#token=" + d.token} {
		if n := strings.Count(out.String(), "\n"+line+"\n"); n != 1 {
			t.Errorf("the line %s is printed %d times, want once", line, n)
		}
	}
	if n := strings.Count(out.String(), d.token); n != 2 {
		t.Errorf("the token is printed %d times, want 2", n)
	}
	lines := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		lines++
		for token, set := range map[string]string{d.token: "", "eyJ.alice": "TOKEN=eyJ.alice; "} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", set+line)
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			got, err := cmd.CombinedOutput()
			if want := "\nAuthorization: Bearer " + token + "\n"; err != nil || !strings.Contains(string(got), want) {
				t.Errorf("%s%s: %v, arguments %q, want %q in them", set, line, err, got, want)
			}
		}
	}
	if lines != 3 {
		t.Errorf("%d curl lines, want 3", lines)
	}
}

func TestEnviron_LogsWarningsUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"by default":   {nil, "warn"},
		"set to info":  {[]string{"BILLING_LOG_LEVEL=info"}, "info"},
		"set to debug": {[]string{"BILLING_LOG_LEVEL=debug"}, "debug"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			level := ""
			for _, v := range (Options{Environ: test.environ}).environ("", demo{}) {
				if text, ok := strings.CutPrefix(v, "BILLING_LOG_LEVEL="); ok {
					level = text // the last one counts
				}
			}
			if level != test.want {
				t.Errorf("the programs log from level %q, want %q", level, test.want)
			}
		})
	}
}
