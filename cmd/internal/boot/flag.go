package boot

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// FlagError returns err, which pflag returned, in words for a person: the flag, its
// value, and the values that it may have.
func FlagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	must := map[string]string{
		"bool":     "be true or false",
		"int":      "be a whole number",
		"duration": "be a duration such as 30s, 10m or 24h",
	}[flag.Value.Type()]
	if must == "" {
		return err
	}
	return fmt.Errorf("--%s %q must %s", flag.Name, invalid.GetValue(), must)
}
