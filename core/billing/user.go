package billing

import "time"

// UserID identifies a viewer. It is a UUID derived from the subject of the
// viewer's access token.
type UserID string

// User is a viewer that has called the API at least once.
type User struct {
	ID          UserID
	Subject     string // of the viewer's access tokens; "" until a token is seen
	Display     Secret // the viewer's name for people, such as an e-mail address; empty without one
	FirstSeenAt time.Time
	LastSeenAt  time.Time
}

// maxDisplay is the length of the longest e-mail address, in characters (RFC 5321, section 4.5.3.1.3).
const maxDisplay = 254

// CleanDisplay returns the display claim of an access token as it is stored: without
// control characters, invisible characters and surrounding spaces. It returns an empty
// Secret for a claim of more than 254 characters, and for a possible card number.
func CleanDisplay(claim string) Secret {
	clean := CleanReference(claim)
	if len([]rune(clean)) > maxDisplay || HoldsCardNumber(clean) {
		return Secret{}
	}
	return NewSecret(clean)
}
