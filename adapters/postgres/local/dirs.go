package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

const appDir = "cinema-billing"

// DefaultDir is where the server of `make run` keeps its data between runs:
// where this system's applications keep theirs, or, for root, a folder that
// the lesser account which runs the server can enter too.
func DefaultDir() (string, error) {
	switch {
	case os.Geteuid() == 0:
		return filepath.Join("/var/lib", appDir), nil
	case runtime.GOOS == "darwin":
		return inHome("Library/Application Support")
	case filepath.IsAbs(os.Getenv("XDG_DATA_HOME")):
		return filepath.Join(os.Getenv("XDG_DATA_HOME"), appDir), nil
	default:
		return inHome(".local/share")
	}
}

func inHome(dir string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the database: %w", err)
	}
	return filepath.Join(home, dir, appDir), nil
}

// cacheDir is where fetched binaries are kept.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 { // root's own is closed to the account that runs the server
		return filepath.Join("/var/cache", appDir), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for Postgres binaries: %w", err)
	}
	return filepath.Join(dir, appDir), nil
}

// makeOpenDir makes a folder, and those above it, that have the mode whatever
// the umask. What is there it leaves as it is.
func makeOpenDir(dir string, mode os.FileMode) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeOpenDir(filepath.Dir(dir), mode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil // another process was quicker
		}
		return err
	}
	return os.Chmod(dir, mode)
}
