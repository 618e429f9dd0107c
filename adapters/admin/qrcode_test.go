package admin

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"
)

// The drawing has exactly the modules of the code, inside its quiet zone.
func TestQRCode(t *testing.T) {
	t.Parallel()
	text := "otpauth://totp/Cinema%20Billing:" + strings.Repeat("n", 64) + "?issuer=Cinema%20Billing&secret=" + strings.Repeat("A", 32)
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	got, err := newQRCode(text)
	if err != nil || got.Size != c.Size+8 {
		t.Fatalf("size %d for %d modules, %v", got.Size, c.Size, err)
	}
	drawn := map[[2]int]bool{}
	for run := range strings.SplitSeq(strings.TrimSuffix(got.Path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n != back {
			t.Fatalf("%q: %v", run, err)
		}
		for i := range n {
			drawn[[2]int{x + i, y}] = true
		}
	}
	for y := range got.Size {
		for x := range got.Size {
			if want := c.Black(x-4, y-4); drawn[[2]int{x, y}] != want {
				t.Fatalf("module %d,%d is black: %t, want %t", x, y, !want, want)
			}
		}
	}
}

func TestBrowserFamily(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0":               "Edge, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari, iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                         "Chrome, Android",
		"Go-http-client/1.1": "", "": "", "<script>alert(1)</script> Linux": "Linux",
	} {
		if got := browserFamily(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
