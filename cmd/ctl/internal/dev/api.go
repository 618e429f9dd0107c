package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/local"
)

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 40 * time.Second // longer than the shutdown of billing-api
	poll         = 20 * time.Millisecond
)

// program returns the path of a program that was built together with this one.
func (o Options) program(name string) (string, error) {
	path := filepath.Join(o.Programs, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not in %s, the folder of billingctl: build all programs with make build", name, o.Programs)
	}
	return path, nil
}

// programs holds the paths of the programs.
type programs struct{ api, admin, renew string }

func (o Options) programs() (p programs, err error) {
	for name, path := range map[string]*string{"billing-api": &p.api, "billing-admin": &p.admin, "billing-renew": &p.renew} {
		if *path, err = o.program(name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// child is a process that ends with this one.
type child struct {
	name string
	*local.Child
}

func (o Options) start(program, url string, d demo, more ...string) (child, error) {
	cmd := exec.Command(program)
	cmd.Env = append(o.environ(url, d), more...)
	cmd.Stdout, cmd.Stderr = o.Stderr, o.Stderr // its log; standard output is for the banner
	tied, err := local.Tie(cmd, syscall.SIGTERM)
	if err != nil {
		return child{}, err
	}
	return child{filepath.Base(program), tied}, nil
}

// environ returns the environment of the programs. Without another setting they log
// warnings only, so that the banner stays in view. An empty variable counts as not
// set. Of two variables with the same name the last one counts.
func (o Options) environ(url string, d demo) []string {
	env := append([]string{"BILLING_LOG_FORMAT=text", "BILLING_LOG_LEVEL=warn"}, o.Environ...)
	env = append(env, d.vars(o.Environ)...)
	return append(env,
		"BILLING_ENV=dev", "BILLING_SIMULATOR=on", "BILLING_CLOCK=test",
		"BILLING_DATABASE_URL="+url, "BILLING_DATABASE_URL_FILE=",
		"BILLING_API_ADDR="+string(o.APIAddr), "BILLING_OPS_ADDR="+string(o.OpsAddr),
		"BILLING_TLS_CERT_FILE=", "BILLING_TLS_KEY_FILE=",
		"BILLING_AUTH_PUBLIC_KEY_FILE="+d.publicFile, "BILLING_AUTH_JWKS_URL=",
		"BILLING_AUTH_ISSUER="+issuer, "BILLING_AUTH_AUDIENCE="+audience,
	)
}

// waitReady waits until url answers 200.
func (c child) waitReady(ctx context.Context, url string) error {
	waiting, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		report, err := get(waiting, url)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.Done():
			return c.exitError()
		case <-waiting.Done():
			return errors.Join(fmt.Errorf("%s was not ready within %v: %s", c.name, readyTimeout, report), ctx.Err())
		}
	}
}

func get(ctx context.Context, url string) (report string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error(), err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(text), err
}

// watch waits until ctx ends. If a child ends earlier it returns an error.
func watch(ctx context.Context, service, panel child) error {
	select {
	case <-ctx.Done():
		return nil
	case <-service.Done():
		return service.exitError()
	case <-panel.Done():
		return panel.exitError()
	}
}

// exitError returns an error for a child that has ended without being stopped.
func (c child) exitError() error {
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%s ended unexpectedly: %w", c.name, err)
	}
	return fmt.Errorf("%s ended unexpectedly", c.name)
}

func (c child) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = c.Stop(ctx) // exitError has reported a failure, or we have stopped the child
}
