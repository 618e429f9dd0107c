package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// tieScript runs the command in its own place, so that pid, exit code and
// signals are the command's own, and leaves behind a reader of the pipe (file
// 3). An empty line on the pipe means that the command has ended; another line
// names a file to make as a sign that the pipe is still read; the pipe's end
// means that everybody who held it is gone. The reader is nobody's child and
// holds nothing of the command's output, so that neither the command nor a
// caller who reads the output has to know of it.
const tieScript = `( (
	while IFS= read -r line; do
		if [ -z "$line" ]; then exit; fi
		true >"$line"
	done
	exec <&-
	kill -"$1" $$
) <&3 3<&- >/dev/null 2>&1 & )
shift
exec "$@" 3<&-`

// A Child is a process that does not outlive those it is tied to.
type Child struct {
	cmd  *exec.Cmd
	sig  syscall.Signal
	done chan struct{}
	err  error // of Wait; read it after done
}

// Tie starts cmd so that it ends with this process: when this process is gone,
// even by kill -9, the child gets sig, which should make it finish what it is
// doing and exit. The child has a session of its own, so Ctrl-C on the terminal
// reaches this process alone, which can then [Child.Stop] its children in order.
//
// cmd is as for cmd.Start, without ExtraFiles: their place is taken.
func Tie(cmd *exec.Cmd, sig syscall.Signal) (*Child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	child, err := tie(cmd, sig, r, w)
	if err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	go func() {
		<-child.done
		_ = w.Close()
	}()
	return child, nil
}

// tie starts cmd, tied to everybody who has the pipe's other end open, of which
// w is one. It closes r and leaves w to the caller.
func tie(cmd *exec.Cmd, sig syscall.Signal, r, w *os.File) (*Child, error) {
	if err := wrap(cmd, sig, r); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Args[5], err)
	}
	_ = r.Close()
	c := &Child{cmd: cmd, sig: sig, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		_, _ = w.WriteString("\n") // the reader must not signal a number that may be another's by now
		close(c.done)
	}()
	return c, nil
}

func wrap(cmd *exec.Cmd, sig syscall.Signal, r *os.File) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	if len(cmd.ExtraFiles) > 0 {
		return fmt.Errorf("tie %s: a tied command cannot have extra files", cmd.Path)
	}
	args := []string{"sh", "-c", tieScript, "sh", strconv.Itoa(int(sig)), cmd.Path}
	cmd.Args = append(args, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = []*os.File{r}

	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Setsid = true
	cmd.SysProcAttr = &attr
	return nil
}

// Pid is the process id of the command itself.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait waits for the child's end. The error is that of [exec.Cmd.Wait]: an
// *exec.ExitError has the child's own exit code. It may be called by many, and
// more than once.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Stop asks the child to end, with the signal given to [Tie], and waits until
// it has. When ctx ends first the child is killed. The error is that of Wait.
func (c *Child) Stop(ctx context.Context) error {
	if err := c.cmd.Process.Signal(c.sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop process %d: %w", c.Pid(), err)
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		_ = c.cmd.Process.Kill()
	}
	return c.Wait()
}
