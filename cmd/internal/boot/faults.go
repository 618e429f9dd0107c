package boot

import (
	"fmt"
	"strings"
)

// ConfigError lists everything that is wrong with a configuration, one fault a
// line. It names variables and shows their values, but never a secret.
type ConfigError struct{ Faults []string }

func (e *ConfigError) Error() string {
	return "the configuration cannot be used:\n  " + strings.Join(e.Faults, "\n  ")
}

// faults collects what is wrong, so that everything is told at once.
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
