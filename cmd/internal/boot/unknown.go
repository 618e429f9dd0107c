package boot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/caarlos0/env/v11"
)

// otherVariables are read outside of the configurations: by units, and by the builds
// and the tests that inject failures.
var otherVariables = []string{
	"BILLING_RENEW_FLAGS", "BILLING_RECONCILE_FLAGS",
	"BILLING_BASE", "BILLING_CHROMIUM", "BILLING_CLOCK_SKEW", "BILLING_CRASH_AT", "BILLING_CRASH_PASS", "BILLING_MUTANT",
	"BILLING_PGTEST_LINGER", "BILLING_SCREENSHOTS", "BILLING_STOP_AT", "BILLING_TEST_DATABASE_URL", "BILLING_TEST_PAYMENTS",
	"BILLING_TEST_SEED", "BILLING_TEST_YOOKASSA_SPEC",
}

// maxTypos is the largest number of wrong letters in a name that is recognised.
const maxTypos = 3

// UnknownVariables returns a warning for each BILLING_ variable of an environment
// that no program reads. It names the variable that was probably meant, and shows
// no value.
func UnknownVariables(environ []string) (warnings []string) {
	known := knownVariables()
	for name := range env.ToMap(environ) {
		if !strings.HasPrefix(name, "BILLING_") || slices.Contains(known, name) {
			continue
		}
		text := name + " is not a variable of this version and is ignored"
		if like := nearest(name, known); like != "" {
			text += fmt.Sprintf("; did you mean %s?", like)
		}
		warnings = append(warnings, text)
	}
	slices.Sort(warnings)
	return warnings
}

// knownVariables returns the variables of all programs, because they may share one
// environment.
func knownVariables() []string {
	known := slices.Clone(otherVariables)
	for _, fields := range [][]field{fieldsOf(new(API)), fieldsOf(new(Renew)), fieldsOf(new(Admin))} {
		for _, f := range fields {
			known = append(known, f.key)
			if f.secret {
				known = append(known, f.key+"_FILE")
			}
		}
	}
	return known
}

// nearest returns the known name with the fewest typos in name, or "" if all of them
// differ too much.
func nearest(name string, known []string) (like string) {
	fewest := maxTypos + 1
	for _, k := range known {
		if n := levenshtein.ComputeDistance(name, k); n < fewest && !slices.Contains(otherVariables, k) {
			like, fewest = k, n
		}
	}
	return like
}
