package boot

import (
	"fmt"
	"strings"
)

// ConfigError lists all faults of a configuration, one a line. A fault names the
// variable and shows its value unless that is a secret.
type ConfigError struct{ Faults []string }

func (e *ConfigError) Error() string {
	return "the configuration cannot be used:\n  " + strings.Join(e.Faults, "\n  ")
}

// faults collects the faults of a configuration, so that Load reports all of them.
type faults []string

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

// need adds a fault unless ok.
func (f *faults) need(ok bool, format string, args ...any) {
	if !ok {
		f.add(format, args...)
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &ConfigError{Faults: f}
}
