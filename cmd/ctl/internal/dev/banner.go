package dev

import (
	"fmt"
	"strings"
	"text/template"
	"time"
)

// bannerText has one command a line. Each works when pasted into any shell.
const bannerText = `
Cinema Billing is running. Press Ctrl-C to stop it; {{.Fate}}

  API       {{.API}}
  Reference {{.API}}/docs
  Health    {{.Ops}}/readyz

  Panel     {{.Admin}}/admin
  Name      {{.AdminName}}
  Password  {{.AdminPassword}}

To subscribe in a browser, open the demo page:

{{.API}}/demo#token={{.Token}}

To subscribe, read the history and cancel with curl, paste these lines into another shell.

curl -sS -w '\n' -X POST {{.API}}/v1/subscriptions -H {{.Authorization}} -H 'Content-Type: application/json' -d '{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","payment_token":"tok_ok"}'

curl -sS -w '\n' {{.API}}/v1/history -H {{.Authorization}}

curl -sS -w '\n' -X POST {{.API}}/v1/subscriptions/premium/cancel -H {{.Authorization}} -H 'Content-Type: application/json' -d '{"at":"now"}'

They act for the viewer whose token is in TOKEN. By default that is the demo viewer, with this token, valid until {{.Expires}}:

TOKEN={{.Token}}

Commands for operators, in another shell. "clock advance --step" moves the test clock; it stops whenever something is
due, until a renewal run has passed. The last command prints the token of another viewer: each viewer needs one.

export BILLING_ENV=dev BILLING_CLOCK=test BILLING_AUTH_ISSUER={{.Issuer}} BILLING_AUTH_AUDIENCE={{.Audience}}
{{with .Vault}}export {{.}}
{{end -}}
{{with .Database}}export BILLING_DATABASE_URL={{.}}
{{end -}}
{{.Self}} plan list
{{.Self}} clock advance 31d --step
{{.Self}} reconcile --payment-system simulator
{{.Self}} token --key {{.Key}} --subject alice

Warnings, errors and renewal runs follow here. BILLING_LOG_LEVEL=info shows every request.

`

var banner = template.Must(template.New("banner").Parse(bannerText))

// banner prints the addresses, the logins and commands to try.
func (o Options) banner(url string, home folder, d demo) error {
	fate, database := "the data stays in "+home.dir+".", quote(url)
	if o.Ephemeral {
		fate = "its data is then deleted."
	}
	if !o.DatabaseURL.IsZero() { // not printed, because it may contain a password
		fate, database = "the data stays in BILLING_DATABASE_URL.", ""
	}
	err := banner.Execute(o.Stdout, map[string]string{
		"API": o.APIAddr.URL(), "Ops": o.OpsAddr.URL(), "Fate": fate,
		"Admin": o.AdminAddr.URL(), "AdminName": admin, "AdminPassword": d.panelPassword,
		"Token": d.token, "Authorization": `"Authorization: Bearer ${TOKEN:-$(cat ` + quote(d.tokenFile) + `)}"`, "Expires": d.expires.Format(time.RFC3339),
		"Issuer": issuer, "Audience": audience,
		"Vault": exports(d.vars(o.Environ)), "Database": database, "Self": quote(o.Self), "Key": quote(d.privateFile),
	})
	if err != nil {
		return fmt.Errorf("banner: %w", err)
	}
	return nil
}

// exports quotes the values of variables for the export command of a shell.
func exports(vars []string) string {
	words := make([]string, len(vars))
	for i, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		words[i] = name + "=" + quote(value)
	}
	return strings.Join(words, " ")
}

// quote quotes s as one word for a shell.
func quote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
