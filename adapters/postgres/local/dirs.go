package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

const appDir = "cinema-billing"

// DefaultDir returns the folder for the data of `make run`. It is the system's usual
// folder for data of applications. For root it is a folder that the account of the
// server can enter.
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
		return "", fmt.Errorf("find a folder for the database: %w", err)
	}
	return filepath.Join(home, dir, appDir), nil
}

// cacheDir returns the folder of fetched binaries.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 { // the account of the server may not enter root's own folder
		return filepath.Join("/var/cache", appDir), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for Postgres binaries: %w", err)
	}
	return filepath.Join(dir, appDir), nil
}

// makeOpenDir creates a folder and its parents with the mode, regardless of the
// umask. It does not change existing folders.
func makeOpenDir(dir string, mode os.FileMode) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeOpenDir(filepath.Dir(dir), mode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil // another process has created it
		}
		return err
	}
	return os.Chmod(dir, mode)
}
