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

// maxSocketDir limits the length of the socket's folder. macOS allows 103 bytes for
// the whole path, and the name of the file takes 15.
const maxSocketDir = 88

// socket returns the folder of the socket, which is the same at every start. Its path
// has no comma, because a comma separates hosts in a database URL.
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

// enter creates the folder of a server and locks it. The caller closes the lock.
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
		_ = lock.Close() // the last user deleted the folder while this process waited: create it again
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
	return makeOpenDir(p.dir, 0o711) // the account of the server must reach its data
}

// isFile reports whether name still refers to the open file.
func isFile(f *os.File, name string) bool {
	opened, err1 := f.Stat()
	named, err2 := os.Stat(name)
	return err1 == nil && err2 == nil && os.SameFile(opened, named)
}

// hasReader reports whether the pipe w has a reader, which keeps the server alive. The
// reader may have seen the end of the pipe just before this process opened it. So
// hasReader asks the reader to create a file.
func (p place) hasReader(ctx context.Context, w *os.File) bool {
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
		probe, err := openPipe(p.alive())
		if err != nil {
			return false
		}
		_ = probe.Close()
	}
	return false
}

// isEphemeral reports whether the folder is deleted with the server.
func (p place) isEphemeral() bool {
	_, err := os.Stat(p.ephemeral())
	return err == nil
}

// makeEphemeral marks the folder for deletion, and removes the files of a killed
// ephemeral server. It fails if the folder has other files.
func (p place) makeEphemeral() error {
	files, err := p.unlockedFiles()
	if err != nil {
		return err
	}
	if len(files) > 0 && !p.isEphemeral() {
		return fmt.Errorf("%s is not empty, and an ephemeral server deletes its folder: choose another folder", p.dir)
	}
	if err := removeAll(files); err != nil {
		return err
	}
	return os.WriteFile(p.ephemeral(), nil, 0o600)
}

// remove deletes the folder of an ephemeral server. It deletes the lock last, so that
// no process starts a server in the folder before.
func (p place) remove() error {
	files, err := p.unlockedFiles()
	if err != nil || !p.isEphemeral() {
		return err
	}
	if err := removeAll(append(files, p.socket(), p.users(), p.lock())); err != nil {
		return err
	}
	return os.Remove(p.dir)
}

// unlockedFiles lists the folder, without the two files that serve as locks.
func (p place) unlockedFiles() ([]string, error) {
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
