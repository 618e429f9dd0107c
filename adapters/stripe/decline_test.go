package stripe

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
)

var update = flag.Bool("update", false, "write the golden file")

const golden = "testdata/declines.golden"

// The golden file has every decline code of Stripe's own library. A new version of the
// library that has a new code fails this test.
func TestDeclines_Golden(t *testing.T) {
	t.Parallel()
	codes := constantsOf(t, "error.go", "DeclineCode")
	if len(codes) < 40 {
		t.Fatalf("the library has %d decline codes, want at least 40", len(codes))
	}
	var got strings.Builder
	for _, code := range codes {
		o := decline{Code: "card_declined", DeclineCode: code}.outcome("pi_1", false)
		fmt.Fprintf(&got, "%-34s %s %s\n", code, o.DeclineCode, o.Advice)
		if o.DeclineCode == billing.UnknownDecline && code != "incorrect_zip" {
			t.Errorf("the decline code %s of Stripe is not in the table", code)
		}
	}
	text := strings.ReplaceAll(got.String(), " \n", "\n")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("the mapping differs (-want +got):\n%s", diff)
	}
}

// constantsOf returns the values of a type's constants in a file of Stripe's library.
func constantsOf(t *testing.T, name, typ string) (values []string) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/stripe/stripe-go/v85").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), name), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is || len(spec.Values) == 0 {
			return true
		}
		if name, is := spec.Type.(*ast.Ident); is && name.Name == typ {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	slices.Sort(values)
	return values
}

func TestDeclines(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decline decline
		blocked bool
		want    billing.Outcome
	}{
		"only a code":             {decline{Code: "expired_card"}, false, billing.Outcome{DeclineCode: billing.CardExpired}},
		"the failed 3DS":          {decline{Code: "payment_intent_authentication_failure"}, false, billing.Outcome{DeclineCode: billing.AuthenticationFailed}},
		"nothing":                 {decline{}, false, billing.Outcome{DeclineCode: billing.UnknownDecline}},
		"an unknown decline code": {decline{Code: "expired_card", DeclineCode: "new"}, false, billing.Outcome{DeclineCode: billing.UnknownDecline}},
		"blocked by Stripe":       {decline{DeclineCode: "fraudulent"}, true, billing.Outcome{DeclineCode: billing.BlockedByProvider}},
		"try again later":         {decline{DeclineCode: "do_not_honor", AdviceCode: "try_again_later"}, false, billing.Outcome{DeclineCode: billing.DoNotHonor}},
		"do not try again":        {decline{DeclineCode: "do_not_honor", AdviceCode: "do_not_try_again"}, false, billing.Outcome{DeclineCode: billing.DoNotHonor, Advice: billing.DoNotRetry}},
		"confirm the card":        {decline{DeclineCode: "invalid_account", AdviceCode: "confirm_card_data"}, false, billing.Outcome{DeclineCode: billing.IncorrectNumber, Advice: billing.NewCardNeeded}},
		"a revoked consent outweighs the advice": {
			decline{DeclineCode: "stop_payment_order", AdviceCode: "do_not_try_again"}, false,
			billing.Outcome{DeclineCode: billing.MandateRevoked, Advice: billing.ConsentWithdrawn},
		},
	} {
		tt.want.Status, tt.want.ProviderRef = billing.PaymentDeclined, "pi_1"
		if got := tt.decline.outcome("pi_1", tt.blocked); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestReasons_EachCodeOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for ours, theirs := range reasons() {
		if !slices.Contains(billing.DeclineCodes(), ours) {
			t.Errorf("%s is no decline code", ours)
		}
		for _, code := range theirs {
			if seen[code] {
				t.Errorf("the table has %s twice", code)
			}
			seen[code] = true
		}
	}
}
