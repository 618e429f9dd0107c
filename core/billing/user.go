package billing

import "time"

// UserID identifies a viewer. It is a UUID derived from the subject of the
// viewer's access token.
type UserID string

// User is a viewer that has called the API at least once.
type User struct {
	ID          UserID
	FirstSeenAt time.Time
	LastSeenAt  time.Time
}
