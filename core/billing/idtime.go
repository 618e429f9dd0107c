package billing

import (
	"fmt"
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

// FirstIDAt returns the lowest id that the service can create at a time: see [IDTime].
func FirstIDAt(t time.Time) string {
	hex := fmt.Sprintf("%012x", max(0, min(t.UnixMilli(), 1<<48-1)))
	return hex[:8] + "-" + hex[8:] + "-0000-0000-000000000000"
}
