package boot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestHelp_EveryVariableIsDescribed(t *testing.T) {
	t.Parallel()
	for program, fields := range map[string][]field{
		"billing-api": fieldsOf(new(API)), "billing-admin": fieldsOf(new(Admin)), "billing-renew": fieldsOf(new(Renew)),
	} {
		for _, f := range fields {
			if f.help == "" || strings.HasSuffix(f.help, ".") {
				t.Errorf("%s: the help of %s is %q, want a description without a full stop at the end", program, f.key, f.help)
			}
			if f.required && f.must == "" {
				t.Errorf("%s: %s is required but has no valid values", program, f.key)
			}
		}
	}
}

func TestHelp_Layout(t *testing.T) {
	t.Parallel()
	type Part struct {
		Zone  string `env:"ZONE" envDefault:"UTC" must:"be a time zone" help:"Zone"`
		Limit string `env:"LIMIT" helpDefault:"300 in production, else none" help:"Upper bound on the number of requests of one client"`
	}
	var cfg struct {
		URL  string `env:"URL,required" must:"be a URL" help:"Database"`
		Addr string `env:"A_NAME_THAT_LEAVES_NO_SPACE_IN_ITS_LINE" help:"Listener"`
		Part
	}
	var limit int
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.IntVar(&limit, "limit", 5, "Process at most `N` items")
	want := `x does it.

Flags:

  --limit N                     Process at most N items (default 5)
  --help                        Print this help
  --version                     Print the version

Environment variables (an empty variable counts as not set):

  URL                           Database. Must be a URL (required)
  A_NAME_THAT_LEAVES_NO_SPACE_IN_ITS_LINE
                                Listener

  ZONE                          Zone. Must be a time zone (default UTC)
  LIMIT                         Upper bound on the number of requests of one client
                                (default 300 in production, else none)
`
	got := Program{Name: "x", About: "x does it.\n", Flags: flags}.help(fieldsOf(&cfg))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("help (-want +got):\n%s", diff)
	}
}
