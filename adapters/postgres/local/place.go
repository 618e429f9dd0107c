package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A place is the folder of one server.
type place struct{ dir string }

func (p place) lock() string      { return filepath.Join(p.dir, "lock") }
func (p place) users() string     { return filepath.Join(p.dir, "users") }
func (p place) alive() string     { return filepath.Join(p.dir, "alive") }
func (p place) data() string      { return filepath.Join(p.dir, "data") }
func (p place) newData() string   { return filepath.Join(p.dir, "data.new") }
func (p place) ephemeral() string { return filepath.Join(p.dir, "ephemeral") }
func (p place) log() string       { return filepath.Join(p.dir, "postgres.log") }

// maxSocketDir is how long a socket's folder may be: macOS allows 103 bytes
// for the whole path, and the file's name takes 15.
const maxSocketDir = 88

// socket is the folder of the socket, the same at every start. A comma would
// part two hosts in a database URL.
func (p place) socket() string {
	dir := filepath.Join(p.dir, "run")
	if len(dir) <= maxSocketDir && !strings.ContainsAny(dir, `,"`) {
		return dir
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.dir))
	name := fmt.Sprintf("billing-%d-%x", os.Geteuid(), h.Sum64())
	if dir = filepath.Join(os.TempDir(), name); len(dir) <= maxSocketDir {
		return dir
	}
	return filepath.Join("/tmp", name)
}

// enter makes the folder of a server and takes its lock, which the caller
// closes.
func enter(ctx context.Context, dir string) (place, *os.File, error) {
	p, err := newPlace(dir)
	if err != nil {
		return p, nil, err
	}
	for {
		if err := p.make(); err != nil {
			return p, nil, err
		}
		lock, err := flock(ctx, p.lock(), syscall.LOCK_EX)
		if err == nil && isFile(lock, p.lock()) {
			return p, lock, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return p, nil, err
		}
		_ = lock.Close() // the last user deleted the folder while we waited: begin anew
	}
}

func newPlace(dir string) (place, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return place{}, err
		}
	}
	dir, err := filepath.Abs(dir)
	return place{dir}, err
}

func (p place) make() error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(p.dir, 0o700)
	}
	return makeOpenDir(p.dir, 0o711) // the account that runs the server has to get to its data
}

// isFile tells whether the open file is still the one that has the name.
func isFile(f *os.File, name string) bool {
	opened, err1 := f.Stat()
	named, err2 := os.Stat(name)
	return err1 == nil && err2 == nil && os.SameFile(opened, named)
}

// isRead tells whether the pipe w keeps a server alive. Its reader may have
// seen its end just before we opened it, so we ask for a sign.
func (p place) isRead(ctx context.Context, w *os.File) bool {
	sign := filepath.Join(p.socket(), "joined")
	if err := os.RemoveAll(sign); err != nil {
		return false
	}
	if _, err := w.WriteString(sign + "\n"); err != nil {
		return false
	}
	for pause(ctx, poll) == nil {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
		again, err := openPipe(p.alive())
		if err != nil {
			return false
		}
		_ = again.Close()
	}
	return false
}

// isEphemeral tells whether the folder is to be deleted with the server.
func (p place) isEphemeral() bool {
	_, err := os.Stat(p.ephemeral())
	return err == nil
}

// makeEphemeral marks the folder as one to be deleted, and clears what a
// server that was killed left in it. It refuses one that holds something else.
func (p place) makeEphemeral() error {
	rest, err := p.rest()
	if err != nil {
		return err
	}
	if len(rest) > 0 && !p.isEphemeral() {
		return fmt.Errorf("%s is not empty, and an ephemeral server deletes its folder: choose another", p.dir)
	}
	if err := removeAll(rest); err != nil {
		return err
	}
	return os.WriteFile(p.ephemeral(), nil, 0o600)
}

// remove deletes an ephemeral server's folder, the lock last: until then
// nobody starts a server here.
func (p place) remove() error {
	rest, err := p.rest()
	if err != nil || !p.isEphemeral() {
		return err
	}
	if err := removeAll(append(rest, p.socket(), p.users(), p.lock())); err != nil {
		return err
	}
	return os.Remove(p.dir)
}

// rest is all in the folder but the files that are locked.
func (p place) rest() ([]string, error) {
	entries, err := os.ReadDir(p.dir)
	var names []string
	for _, e := range entries {
		if name := filepath.Join(p.dir, e.Name()); name != p.lock() && name != p.users() {
			names = append(names, name)
		}
	}
	return names, err
}

func removeAll(names []string) error {
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}
