package auth

import "github.com/google/uuid"

// subjects is the namespace of the ids made of subjects that are not UUIDs.
// It can never change: every id in the database hangs on it.
var subjects = uuid.MustParse("aec4637d-0741-4232-b7e4-48f7e60f2331")

// UserID turns a token's subject into the id of our user: the same id for the
// same subject for ever. A UUID in its canonical 36 characters stays what it
// is, in lower case; anything else becomes a UUIDv5 (RFC 9562 §5.5) of its bytes.
func UserID(sub string) string {
	const canonical = 36 // uuid.Parse also takes urn:uuid:…, {…} and 32 bare digits
	if len(sub) == canonical {
		if id, err := uuid.Parse(sub); err == nil {
			return id.String()
		}
	}
	return uuid.NewSHA1(subjects, []byte(sub)).String()
}
