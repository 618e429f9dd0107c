package dev

import (
	"fmt"
	"strings"
	"text/template"
	"time"
)

// bannerText has commands that work as they stand, in any shell, one a line.
const bannerText = `
Cinema Billing is up. Ctrl-C stops all of it; {{.Fate}}

  API       {{.API}}
  Reference {{.API}}/docs
  Health    {{.Ops}}/readyz

  Panel     {{.Admin}}/admin
  Name      {{.AdminName}}
  Password  {{.AdminPassword}}

A demo viewer's token, valid until {{.Expires}}:

TOKEN={{.Token}}

Subscribe, look at the history, cancel. Paste these into another shell:

curl -sS -w '\n' -X POST {{.API}}/v1/subscriptions -H 'Authorization: Bearer {{.Token}}' -H 'Content-Type: application/json' -d '{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","payment_token":"tok_ok"}'

curl -sS -w '\n' {{.API}}/v1/history -H 'Authorization: Bearer {{.Token}}'

curl -sS -w '\n' -X POST {{.API}}/v1/subscriptions/premium/cancel -H 'Authorization: Bearer {{.Token}}' -H 'Content-Type: application/json' -d '{"at":"now"}'

The operator's side, in another shell. The clock is billing's own: when a month passes, subscriptions are renewed at once.

export BILLING_ENV=dev BILLING_CLOCK=test BILLING_AUTH_ISSUER={{.Issuer}} BILLING_AUTH_AUDIENCE={{.Audience}}
{{with .Vault}}export {{.}}
{{end -}}
{{with .Database}}export BILLING_DATABASE_URL={{.}}
{{end -}}
{{.Self}} plan list
{{.Self}} clock advance 31d
{{.Self}} reconcile --payment-system simulator
{{.Self}} token --key {{.Key}} --subject alice

`

var banner = template.Must(template.New("banner").Parse(bannerText))

// banner tells what is there and what to do with it.
func (o Options) banner(url string, home folder, d demo) error {
	fate, database := "the data stays in "+home.dir+".", quote(url)
	if o.Ephemeral {
		fate = "the data goes with it."
	}
	if !o.DatabaseURL.IsZero() { // may hold a password, and whoever gave it has it
		fate, database = "the data stays in BILLING_DATABASE_URL.", ""
	}
	err := banner.Execute(o.Stdout, map[string]string{
		"API": o.APIAddr.URL(), "Ops": o.OpsAddr.URL(), "Fate": fate,
		"Admin": o.AdminAddr.URL(), "AdminName": admin, "AdminPassword": d.panelPassword,
		"Token": d.token, "Expires": d.expires.Format(time.RFC3339),
		"Issuer": issuer, "Audience": audience,
		"Vault": exports(d.vars(o.Environ)), "Database": database, "Self": quote(o.Self), "Key": quote(d.privateFile),
	})
	if err != nil {
		return fmt.Errorf("banner: %w", err)
	}
	return nil
}

// exports are variables as a shell takes them.
func exports(vars []string) string {
	words := make([]string, len(vars))
	for i, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		words[i] = name + "=" + quote(value)
	}
	return strings.Join(words, " ")
}

// quote makes one word of s for a shell.
func quote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
