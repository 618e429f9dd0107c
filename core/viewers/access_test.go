package viewers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestAccessOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	const bare = billing.UserID("0193b1a0-7f6e-7c3a-9b1e-000000000001")
	viewer, at := billingtest.SubscribeBasic().User, w.Clock.Now()
	err := w.Store.InTx(t.Context(), func(tx ports.Repos) error {
		return errors.Join(tx.Users.Identify(t.Context(), at, billing.User{ID: viewer, Subject: "auth0|1"}), tx.Users.Identify(t.Context(), at, billing.User{ID: bare, Subject: "auth0|2"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	const unknown = billing.UserID("0193b1a0-7f6e-7c3a-9b1e-000000000002")
	until := billing.Calendar{}.AddMonths(at, 1).Add(billingtest.RenewalGrace)
	all := viewers.Entitlements{Features: []string{"hd", "offline"}, Until: until, At: at}
	none := viewers.Entitlements{At: at}
	for _, tt := range []struct {
		name  string
		ref   viewers.UserRef
		want  viewers.Access
		found bool
	}{
		{"by id", viewers.UserRef{ID: viewer}, viewers.Access{Entitlements: all, UserID: viewer, Subject: "auth0|1"}, true},
		{"by subject", viewers.UserRef{ID: viewer, Subject: "auth0|1"}, viewers.Access{Entitlements: all, UserID: viewer, Subject: "auth0|1"}, true},
		{"by another subject with the same id", viewers.UserRef{ID: viewer, Subject: "other"}, viewers.Access{Entitlements: none, UserID: viewer, Subject: "other"}, false},
		{"without a subscription", viewers.UserRef{ID: bare, Subject: "auth0|2"}, viewers.Access{Entitlements: none, UserID: bare, Subject: "auth0|2"}, true},
		{"without a subscription, another subject", viewers.UserRef{ID: bare, Subject: "other"}, viewers.Access{Entitlements: none, UserID: bare, Subject: "other"}, false},
		{"unknown", viewers.UserRef{ID: unknown}, viewers.Access{Entitlements: none, UserID: unknown}, false},
	} {
		v := viewers.Queries{Store: w.Store, Clock: w.Clock, RenewalGrace: billingtest.RenewalGrace}
		list, err := v.AccessOf(t.Context(), viewers.UserRef{ID: unknown}, tt.ref, tt.ref)
		if err != nil || len(list) != 3 {
			t.Fatalf("%s: %v, %v", tt.name, list, err)
		}
		if diff := cmp.Diff([]viewers.Access{{Entitlements: none, UserID: unknown}, tt.want, tt.want}, list); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if _, err := v.Access(t.Context(), tt.ref); (err == nil) != tt.found || err != nil && !errors.Is(err, billing.NotFound) {
			t.Errorf("%s: error %v; known: %t", tt.name, err, tt.found)
		}
	}
	w.Clock.Advance(until.Sub(at) + time.Second)
	list, err := viewers.Queries{Store: w.Store, Clock: w.Clock}.AccessOf(t.Context(), viewers.UserRef{ID: viewer})
	if err != nil || len(list[0].Features) > 0 || !list[0].Until.IsZero() {
		t.Errorf("after the end: %+v, %v", list, err)
	}
}
