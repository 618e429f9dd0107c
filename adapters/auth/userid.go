package auth

import "github.com/google/uuid"

// subjectNamespace is the UUIDv5 namespace of user ids made from subjects. It must
// never change, because stored user ids depend on it.
var subjectNamespace = uuid.MustParse("aec4637d-0741-4232-b7e4-48f7e60f2331")

// UserID returns the user id of a token's subject. The same subject always has the
// same id. A UUID in its canonical 36 characters is returned in lower case; any other
// subject becomes a UUIDv5 (RFC 9562 §5.5) of its bytes.
//
// Two subjects may have the same id: one of them is then the UUID that the other
// becomes. So the id alone does not identify the viewer: compare the subject.
func UserID(sub string) string {
	if id, ok := subjectUUID(sub); ok {
		return id
	}
	return uuid.NewSHA1(subjectNamespace, []byte(sub)).String()
}

// subjectUUID returns a subject that is a UUID, in lower case.
func subjectUUID(sub string) (id string, ok bool) {
	const canonical = 36 // uuid.Parse also accepts urn:uuid:…, {…} and 32 hex digits
	if len(sub) != canonical {
		return "", false
	}
	parsed, err := uuid.Parse(sub)
	return parsed.String(), err == nil
}
