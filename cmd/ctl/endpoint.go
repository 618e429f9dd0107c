package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) endpoint() *cobra.Command {
	g := group("endpoint", "Manage the endpoints that receive events as webhooks",
		t.endpointAdd(), t.endpointList(), t.endpointRotate(), t.endpointReplay(), t.endpointDisable(), t.endpointEnable(), t.endpointTest())
	g.Long = "Manage the endpoints that receive events as webhooks. billing-api sends them, signed by Standard Webhooks.\n\n" +
		"An endpoint that is down loses nothing: its events wait until it takes them again. The commands that change an endpoint take\n" +
		"its id; with a single endpoint it may be left out."
	return g
}

func (t *tool) endpointAdd() *cobra.Command {
	var url string
	var types []string
	cmd := &cobra.Command{
		Use: "add", Short: "Add an endpoint and print its secret, which is never shown again", Args: noArgs,
		Long: "Add an endpoint. It receives the events from now on: billingctl endpoint replay delivers earlier ones. The secret is printed\n" +
			"once; the receiver needs it to verify the signatures. A private address must be in a network of BILLING_WEBHOOK_NETS.",
		Example: "  billingctl endpoint add --url https://crm.example/billing --type renewed --type ended",
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			if err := flagFaults(cmd).err(); err != nil {
				return err
			}
			return t.withEndpoints(cmd.Context(), func(c endpoints) error {
				if c.noKeys != nil {
					return c.noKeys
				}
				e, secret, err := c.Add(cmd.Context(), url, mapped(types, func(s string) billing.EventType { return billing.EventType(s) })...)
				if err != nil {
					return err
				}
				return t.print(endpointSecretJSON{endpointJSON: toEndpointJSON(ports.EndpointView{Endpoint: e}), Secret: secret.Reveal()}, func() {
					t.printf("added endpoint %s: %s", e.ID, e.URL)
					t.printf("secret: %s", secret.Reveal())
					t.printf("Store the secret at the receiver now: it is not shown again.")
				})
			})
		}),
	}
	cmd.Flags().StringVar(&url, "url", "", "address that receives the webhooks")
	cmd.Flags().StringArrayVar(&types, "type", nil, "type of events to receive, such as renewed; may be repeated (default all)")
	require(cmd, "url")
	return t.withJSON(cmd)
}

func (t *tool) endpointList() *cobra.Command {
	return t.withJSON(&cobra.Command{
		Use: "list", Short: "List the endpoints with their lag and last status", Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.withEndpoints(cmd.Context(), func(c endpoints) error {
				list, err := c.List(cmd.Context())
				if err != nil {
					return err
				}
				return t.print(mapped(list, toEndpointJSON), func() { t.showEndpoints(list) })
			})
		}),
	})
}

func (t *tool) showEndpoints(list []ports.EndpointView) {
	t.table([]string{"ID", "URL", "TYPES", "STATE", "BEHIND", "LAG", "LAST STATUS"}, mapped(list, func(e ports.EndpointView) []string {
		behind, lag := strconv.Itoa(e.Behind), "0"
		if e.Behind >= ports.MaxBehind {
			behind += "+"
		}
		if !e.Oldest.IsZero() {
			lag = time.Since(e.Oldest).Round(time.Minute).String()
		}
		return []string{string(e.ID), e.URL, cmp.Or(typeList(e.Types), "all"), endpointState(e.Endpoint), behind, lag, cmp.Or(e.LastStatus, "-")}
	}))
}

func endpointState(e billing.Endpoint) string {
	switch {
	case !e.DisabledAt.IsZero():
		return "disabled since " + formatTime(e.DisabledAt)
	case !e.FailingSince.IsZero():
		return fmt.Sprintf("failing since %s, next try at %s", formatTime(e.FailingSince), formatTime(e.NextTryAt))
	default:
		return "delivers"
	}
}

func typeList(types []billing.EventType) string {
	return strings.Join(mapped(types, func(t billing.EventType) string { return string(t) }), ",")
}

func (t *tool) endpointRotate() *cobra.Command {
	return t.onEndpoint(&cobra.Command{
		Use: "rotate [ID]", Short: "Make a new secret and print it; the old one signs for another 24 hours",
	}, func(ctx context.Context, c endpoints, id billing.EndpointID) error {
		if c.noKeys != nil {
			return c.noKeys
		}
		secret, until, err := c.Rotate(ctx, id)
		if err != nil {
			return err
		}
		return t.print(rotatedSecretJSON{ID: string(id), Secret: secret.Reveal(), OldUntil: until.UTC()}, func() {
			t.printf("secret: %s", secret.Reveal())
			t.printf("Store the secret at the receiver: it is not shown again. Webhooks are signed with the old one too until %s.", formatTime(until))
		})
	})
}

func (t *tool) endpointReplay() *cobra.Command {
	var from, user, event string
	cmd := t.onEndpoint(&cobra.Command{
		Use: "replay [ID] [--from T] [--user U [--event E]]", Short: "Deliver events again: all since a time, or those of one viewer, or one event",
		Long: "Deliver events again. With --from alone, all events that were recorded at or after that time, and the later ones after\n" +
			"them. With --user, those of one viewer, in addition to the running delivery. Receivers recognize events by webhook-id.",
		Example: "  billingctl endpoint replay --from 2026-01-31T00:00:00Z\n  billingctl endpoint replay --user 'auth0|17'",
	}, func(ctx context.Context, c endpoints, id billing.EndpointID) error {
		var f faults
		since := f.time("from", from)
		if from == "" && user == "" {
			f.addf("--from or --user is not set")
		}
		if event != "" && user == "" {
			f.addf("--event needs --user, the viewer whose event it is")
		}
		if event != "" && !billing.IsID(event) {
			f.addf("--event %q is not the id of an event", event)
		}
		if err := f.err(); err != nil {
			return err
		}
		if user == "" {
			e, err := c.Replay(ctx, id, since)
			if err != nil {
				return err
			}
			return t.print(toEndpointJSON(ports.EndpointView{Endpoint: e}), func() {
				t.printf("endpoint %s receives all events since %s again", id, formatTime(since))
			})
		}
		return t.resend(ctx, c, id, user, billing.EventID(event), since)
	})
	cmd.Flags().StringVar(&from, "from", "", "time of the first event, such as 2026-01-31T00:00:00Z or 2026-01-31")
	cmd.Flags().StringVar(&user, "user", "", "subject or id of the viewer")
	cmd.Flags().StringVar(&event, "event", "", "id of one event")
	return cmd
}

func (t *tool) resend(ctx context.Context, c endpoints, id billing.EndpointID, user string, event billing.EventID, since time.Time) error {
	found, err := t.findUser(ctx, c.store, c.Clock, user)
	if err != nil {
		return err
	}
	n, err := c.Resend(ctx, id, found.ID, event, since)
	if err != nil {
		return err
	}
	return t.print(resentJSON{n}, func() { t.printf("endpoint %s receives %d events of %s again", id, n, user) })
}

func (t *tool) endpointDisable() *cobra.Command {
	return t.endpointChange("disable [ID]", "Stop the delivery to an endpoint; its events wait", "disabled", operators.Endpoints.Disable)
}

func (t *tool) endpointEnable() *cobra.Command {
	return t.endpointChange("enable [ID]", "Continue the delivery to an endpoint where it stopped", "enabled", operators.Endpoints.Enable)
}

func (t *tool) endpointChange(use, short, done string, change func(operators.Endpoints, context.Context, billing.EndpointID) (billing.Endpoint, error)) *cobra.Command {
	return t.onEndpoint(&cobra.Command{Use: use, Short: short}, func(ctx context.Context, c endpoints, id billing.EndpointID) error {
		e, err := change(c.Endpoints, ctx, id)
		if err != nil {
			return err
		}
		return t.print(toEndpointJSON(ports.EndpointView{Endpoint: e}), func() { t.printf("%s endpoint %s: %s", done, e.ID, e.URL) })
	})
}

// testWait is longer than billing-api takes to notice a test and to wait for the response.
const testWait = 30 * time.Second

func (t *tool) endpointTest() *cobra.Command {
	return t.onEndpoint(&cobra.Command{
		Use: "test [ID]", Short: "Let billing-api send a signed test event, and print the status of the response",
		Long: "Let billing-api send a signed event of the type test, and print the status of the response. It tests what a real event\n" +
			"needs: the network of billing-api, the name, the certificate and the secret. The exit code is 1 unless the status is 2xx.",
	}, func(ctx context.Context, c endpoints, id billing.EndpointID) error {
		e, err := c.Test(ctx, id)
		if err != nil {
			return err
		}
		tick := time.NewTicker(testWait / 100)
		defer tick.Stop()
		for until := time.Now().Add(testWait); !e.TestAskedAt.IsZero(); {
			if time.Now().After(until) {
				return fmt.Errorf("billing-api has not sent the test within %v: does it run?", testWait)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if e, err = c.Find(ctx, id); err != nil {
				return err
			}
		}
		if !strings.HasPrefix(e.TestStatus, "2") {
			return fmt.Errorf("the test of endpoint %s failed: %s", id, e.TestStatus)
		}
		return t.print(toEndpointJSON(ports.EndpointView{Endpoint: e}), func() { t.printf("endpoint %s responded with status %s", id, e.TestStatus) })
	})
}

// onEndpoint makes a command for the endpoint with the id that is its argument. Without an
// argument it is for the only endpoint.
func (t *tool) onEndpoint(cmd *cobra.Command, f func(context.Context, endpoints, billing.EndpointID) error) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%q takes one argument, the id of an endpoint, but %d were given", cmd.CommandPath(), len(args))
		}
		if len(args) == 1 && !billing.IsID(args[0]) {
			return fmt.Errorf("%q is not the id of an endpoint: see billingctl endpoint list", args[0])
		}
		return nil
	}
	cmd.RunE = t.action(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		return t.withEndpoints(ctx, func(c endpoints) error {
			if len(args) == 1 {
				return f(ctx, c, billing.EndpointID(args[0]))
			}
			list, err := c.List(ctx)
			if err != nil {
				return err
			}
			if len(list) != 1 {
				return usageErrorf("there are %d endpoints: name the id of one, see billingctl endpoint list", len(list))
			}
			return f(ctx, c, list[0].ID)
		})
	})
	return t.withJSON(cmd)
}

// endpointConfig is the configuration of commands that manage endpoints.
type endpointConfig struct {
	boot.Service
	boot.Database
	boot.Time
	boot.Vault
}

// endpoints are the endpoints with the store that they are in.
type endpoints struct {
	operators.Endpoints
	store  *postgres.Store
	noKeys error // if secrets cannot be encrypted, and must be
}

// withEndpoints runs f with the endpoints. Secrets are encrypted with the keyset of payment
// tokens, which production requires for new ones.
func (t *tool) withEndpoints(ctx context.Context, f func(endpoints) error) error {
	cfg, err := boot.Load[endpointConfig](t.environ)
	if err != nil {
		return err
	}
	var noKeys error
	if cfg.Env == boot.Production && cfg.KeysetFile == "" && cfg.TokenKeysetFile == "" {
		noKeys = usageErrorf("BILLING_TOKEN_KEYSET_FILE is not set: its keys encrypt the secrets of endpoints")
	}
	keys, err := cfg.OpenKeys(cfg.Env, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	now, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL, operatorRole)
	if err != nil {
		return err
	}
	defer closeClock()
	return t.withPool(ctx, func(pool *pgxpool.Pool) error {
		s := boot.NewStore(pool, keys)
		return f(endpoints{operators.Endpoints{
			Store: s, Clock: now, Wall: time.Now, NewID: boot.NewID, Random: randomBytes,
			AllowHTTP: cfg.Env != boot.Production, By: t.operator(),
		}, s, noKeys})
	})
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

type endpointJSON struct {
	ID           string     `json:"id"`
	URL          string     `json:"url"`
	Types        []string   `json:"types"` // empty for all
	AddedAt      time.Time  `json:"added_at"`
	DisabledAt   *time.Time `json:"disabled_at"`
	FailingSince *time.Time `json:"failing_since"`
	NextTryAt    *time.Time `json:"next_try_at"`
	LastStatus   string     `json:"last_status"`
	LastTryAt    *time.Time `json:"last_try_at"`
	Behind       int        `json:"behind"`
	Oldest       *time.Time `json:"oldest_behind_at"`
	TestStatus   string     `json:"test_status"`
	TestedAt     *time.Time `json:"tested_at"`
}

// endpointSecretJSON is a new endpoint, whose secret is shown once.
type endpointSecretJSON struct {
	endpointJSON

	Secret string `json:"secret"`
}

type rotatedSecretJSON struct {
	ID       string    `json:"id"`
	Secret   string    `json:"secret"`
	OldUntil time.Time `json:"old_secret_until"`
}

type resentJSON struct {
	Events int `json:"events"`
}

func toEndpointJSON(e ports.EndpointView) endpointJSON {
	return endpointJSON{
		ID: string(e.ID), URL: e.URL, Types: mapped(e.Types, func(t billing.EventType) string { return string(t) }),
		AddedAt: e.AddedAt, DisabledAt: orNull(e.DisabledAt), FailingSince: orNull(e.FailingSince), NextTryAt: orNull(e.NextTryAt),
		LastStatus: e.LastStatus, LastTryAt: orNull(e.LastTryAt), Behind: e.Behind, Oldest: orNull(e.Oldest),
		TestStatus: e.TestStatus, TestedAt: orNull(e.TestedAt),
	}
}
