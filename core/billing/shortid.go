package billing

// shortIDLength is the length of a short id.
const shortIDLength = 8

// ShortID returns the last 8 characters of an id, to tell rows of a list apart. The
// first characters of a UUIDv7 are its time: all ids of one run begin alike.
func ShortID(id string) string {
	return id[max(0, len(id)-shortIDLength):]
}
