package boot

import (
	"runtime"

	"github.com/google/uuid"
)

// version is set by the linker (see the Makefile).
var version = "devel"

// Version returns the text that --version prints after the program's name.
func Version() string { return version + " (" + runtime.Version() + ")" }

func init() { uuid.EnableRandPool() } // ids are not secret, so sixteen may share one read of random bytes

// NewID returns a new UUIDv7. A later id sorts after an earlier one.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
