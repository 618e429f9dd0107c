package dev

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
)

func TestMoved(t *testing.T) {
	t.Parallel()
	now := time.Date(2028, time.January, 31, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		before, after clock.State
		want          bool
	}{
		"ticks on":             {clock.State{Now: now, Ahead: time.Hour}, clock.State{Now: now.Add(time.Second), Ahead: time.Hour + time.Millisecond}, false},
		"advanced by a second": {clock.State{Now: now}, clock.State{Now: now.Add(time.Second), Ahead: time.Second}, true},
		"stays frozen":         {clock.State{Now: now, Frozen: true}, clock.State{Now: now, Frozen: true, Ahead: -time.Hour}, false},
		"frozen, moved":        {clock.State{Now: now, Frozen: true}, clock.State{Now: now.Add(time.Second), Frozen: true, Ahead: time.Second}, true},
		"freezes":              {clock.State{Now: now}, clock.State{Now: now, Frozen: true}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := moved(test.before, test.after); got != test.want {
				t.Errorf("moved returns %t, want %t", got, test.want)
			}
		})
	}
}
