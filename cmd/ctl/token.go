package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// tokenConfig holds the defaults of the flags of token.
type tokenConfig struct {
	boot.Service
	Issuer   string `env:"BILLING_AUTH_ISSUER"`
	Audience string `env:"BILLING_AUTH_AUDIENCE"`
}

type tokenFlags struct {
	subject, key, kid, issuer, audience string
	scopes                              []string
	ttl                                 time.Duration
}

func (t *tool) token() *cobra.Command {
	var in tokenFlags
	cmd := &cobra.Command{
		Use: "token", Short: "Sign a viewer's or a service's token for tests",
		Long: "Sign a token like the auth service: a viewer's, or with --scope a service's. It needs BILLING_ENV=dev or test:\n" +
			"the private key can sign a token for any viewer, so production must not have it.",
		Example: "  BILLING_ENV=dev billingctl token --subject alice --key private.pem --issuer cinema-auth --audience cinema-billing\n" +
			"  BILLING_ENV=dev billingctl token --subject player --key private.pem --scope billing.events --scope billing.entitlements",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error { return t.signToken(cmd, in) }),
	}
	f := cmd.Flags()
	f.StringVar(&in.subject, "subject", "", "subject of the token: the viewer or the service")
	f.StringArrayVar(&in.scopes, "scope", nil, "scope of a service: billing.events or billing.entitlements (may be repeated)")
	f.StringVar(&in.key, "key", "", "PEM file with the RSA private key")
	f.StringVar(&in.kid, "kid", "", "id of the key (kid), if the service reads a JWKS")
	f.StringVar(&in.issuer, "issuer", "", "issuer (default BILLING_AUTH_ISSUER)")
	f.StringVar(&in.audience, "audience", "", "audience (default BILLING_AUTH_AUDIENCE)")
	f.DurationVar(&in.ttl, "ttl", time.Hour, "validity")
	require(cmd, "subject", "key")
	return t.withJSON(cmd)
}

type tokenJSON struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (t *tool) signToken(cmd *cobra.Command, in tokenFlags) error {
	cfg, err := boot.Load[tokenConfig](t.environ)
	if err != nil {
		return err
	}
	if err := in.complete(cmd, cfg); err != nil {
		return err
	}
	key, err := auth.LoadPrivateKey(in.key)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	claims := auth.SignClaims{
		Subject: in.subject, Issuer: in.issuer, Audience: in.audience,
		Scope: strings.Join(in.scopes, " "), IssuedAt: now, ExpiresAt: now.Add(in.ttl),
	}
	token, err := auth.Sign(key, in.kid, claims)
	if err != nil {
		return err
	}
	return t.print(tokenJSON{token, claims.ExpiresAt}, func() { t.printf("%s", token) })
}

// complete sets empty flags from the environment and checks all of them.
func (in *tokenFlags) complete(cmd *cobra.Command, cfg tokenConfig) error {
	if in.issuer == "" {
		in.issuer = cfg.Issuer
	}
	if in.audience == "" {
		in.audience = cfg.Audience
	}
	f := flagFaults(cmd)
	need := func(ok bool, text string) {
		if !ok {
			f.addf("%s", text)
		}
	}
	need(cfg.Env != boot.Production,
		"BILLING_ENV is production (the default), where only the auth service signs tokens: set BILLING_ENV=dev to sign one for tests")
	need(in.subject != "" || !cmd.Flags().Changed("subject"), "--subject is empty")
	need(in.issuer != "", "give --issuer or set BILLING_AUTH_ISSUER")
	need(in.audience != "", "give --audience or set BILLING_AUTH_AUDIENCE")
	need(in.ttl > 0, "--ttl must be more than zero")
	return f.err()
}
