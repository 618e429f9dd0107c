package boot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

const pan = "4916338506082832"

type publicNumber struct{ Number string }

type privateNumber struct{ number string }

func (p privateNumber) String() string { return "card " + p.number }

var timeOfDay = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d+`)

func TestMask(t *testing.T) {
	t.Parallel()
	spaced, dashed := "4916 3385 0608 2832", "4916-3385-0608-2832"
	for name, c := range map[string]struct {
		log    func(*slog.Logger)
		masked int64
	}{
		"the message":         {func(l *slog.Logger) { l.Info("paid with " + pan) }, 1},
		"a text":              {func(l *slog.Logger) { l.Info("x", "note", "card="+pan+"!") }, 1},
		"in groups":           {func(l *slog.Logger) { l.Info("x", "note", spaced, "other", dashed) }, 2},
		"beside other digits": {func(l *slog.Logger) { l.Info("x", "note", "12 "+pan+" 2031") }, 1},
		"a number":            {func(l *slog.Logger) { l.Info("x", "n", 4916338506082832) }, 1},
		"in the tenth attribute": {func(l *slog.Logger) {
			l.Info("x", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7, "h", 8, "i", 9, "note", pan)
		}, 1},
		"a number below zero": {func(l *slog.Logger) { l.Info("x", "n", -4916338506082832) }, 1},
		"the shortest number": {func(l *slog.Logger) { l.Info("x", "n", 4222222222222) }, 1},
		"almost a UUID": {func(l *slog.Logger) {
			l.Info("x", "a", "0000000-49163385-0608-2832-0000000000", "b", pan+"-abcd-abcd-abcdefabcde")
		}, 2},
		"an error":                {func(l *slog.Logger) { l.Info("x", "error", fmt.Errorf("bad: %w", errors.New(pan))) }, 1},
		"a struct":                {func(l *slog.Logger) { l.Info("x", "v", publicNumber{pan}) }, 1},
		"a stringer":              {func(l *slog.Logger) { l.Info("x", "v", privateNumber{pan}) }, 1},
		"bytes":                   {func(l *slog.Logger) { l.Info("x", "v", []string{pan}) }, 1},
		"a group":                 {func(l *slog.Logger) { l.Info("x", slog.Group("g", "a", slog.GroupValue(slog.String("b", pan)))) }, 1},
		"the logger's attributes": {func(l *slog.Logger) { l.With("card", pan).WithGroup("g").Info("x") }, 1},
		"secret keys": {func(l *slog.Logger) {
			l.Info("x", "cvv", "7391", "Authorization", "Bearer abc", "token", "tok_secret", "pan", "hush")
		}, 4},
		"a secret type": {func(l *slog.Logger) { l.Info("x", "token", billing.NewSecret("tok_secret")) }, 0},
		"no secret":     {func(l *slog.Logger) { l.Info("x", "payment_id", "p", "amount", 39900) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, format := range []LogFormat{LogJSON, LogText} {
				var out bytes.Buffer
				log := Service{LogFormat: format}.Logger(&out)
				c.log(log)
				text := timeOfDay.ReplaceAllString(out.String(), "") // may contain the CVV by chance
				for _, secret := range []string{pan, spaced, dashed, "7391", "Bearer", "tok_secret", "hush"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s: the log shows %s:\n%s", format, secret, &out)
					}
				}
				if reported := strings.Contains(out.String(), "masked"); reported != (c.masked > 0) {
					t.Errorf("%s: the line has the number of replacements: %t\n%s", format, reported, &out)
				}
				if got := Masked(log)(); got != c.masked {
					t.Errorf("%s: masked %d, want %d:\n%s", format, got, c.masked, &out)
				}
			}
		})
	}
}

// The mask must not hide the ids and times that operators search for.
func TestMask_KeepsOtherNumbers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"01981e2c-7d4a-7c10-9351-350165352011", "11111111-1111-1111-1111-111111111117", // ids
		"4916338506082833", "491633850608", "1732394372000", "2026-03-01T10:00:00.123456789Z", "0.0000000000000",
	} {
		var out bytes.Buffer
		log := Service{LogFormat: LogJSON}.Logger(&out)
		log.Info("x", "id", text, "error", errors.New("settle "+text), "at", time.Unix(0, 0), "took", 3*time.Second)
		var line struct{ ID, Error string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.ID != text || line.Error != "settle "+text {
			t.Errorf("%s became %s", text, &out)
		}
	}
}

// Operators compare lines from machines in different time zones.
func TestLogger_TimesAreUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("MSK", 3*60*60))
	for _, format := range []LogFormat{LogJSON, LogText} {
		var out bytes.Buffer
		h := Service{LogFormat: format}.Logger(&out).With("a", at).Handler()
		r := slog.NewRecord(at, slog.LevelInfo, "x", 0)
		r.AddAttrs(slog.Time("b", at), slog.Group("g", slog.Time("c", at)))
		if err := h.Handle(t.Context(), r); err != nil || strings.Count(out.String(), "2026-03-01T10:00:00") != 4 {
			t.Errorf("%s: logged %s, %v", format, &out, err)
		}
	}
}

func TestMask_KeepsLevelAndGroups(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := Service{LogLevel: slog.LevelWarn, LogFormat: LogText}.Logger(&out)
	log.Info("below the level")
	log.WithGroup("g").With("a", 1).Warn("x", "b", 2)
	if got := out.String(); strings.Contains(got, "below the level") || !strings.Contains(got, "g.a=1 g.b=2") {
		t.Errorf("logged %q", got)
	}
}
