package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestIDTime(t *testing.T) {
	t.Parallel()
	// The example of RFC 9562, appendix A.6.
	want := time.Date(2022, 2, 22, 19, 22, 22, 0, time.UTC)
	if at, ok := billing.IDTime("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"); !ok || !at.Equal(want) {
		t.Errorf("IDTime = %s, %t; want %s", at, ok, want)
	}
	for name, id := range map[string]string{
		"version 4": "919108f7-52d1-4320-9bac-f847db4148a8", "version 8": "017f22e2-79b0-8cc3-98c4-dc0c0c07398f",
		"no UUID": "key-1", "empty": "", "cut off": "017f22e2-79b0-7",
	} {
		if at, ok := billing.IDTime(id); ok {
			t.Errorf("%s: IDTime = %s, want none", name, at)
		}
	}
}
