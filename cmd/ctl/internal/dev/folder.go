package dev

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

// folder is the data folder of one installation.
type folder struct {
	dir       string
	ephemeral bool
}

func (f folder) postgres() string { return filepath.Join(f.dir, "postgres") }
func (f folder) keys() string     { return filepath.Join(f.dir, "keys") }

func openFolder(o Options) (folder, error) {
	if o.Ephemeral {
		dir, err := os.MkdirTemp("", "billing-dev-")
		if err != nil {
			return folder{}, err
		}
		f := folder{dir, true}
		return f, os.Chmod(dir, mode())
	}
	dir := o.Data
	if dir == "" {
		var err error
		if dir, err = local.DefaultDir(); err != nil {
			return folder{}, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return folder{}, err
	}
	return folder{dir: dir}, makeFolder(dir)
}

// makeFolder creates a folder with its mode regardless of the umask. It leaves an
// existing folder unchanged.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, mode()); err != nil {
		return fmt.Errorf("data folder: %w: choose another with --data", err)
	}
	return os.Chmod(dir, mode())
}

// mode returns the mode of the data folder, which denies access to other users. For
// root it allows traversal, because Postgres then runs as another user. Secret files
// have stricter modes.
func mode() os.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

func (f folder) close() {
	if f.ephemeral {
		_ = os.RemoveAll(f.dir)
	}
}
