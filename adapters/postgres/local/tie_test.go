package local

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// drainer returns a command that on SIGTERM writes the file done and exits with 7. It
// creates done.ready when it handles the signal.
func drainer(done string) *exec.Cmd {
	return exec.Command("sh", "-c", `trap 'echo bye > "$1"; exit 7' TERM; : > "$1.ready"; while :; do sleep 0.05; done`, "sh", done)
}

func startDrainer(t *testing.T, done string) *Child {
	t.Helper()
	child, err := Tie(drainer(done), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child is ready", func() bool { return exists(done + ".ready") })
	return child
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func TestTie_PassesInputOutputAndExitCode(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", `cat; echo "$0 $1 $KEY"; pwd; exit 3`, "a b", `c"d`)
	cmd.Stdin = bytes.NewBufferString("in\n")
	cmd.Stdout = &out
	cmd.Dir = "/"
	cmd.Env = []string{"KEY=value", "PATH=" + os.Getenv("PATH")}
	child, err := Tie(cmd, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	if code := exitCode(child.Wait()); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if diff := cmp.Diff("in\na b c\"d value\n/\n", out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTie_LeavesNoProcess(t *testing.T) {
	t.Parallel()
	child, err := Tie(exec.Command("true"), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process group is empty", func() bool { return groupEmpty(child.Pid()) })
}

// groupEmpty reports whether no process runs in the process group. Zombies do not
// count.
func groupEmpty(pid int) bool {
	if errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) {
		return true
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, _ := os.ReadFile(stat)
		_, rest, _ := strings.Cut(string(text), ") ") // state, parent, group
		if f := strings.Fields(rest); len(f) > 2 && f[0] != "Z" && f[2] == strconv.Itoa(pid) {
			return false
		}
	}
	return len(stats) > 0
}

func TestTie_OwnSession(t *testing.T) {
	t.Parallel()
	child := startDrainer(t, filepath.Join(t.TempDir(), "done"))
	group, err := syscall.Getpgid(child.Pid())
	if err != nil || group != child.Pid() {
		t.Errorf("process group %d, %v; want its own, %d", group, err, child.Pid())
	}
	_ = child.Stop(t.Context())
}

func TestChildStop_WaitsForChild(t *testing.T) {
	t.Parallel()
	done := filepath.Join(t.TempDir(), "done")
	child := startDrainer(t, done)
	if code := exitCode(child.Stop(t.Context())); code != 7 || !exists(done) {
		t.Errorf("exit code %d, finished %v; want 7, true", code, exists(done))
	}
	if code := exitCode(child.Stop(t.Context())); code != 7 {
		t.Errorf("second Stop: exit code %d, want 7", code)
	}
}

func TestChildStop_KillsAfterTimeout(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	child, err := Tie(exec.Command("sh", "-c", `trap '' TERM; : > "$0"; while :; do sleep 0.05; done`, ready), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child is ready", func() bool { return exists(ready) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if code := exitCode(child.Stop(ctx)); code != -1 {
		t.Errorf("exit code %d, want -1 for a signal", code)
	}
}

func TestTie_ParentKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, line := startProcess(t, "parent", dir)
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(line)
	}
	kill9(parent)
	eventually(t, "no process of the child is left", func() bool { return groupEmpty(pid) })
	if !exists(filepath.Join(dir, "drained")) {
		t.Error("the child received no signal")
	}
}

func TestTie_InvalidCommand(t *testing.T) {
	t.Parallel()
	extra := exec.Command("true")
	extra.ExtraFiles = []*os.File{os.Stdin}
	for name, cmd := range map[string]*exec.Cmd{
		"extra files":     extra,
		"missing program": exec.Command("no-such-program-anywhere"),
		"missing folder":  {Path: "/bin/true", Args: []string{"true"}, Dir: "/no/such/folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if child, err := Tie(cmd, syscall.SIGTERM); err == nil {
				t.Errorf("the command started and ended with %v, want an error", child.Wait())
			}
		})
	}
}
