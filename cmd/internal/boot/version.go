package boot

import (
	"runtime"

	"github.com/google/uuid"
)

// version is set by the linker: see the Makefile.
var version = "devel"

// Version is what --version prints after the program's name.
func Version() string { return version + " (" + runtime.Version() + ")" }

func init() { uuid.EnableRandPool() } // ids are no secrets: a read of randomness is enough for sixteen

// NewID returns a new UUIDv7: ids that are made later sort later.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
