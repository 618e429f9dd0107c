package billing

import (
	"strconv"
	"time"
)

// IDTime returns the time in an id of the service, which is a UUID of version 7 (RFC 9562).
// It is the time of the wall clock when the id was created, in milliseconds. IDTime returns
// false for any other text.
func IDTime(id string) (time.Time, bool) {
	if !IsID(id) || id[14] != '7' {
		return time.Time{}, false
	}
	milliseconds, err := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	return time.UnixMilli(milliseconds).UTC(), err == nil
}
