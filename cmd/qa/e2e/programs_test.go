package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binDir is the folder of the built programs.
var binDir string

func TestMain(m *testing.M) {
	var err error
	if binDir, err = os.MkdirTemp("", "billing-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flag.Parse()
	// The tests mostly wait for programs, so more of them than processors can run.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set("4")
	}
	code := m.Run()
	_ = os.RemoveAll(binDir)
	os.Exit(code)
}

// build builds all programs, once for all tests.
var build = sync.OnceValue(func() error {
	for _, p := range []struct{ name, from, tags string }{
		{"billing-api", "api", ""},
		{"billing-renew", "renew", ""},
		{"billing-admin", "admin", ""},
		{"billingctl", "ctl", ""},
		{"billing-api-crash", "api", "crash"},
		{"billing-renew-crash", "renew", "crash"},
	} {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", p.tags,
			"-o", filepath.Join(binDir, p.name), "github.com/online-cinema/billing/cmd/"+p.from)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.name, err, out)
		}
	}
	return nil
})

// program returns the path of a built program.
func program(t *testing.T, name string) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(binDir, name)
}

// environ returns the environment of the test without the variables of the service,
// and with vars.
func environ(vars ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BILLING_") {
			env = append(env, v)
		}
	}
	return append(env, vars...)
}
