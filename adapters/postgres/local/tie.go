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

// tieScript starts a reader of the pipe (file descriptor 3) in the background and then
// replaces itself with the command. So process id, exit code and signals are those of
// the command.
//
// An empty line on the pipe means that the command has ended. Another line names a
// file that the reader creates, which shows that it is still reading. The end of the
// pipe means that all holders have ended: then the reader sends the signal.
//
// The reader is detached: the command is not its parent, and it does not hold the
// command's output open.
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

// A Child is a process that does not outlive the processes it is tied to.
type Child struct {
	cmd  *exec.Cmd
	sig  syscall.Signal
	done chan struct{}
	err  error // result of Wait; read it only after done is closed
}

// Tie starts cmd so that it ends with this process. When this process ends, even by
// kill -9, the child receives sig, which should make it finish its work and exit. The
// child has its own session, so Ctrl-C on the terminal reaches only this process. It
// can then call [Child.Stop] on its children in order.
//
// cmd must not have ExtraFiles, because Tie uses them. Tie changes cmd.
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

// tie starts cmd, tied to all processes that have the other end of the pipe open. w is
// that end. It closes r, and the caller closes w.
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
		_, _ = w.WriteString("\n") // the reader must not signal an id that another process may have by now
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

// Pid returns the process id of the command.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done returns a channel that is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait waits until the child has ended. It returns the error of [exec.Cmd.Wait]: an
// *exec.ExitError has the child's exit code. It may be called concurrently and
// repeatedly.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Stop sends the child the signal given to [Tie] and waits until it has ended. If ctx
// ends first, Stop kills the child. It returns the error of Wait.
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
