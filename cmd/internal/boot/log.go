package boot

import (
	"io"
	"log/slog"
)

// LogFormat is the format of log lines.
type LogFormat string

// JSON is for machines, text for people.
const (
	LogJSON LogFormat = "json"
	LogText LogFormat = "text"
)

// UnmarshalText reads json or text.
func (l *LogFormat) UnmarshalText(text []byte) error {
	if v := LogFormat(text); v == LogJSON || v == LogText {
		*l = v
		return nil
	}
	return errInvalid
}

// Logger returns a logger that writes to w. Its times are UTC; it masks secrets
// and anything that looks like a card number.
func (s Service) Logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == LogText {
		return slog.New(newMask(slog.NewTextHandler(w, opts)))
	}
	return slog.New(newMask(slog.NewJSONHandler(w, opts)))
}
