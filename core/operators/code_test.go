package operators

import "time"

// TOTPCode returns the code that an authenticator app shows.
func TOTPCode(key []byte, at time.Time) string { return totpCode(key, totpStepAt(at)) }
