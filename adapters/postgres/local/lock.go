package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// flock locks a file. The kernel releases the lock when the file is closed or the
// process ends.
func flock(ctx context.Context, name string, how int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := tryLock(f, how)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return nil, errors.Join(fmt.Errorf("%s is locked by another process: %w", name, err), f.Close())
		}
	}
}

func tryLock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// pause waits for d. It returns the context's error if the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newPipe creates a named pipe and opens both ends.
func newPipe(name string) (r, w *os.File, err error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		return nil, nil, fmt.Errorf("make pipe %s: %w", name, err)
	}
	// Without O_NONBLOCK, each open would wait for the other end.
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open pipe %s: %w", name, err)
	}
	if w, err = openPipe(name); err != nil {
		return nil, nil, errors.Join(err, syscall.Close(fd))
	}
	// A shell will read from it, and shells need blocking reads.
	if err := syscall.SetNonblock(fd, false); err != nil {
		return nil, nil, errors.Join(err, syscall.Close(fd), w.Close())
	}
	return os.NewFile(uintptr(fd), name), w, nil
}

// openPipe opens a pipe for writing. It fails with ENXIO if the pipe has no reader.
func openPipe(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
}
