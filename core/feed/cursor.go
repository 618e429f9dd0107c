package feed

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// cursor is a place in the feed. It keeps since, because events from before may follow the
// place at which a read of the feed starts.
type cursor struct {
	epoch string
	place ports.FeedPlace
	since time.Time
}

const (
	cursorVersion = "f1"
	separator     = ":"
)

// String returns the text of the cursor. The encoding discourages clients from building
// cursors.
func (c cursor) String() string {
	var since int64
	if !c.since.IsZero() {
		since = c.since.UnixMicro()
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{
		cursorVersion, c.epoch, strconv.FormatInt(since, 10), strconv.FormatInt(c.place.Xact, 10), string(c.place.ID),
	}, separator)))
}

// parseCursor returns the cursor with this text. ok is false for a text that String does not
// return.
func parseCursor(text string) (c cursor, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cursor{}, false
	}
	parts := strings.Split(string(raw), separator)
	if len(parts) != 5 || parts[0] != cursorVersion || parts[1] == "" {
		return cursor{}, false
	}
	since, sinceErr := strconv.ParseInt(parts[2], 10, 64)
	xact, xactErr := strconv.ParseInt(parts[3], 10, 64)
	if sinceErr != nil || xactErr != nil || parts[4] != "" && !billing.IsID(parts[4]) {
		return cursor{}, false
	}
	c = cursor{epoch: parts[1], place: ports.FeedPlace{Xact: xact, ID: billing.EventID(parts[4])}}
	if since != 0 {
		c.since = time.UnixMicro(since).UTC()
	}
	return c, c.String() == text
}
