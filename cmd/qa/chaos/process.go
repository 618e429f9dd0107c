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

// process is a program that runs.
type process struct {
	name  string
	cmd   *exec.Cmd
	child *local.Child
	done  chan struct{} // closed when it has ended and all that it said is kept

	mu    sync.Mutex
	lines []string // of both its outputs
}

// startProcess starts a program, of which all output is kept. It does not
// outlive this one.
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

// read keeps what the process says, to its end: it has no children that could
// hold its outputs open longer.
func (p *process) read(r *os.File) {
	defer func() { _ = r.Close() }()
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scan.Text())
		p.mu.Unlock()
	}
	_ = p.child.Wait() // told by ProcessState
	close(p.done)
}

// output is what the process has said so far.
func (p *process) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// lastWords is the end of what it said.
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

// exitCode is -1 when a signal ended it. It must have ended.
func (p *process) exitCode() int { return p.cmd.ProcessState.ExitCode() }

// signal does nothing to a process that has ended.
func (p *process) signal(s syscall.Signal) {
	if !p.ended() {
		_ = syscall.Kill(p.child.Pid(), s)
	}
}

// kill is kill -9, and waits for the end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// stopped reports whether the process has been stopped by SIGSTOP.
func (p *process) suspended() bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(p.child.Pid())).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(out)), "T")
}

// patience is how long anything may take on a machine that has other things to do.
const maxWait = 2 * time.Minute

// interrupted is set when the suite is to end.
var interrupted atomic.Bool

// within waits until is says yes, and returns false when that takes too long.
func waitFor(d time.Duration, is func() bool) bool {
	deadline := time.Now().Add(d)
	for !is() {
		if time.Now().After(deadline) || interrupted.Load() {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
