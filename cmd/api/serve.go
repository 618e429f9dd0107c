package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/internal/crash"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// serve wires the parts, top to bottom, and runs the server until ctx ends.
func serve(ctx context.Context, cfg boot.API, log *slog.Logger) error {
	masked := boot.Masked(log)
	log = slog.New(httpapi.LogHandler(log.Handler()))
	traces, err := cfg.OpenTracer(ctx, "billing-api", log)
	if err != nil {
		return err
	}
	defer traces.Stop()
	pool, err := postgres.OpenRole(ctx, cfg.DatabaseURL.Reveal(), postgres.APIRole, traces.Pool)
	if err != nil {
		return err
	}
	defer pool.Close()
	verifier, err := auth.New(ctx, cfg.AuthConfig(cfg.Env, log))
	if err != nil {
		return err
	}
	certificates, err := cfg.Certificates(log)
	if err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	listeners, err := boot.Listen("BILLING_API_ADDR", cfg.APIAddr, cfg.OpsAddr)
	if err != nil {
		return err
	}
	defer listeners.Close()
	clock, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL, postgres.APIRole)
	if err != nil {
		return err
	}
	defer closeClock()
	systems, err := boot.OpenPaymentSystems(ctx, boot.PaymentSystemsConfig{
		DatabaseURL: cfg.DatabaseURL, Clock: clock, SimulatorFaults: cfg.SimulatorFaults,
		ChargeTimeout: time.Duration(cfg.ChargeTimeout),
		PublicURL:     cfg.URL(boot.Address(listeners.Public.Addr().String())),
		Accounts:      cfg.Accounts, ReturnURL: returnURL(cfg, listeners.Public.Addr().String()),
	}, cfg.UseSimulator(cfg.Env))
	if err != nil {
		return err
	}
	defer systems.Close()

	keys, err := cfg.OpenKeys(cfg.Env, log)
	if err != nil {
		return err
	}
	m := metrics.New(boot.Version())
	for code, p := range systems.Providers {
		systems.Providers[code] = traces.Provider(code, m.Provider(code, p))
	}
	for code, r := range systems.Refunders {
		systems.Refunders[code] = traces.Refunder(code, m.Refunder(code, r))
	}
	for code, c := range systems.Cancellers {
		systems.Cancellers[code] = traces.Canceller(code, m.Canceller(code, c))
	}
	for code, s := range systems.Savers {
		systems.Savers[code] = traces.Saver(code, m.Saver(code, s))
	}
	for code, f := range systems.Forgetters {
		systems.Forgetters[code] = traces.Forgetter(code, m.Forgetter(code, f))
	}
	store := boot.NewStore(pool, keys)
	tested := crash.Store(mutant.Store(store, systems.Providers))
	cases := newUseCases(cfg, tested, clock, systems, log)
	if keys.Cards != nil {
		cases.enableCards(cfg, keys.Cards)
	}
	collector, saver := cases.subscriber.Collector, cases.methods.Saver
	collector.Watch, collector.WatchNotice, collector.WatchReceipt = m.Event, m.Notice, m.Receipt
	for code := range systems.Providers {
		if _, needs := collector.ReceiptTerms(code); needs {
			m.WatchReceipts(code)
		}
	}
	collector.Listeners, collector.Refunders, collector.Cancellers = systems.Listeners, systems.Refunders, systems.Cancellers
	for code := range systems.Listeners {
		m.Listener(code)
	}
	collector.Consents = keys.Consents()
	collector.Consents.Watch = m.Consent
	m.Masked(masked)
	watchKeys(m, verifier)
	watched := metrics.Watched{Backlog: store.Backlog, Connections: connections(pool), Now: clock.Now, Log: log}
	if keys.Tokens != nil {
		watched.Vault = keys
	}
	m.Watch(watched)
	m.WatchArchive(func(ctx context.Context) (metrics.Archive, error) {
		state, err := store.Archive(ctx)
		return metrics.Archive(state), err
	}, log)
	m.WatchFeed(store.FeedLag, log)
	cases.feed = feed.Feed{Store: mutant.Feed(store, pool)}
	pusher := &feed.Pusher{
		Store: tested, Feed: cases.feed.Store,
		Sender: crash.WebhookSender(mutant.WebhookSender(cfg.WebhookSender(cfg.Env, crash.Resolver(), log))),
		Clock:  clock, Wall: time.Now, NewID: boot.NewID, Body: httpapi.WebhookBody,
		Idle: pushInterval(cfg), Log: log, Watch: m.Webhook,
	}
	m.WatchEndpoints(store.Views().Endpoints, log)
	cases.issuer = cfg.URL(boot.Address(listeners.Public.Addr().String()))
	api, err := cases.handler(cfg, keys, verifier, m, log)
	if err != nil {
		return fmt.Errorf("API: %w", err)
	}
	ready := map[string]boot.Check{"keys": func(context.Context) error { return verifier.Ready() }}
	if keys.Tokens != nil {
		ready["vault"] = func(context.Context) error { return keys.Check() }
	}
	listeners.Public = httpapi.Listener(listeners.Public, boot.NewID, log)
	health := boot.NewHealth(pool.Ping, cfg.DatabaseURL, ready, cfg.MigrationSets(cfg.Env)...)
	ops := health.Handler()
	ops.Handle("GET /metrics", m.Handler())
	s := &boot.Server{
		Program: "billing-api", Address: "api_addr", Listeners: listeners, Health: health,
		Public: boot.NewServer(health.CloseOnStop(withPages(traces.Handler(api, cfg.TrustedProxies), systems.Pages)), requestTimeout(cfg), log),
		Ops:    boot.NewServer(ops, time.Minute, log),
		Background: []func(context.Context){
			sweeper[payments.Swept]{"payments", collector.SystemsToSweep, collector.SweepSystem, time.Duration(cfg.SweepInterval), log}.run,
			sweeper[payments.SweptRefunds]{"refunds", collector.SystemsToRefund, collector.SweepRefunds, time.Duration(cfg.SweepInterval), log}.run,
			sweeper[payments.SweptSaves]{"saved methods", saver.SystemsToSweep, saver.SweepSystem, time.Duration(cfg.SweepInterval), log}.run,
			sweeper[payments.SweptReceipts]{"receipts", collector.SystemsToSweepReceipts, collector.SweepReceipts, time.Duration(cfg.SweepInterval), log}.run,
			executor{cases.executor().Execute, executeEvery, log}.run,
			planEnder{cases.executor().EndPlans, executeEvery, log}.run,
			pushers{pusher.Lease, pusher.Push, pushInterval(cfg), log}.run,
			forgetter{cases.forgetter.Forget, time.Duration(cfg.SweepInterval), log}.run,
			pruner{cases.requests, time.Hour, log}.run,
			expirer{&viewers.Expiry{Store: store, Clock: clock, Keep: cfg.KeepPersonalData.KeepingTimes}, time.Minute, log}.run,
			registry{store.Views().PaymentSystems, systems.Has, time.Minute, log}.run,
		},
		Delay: cfg.DrainDelay(cfg.Env), Grace: requestTimeout(cfg), Log: log,
	}
	if certificates != nil {
		s.Public.TLSConfig = certificates.Config()
	}
	return s.Run(ctx)
}

// useCases are the use cases behind the API.
type useCases struct {
	subscriber *viewers.Subscriber
	viewer     viewers.Queries
	requests   viewers.Requests
	users      *viewers.LastSeen
	methods    *viewers.Methods
	cards      *viewers.Cards // nil without a vault
	forgetter  *payments.TokenForgetter
	feed       feed.Feed
	issuer     string // of offline tokens
}

func newUseCases(cfg boot.API, store ports.Store, clock ports.Clock, systems *boot.PaymentSystems, log *slog.Logger) useCases {
	providers := systems.Providers
	collector := boot.NewCollector(cfg.Rules, cfg.Charging, store, clock, providers, log)
	return useCases{
		subscriber: &viewers.Subscriber{
			Store: store, Clock: clock, NewID: boot.NewID,
			Calendar: cfg.TimeZone.Calendar(), Limits: cfg.Limits(),
			Collector: collector,
			Wait:      cancelWait,
		},
		viewer:   viewers.Queries{Store: store, Clock: clock, Providers: providers, RenewalGrace: time.Duration(cfg.RenewalGrace)},
		requests: viewers.Requests{Store: store},
		methods: &viewers.Methods{
			Store: store, Clock: clock, NewID: boot.NewID, Providers: providers, Limits: cfg.Limits(), Wait: removeWait,
			Saver:      boot.NewMethodSaver(cfg.Charging, store, clock, systems, log),
			Forgetters: systems.Forgetters, Collector: collector,
		},
		forgetter: &payments.TokenForgetter{
			Store: store, Forgetters: systems.Forgetters, Timeout: time.Duration(cfg.ChargeTimeout), Log: log,
		},
		users: &viewers.LastSeen{Store: store, Clock: clock},
	}
}

// executor returns the use case that executes operators' instructions.
func (u useCases) executor() operators.Executor {
	s := u.subscriber
	return operators.Executor{
		Support:  operators.Support{Store: s.Store, Clock: s.Clock, Calendar: s.Calendar, NewID: s.NewID},
		Payments: operators.Payments{Collector: s.Collector},
		Methods:  u.methods,
	}
}

// pushInterval is the time until a new event is noticed.
func pushInterval(cfg boot.API) time.Duration {
	return min(time.Second, time.Duration(cfg.SweepInterval))
}

// cancelWait limits how long a cancel waits for a renewal in flight. With the default
// charge timeout of ten seconds, a renewal is sent within this time or not at all.
const cancelWait = 20 * time.Second

// removeWait limits how long the removal of a card or a payment method waits for pending
// payments. It is shorter than the timeout of clients.
const removeWait = 10 * time.Second

// enableCards adds the use cases that need a vault.
func (u *useCases) enableCards(cfg boot.API, keys ports.Vault) {
	s := u.subscriber
	s.Collector.Vault = keys
	u.cards = &viewers.Cards{
		Store: s.Store, Clock: s.Clock, NewID: s.NewID, Calendar: s.Calendar,
		Vault: keys, Limits: cfg.Limits(), Wait: removeWait, Forgetters: u.methods.Forgetters, Collector: s.Collector,
	}
}

func (u useCases) handler(cfg boot.API, keys boot.Keys, v *auth.Verifier, m *metrics.Metrics, log *slog.Logger) (http.Handler, error) {
	c := httpapi.Config{
		Subscriber: u.subscriber, Viewer: u.viewer, Requests: u.requests, Methods: u.methods, Cards: u.cards, Feed: u.feed, UserRef: userRef,
		Authenticate: authenticate(v, u.users), Rates: rates(cfg), CORSOrigins: cfg.CORSOrigins, NewID: boot.NewID, Log: log,
		ReturnURLs: httpapi.ReturnURLs{Any: cfg.Env != boot.Production && len(cfg.ReturnURLs) == 0, Prefixes: cfg.ReturnURLs},
		Demo:       cfg.Env == boot.Dev,
		Notified:   u.subscriber.Collector.Notified,
		Served:     func(s httpapi.Served) { m.Served(s.Method, s.Route, s.Status, s.Took) },
	}
	if cfg.EntitlementKeyFile != "" {
		signer, err := auth.LoadOfflineSigner(cfg.EntitlementKeyFile, u.issuer)
		if err != nil {
			return nil, fmt.Errorf("BILLING_ENTITLEMENT_KEY_FILE: %w", err)
		}
		c.SignOffline, c.KeySet = signOffline(signer), signer.KeySet()
	}
	if keys.Tokens != nil { // a nil *Vault in the interface would not be nil
		c.Digests = keys.Tokens
	}
	return httpapi.New(c)
}

// rates returns the request limits.
func rates(cfg boot.API) httpapi.Rates {
	user, address := cfg.Rates(cfg.Env)
	return httpapi.Rates{
		PerUser:        httpapi.Rate{Requests: user.Requests, Per: user.Per},
		PerAddress:     httpapi.Rate{Requests: address.Requests, Per: address.Per},
		TrustedProxies: cfg.TrustedProxies,
	}
}

func connections(pool *pgxpool.Pool) func() (used, idle, most int) {
	return func() (used, idle, most int) {
		s := pool.Stat()
		return int(s.AcquiredConns()), int(s.IdleConns()), int(s.MaxConns())
	}
}

// withPages serves the pages of payment systems beside the API. A [http.ServeMux]
// would redirect paths such as //v1/plans, which the API must answer.
func withPages(api http.Handler, pages map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, page := range pages {
			if strings.HasPrefix(r.URL.Path, path+"/") {
				page.ServeHTTP(w, r)
				return
			}
		}
		api.ServeHTTP(w, r)
	})
}

// requestTimeout limits a request: one charge and the transactions around it.
func requestTimeout(cfg boot.API) time.Duration {
	return max(30*time.Second, time.Duration(cfg.ChargeTimeout)+2*boot.RecordTimeout)
}

// returnURL returns the page for viewers whose client names no page to return to: the first
// allowed address, or the API's own.
func returnURL(cfg boot.API, listener string) string {
	if len(cfg.ReturnURLs) > 0 {
		return cfg.ReturnURLs[0]
	}
	return cfg.URL(boot.Address(listener)) + "/"
}
