package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

// process is a running program.
type process struct {
	name  string
	cmd   *exec.Cmd
	child *local.Child
	done  chan struct{} // closed when it has ended and lines is complete

	mu    sync.Mutex
	lines []string // of the standard output and error
}

// startProcess starts a program and collects its output. The program is killed if the
// suite itself ends.
func startProcess(name string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	p.child, err = local.Tie(cmd, syscall.SIGKILL)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	go p.read(r)
	return p, nil
}

// read collects the output until the process has ended. The process has no children
// that could keep its output open longer.
func (p *process) read(r *os.File) {
	defer func() { _ = r.Close() }()
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scan.Text())
		p.mu.Unlock()
	}
	_ = p.child.Wait() // exitCode reads the result from ProcessState
	close(p.done)
}

// output returns the lines that the process has printed so far.
func (p *process) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// tail returns the last lines of the output.
func (p *process) tail() string {
	lines := p.output()
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// exitCode returns the exit code of an ended process, or -1 if a signal ended it.
func (p *process) exitCode() int { return p.cmd.ProcessState.ExitCode() }

// signal sends a signal, unless the process has ended.
func (p *process) signal(s syscall.Signal) {
	if !p.ended() {
		_ = syscall.Kill(p.child.Pid(), s)
	}
}

// kill kills the process with SIGKILL and waits until it has ended.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// suspended reports whether SIGSTOP has stopped the process.
func (p *process) suspended() bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(p.child.Pid())).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(out)), "T")
}

// maxWait limits the wait for any single event. It is long, because the machine may be
// busy.
const maxWait = 2 * time.Minute

// interrupted is set when the suite was interrupted by a signal.
var interrupted atomic.Bool

// waitFor waits until done returns true. It returns false after d, or when the suite is
// interrupted.
func waitFor(d time.Duration, done func() bool) bool {
	deadline := time.Now().Add(d)
	for !done() {
		if time.Now().After(deadline) || interrupted.Load() {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
