package billing

import "time"

// UserID identifies a viewer. It is a UUID derived from the subject of the
// viewer's access token.
type UserID string

// User is a viewer that has called the API at least once.
type User struct {
	ID          UserID
	Subject     string // of the viewer's access tokens; "" until a token is seen
	FirstSeenAt time.Time
	LastSeenAt  time.Time
}
