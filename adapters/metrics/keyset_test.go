package metrics_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/metrics"
)

func TestWatchKeySet(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	now := metrics.KeySet{Used: 2, Other: 1, Faulty: 3, Age: 90 * time.Minute}
	m.WatchKeySet(func() metrics.KeySet { return now })
	expect(t, m, `billing_auth_keys{state="used"} 2`, `billing_auth_keys{state="other"} 1`,
		`billing_auth_keys{state="faulty"} 3`, "billing_auth_keys_age_seconds 5400")
	now.Age = -time.Second // the clock was set back
	expect(t, m, "billing_auth_keys_age_seconds 0")
}
