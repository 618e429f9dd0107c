package signature_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/internal/signature"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// A foreign implementation checks the same header in adapters/stripe.
func TestGenuine(t *testing.T) {
	t.Parallel()
	const name = "Signature"
	at, body := time.Unix(1700000000, 0), []byte(`{"type":"payment.changed"}`)
	current, other, empty := billing.NewSecret("current"), billing.NewSecret("other"), billing.Secret{}
	for title, tt := range map[string]struct {
		signed  billing.Secret
		secrets []billing.Secret
		want    bool
	}{
		"the secret":             {current, []billing.Secret{current}, true},
		"the second secret":      {current, []billing.Secret{other, current}, true},
		"another secret":         {current, []billing.Secret{other}, false},
		"no secret":              {current, nil, false},
		"signed with an empty":   {empty, []billing.Secret{empty}, false},
		"an empty one beside it": {current, []billing.Secret{empty, current}, true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			n := ports.Notification{
				Header: map[string][]string{name: {signature.Header(tt.signed, at, body)}}, Body: body, At: at,
			}
			if got := signature.Genuine(n, name, tt.secrets...); got != tt.want {
				t.Errorf("Genuine = %t, want %t", got, tt.want)
			}
			if signature.Genuine(n, "Another-Header", tt.secrets...) {
				t.Error("Genuine reads another header")
			}
		})
	}
}
