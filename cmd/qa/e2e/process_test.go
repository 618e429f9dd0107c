package e2e

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// waitLimit is the longest wait for a condition, long enough for a busy machine.
const waitLimit = 90 * time.Second

// eventually waits until is returns true. what names the condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, waitLimit)
		}
		<-tick.C
	}
}

// process is a running program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	lines []string // of standard output and standard error
	more  chan struct{}
}

// start starts a program. It is killed at the end of the test.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), more: make(chan struct{}, 1)}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	// A process group of its own, as a shell gives it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	go p.read(r)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		_ = r.Close()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(cmd.Path), p.output())
		}
	})
	return p
}

// read collects the output of the process. It closes done when the process has ended
// and its output is read. Its children may keep the pipe open, so it waits for the
// end of the output for a second at most.
func (p *process) read(r *os.File) {
	read := make(chan struct{})
	defer close(read)
	go func() {
		_ = p.cmd.Wait() // see ProcessState
		select {
		case <-read:
		case <-time.After(time.Second):
		}
		close(p.done)
	}()
	for scan := bufio.NewScanner(r); scan.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, scan.Text())
		p.mu.Unlock()
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// line waits for a line of output that f accepts.
func (p *process) line(t *testing.T, what string, f func(string) bool) {
	t.Helper()
	seen := 0
	eventually(t, what, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for ; seen < len(p.lines); seen++ {
			if f(p.lines[seen]) {
				return true
			}
		}
		if p.ended() {
			t.Fatalf("%s: the process has ended: %v", what, p.cmd.ProcessState)
		}
		return false
	})
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// signal sends a signal to the process, not to its group.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the end of the process. It returns the exit code, or -1 if a signal
// ended it.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	eventually(t, "end of "+filepath.Base(p.cmd.Path), p.ended)
	return p.cmd.ProcessState.ExitCode()
}

// children returns the child processes: ids with command lines.
func (p *process) children(t *testing.T) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,args=").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	found := map[int]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[1] != strconv.Itoa(p.cmd.Process.Pid) {
			continue
		}
		pid, _ := strconv.Atoi(words[0])
		found[pid] = strings.Join(words[2:], " ")
	}
	return found
}

// waitGone waits until none of the processes runs. A zombie counts as ended.
func waitGone(t *testing.T, processes map[int]string) {
	t.Helper()
	for pid, command := range processes {
		eventually(t, "end of "+command, func() bool {
			out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
			stat := strings.TrimSpace(string(out))
			return stat == "" || strings.HasPrefix(stat, "Z")
		})
	}
}
