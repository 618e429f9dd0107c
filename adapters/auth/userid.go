package auth

import "github.com/google/uuid"

// subjectNamespace is the UUIDv5 namespace of user ids made from subjects. It must
// never change, because stored user ids depend on it.
var subjectNamespace = uuid.MustParse("aec4637d-0741-4232-b7e4-48f7e60f2331")

// UserID returns the user id of a token's subject. The same subject always has the
// same id. A UUID in its canonical 36 characters is returned in lower case; any other
// subject becomes a UUIDv5 (RFC 9562 §5.5) of its bytes.
func UserID(sub string) string {
	const canonical = 36 // uuid.Parse also accepts urn:uuid:…, {…} and 32 hex digits
	if len(sub) == canonical {
		if id, err := uuid.Parse(sub); err == nil {
			return id.String()
		}
	}
	return uuid.NewSHA1(subjectNamespace, []byte(sub)).String()
}
