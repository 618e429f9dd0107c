package stripe

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// expectGolden compares text with a file in testdata.
func expectGolden(t *testing.T, name, text string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

// The table must have every reason of Stripe's library and of its description of the API,
// and no other.
func TestRefundReasons_Golden(t *testing.T) {
	t.Parallel()
	inLibrary := constantsOf(t, "refund.go", "RefundFailureReason")
	if len(inLibrary) < 3 {
		t.Errorf("the library has the reasons %q, want at least 3", inLibrary)
	}
	known := slices.Sorted(maps.Keys(refundReasons()))
	for _, reason := range inLibrary {
		if !slices.Contains(known, reason) {
			t.Errorf("the table lacks %q of the library", reason)
		}
	}
	description := needAPI(t).Components.Schemas["refund"].Value.Properties["failure_reason"].Value.Description
	if diff := cmp.Diff(quotedWords(description), known); diff != "" {
		t.Errorf("the reasons differ (-description +adapter):\n%s", diff)
	}
	var got strings.Builder
	for _, reason := range known {
		code := refund{Status: refundFailed, FailureReason: reason}.reason()
		fmt.Fprintf(&got, "%-34s %s\n", reason, code)
		if !slices.Contains(billing.DeclineCodes(), code) {
			t.Errorf("%s becomes %q, which is not a decline code", reason, code)
		}
	}
	expectGolden(t, "refund_reasons.golden", got.String())
}

// quotedWords returns the words of a description between backticks, sorted.
func quotedWords(text string) (words []string) {
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	slices.Sort(words)
	return words
}

// A refund may have every status of the description.
func TestRefundStatuses_OfDescription(t *testing.T) {
	t.Parallel()
	description := needAPI(t).Components.Schemas["refund"].Value.Properties["status"].Value.Description
	description, _, _ = strings.Cut(description, "Learn more")
	statuses := quotedWords(description)
	if len(statuses) != 5 {
		t.Errorf("the description has the statuses %q, want 5", statuses)
	}
	for _, status := range statuses {
		if _, err := (refund{ID: "re_1", Status: status}).outcome(); err != nil {
			t.Errorf("the status %s: %v", status, err)
		}
	}
}

// The golden file has every code of an error of Stripe's library, and its meaning for a
// refund. A new version of the library that has a new code fails this test.
func TestRefundErrors_Golden(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{
		"api_key_expired": http.StatusUnauthorized, "platform_api_key_expired": http.StatusUnauthorized,
		"rate_limit": http.StatusTooManyRequests, "lock_timeout": http.StatusTooManyRequests,
		"idempotency_key_in_use": http.StatusConflict, "resource_missing": http.StatusNotFound,
	}
	codes := constantsOf(t, "error.go", "ErrorCode")
	if len(codes) < 180 {
		t.Errorf("the library has %d codes, want at least 180", len(codes))
	}
	var got strings.Builder
	for _, code := range codes {
		status := max(statuses[code], http.StatusBadRequest)
		fmt.Fprintf(&got, "%d %-66s %s\n", status, code, nameOfRefundError(status, code, ""))
	}
	expectGolden(t, "refund_errors.golden", got.String())
}

// nameOfRefundError returns the name of the error after a response to a refund.
func nameOfRefundError(status int, code, members string) string {
	busy := error(nil)
	if status == http.StatusTooManyRequests {
		busy = &ports.BusyError{}
	}
	err := newAPIError(pspclient.Response{Status: status, Body: []byte(`{"error":{"type":"invalid_request_error","code":"` + code + `"` + members + `}}`)}, busy)
	return ports.RefundOutcomeName(billing.RefundOutcome{}, refundError(err))
}

func TestRefundErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status        int
		code, members string
		want          string
	}{
		{400, "", `,"param":"amount"`, "refused"}, // more than the rest has no code
		{400, "charge_already_refunded", "", "refused"},
		{400, "", `,"type":"idempotency_error"`, "key_conflict"},
		{400, "resource_missing", `,"param":"payment_intent"`, "unknown"},
		{400, "livemode_mismatch", "", "unknown"},
		{404, "", "", "unknown"},
		{400, "", `,"param":"customer"`, "refused"},
		{400, "", `,"param":"payment_method"`, "refused"},
		{402, "balance_insufficient", "", "refused"},
		{401, "", "", "credentials"},
		{403, "", "", "credentials"},
		{409, "idempotency_key_in_use", "", "unknown"},
		{429, "lock_timeout", "", "unknown"},
		{429, "rate_limit", "", "busy"},
		{302, "", "", "unknown"},
	} {
		if got := nameOfRefundError(tt.status, tt.code, tt.members); got != tt.want {
			t.Errorf("status %d, code %q%s: %s, want %s", tt.status, tt.code, tt.members, got, tt.want)
		}
	}
}
