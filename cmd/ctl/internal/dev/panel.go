package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/password"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// admin is the panel user of a new installation.
const admin = "admin"

// changedPassword is printed if the password differs from the generated one.
const changedPassword = "the one that you set"

// addAdmin adds the panel user admin unless it exists, and returns the password. The
// password is generated once and stored beside the demo keys. If it was changed
// since, addAdmin returns changedPassword.
func addAdmin(ctx context.Context, url, dir string) (string, error) {
	secret, err := loadPassword(filepath.Join(dir, "panel-password"))
	if err != nil {
		return "", err
	}
	pool, err := postgres.OpenRole(ctx, url, postgres.LoginRole)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	hasher := password.New()
	door := operators.PanelAuth{Store: postgres.NewStore(pool), Wall: clock.System{}, NewID: boot.NewID, Passwords: hasher}
	users, err := door.List(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(users, func(u ports.PanelUser) bool { return u.Name == admin })
	switch {
	case i < 0:
		return secret, door.Add(ctx, operators.CLIOperator(), admin, ports.RoleEditor, secret)
	case hasher.Matches(users[i].PasswordHash, secret):
		return secret, nil
	default:
		return changedPassword, nil
	}
}

// loadPassword reads the password from file, or generates one and stores it there.
func loadPassword(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	generated := strings.ToLower(rand.Text()[:20])
	return generated, os.WriteFile(file, []byte(generated+"\n"), 0o600)
}

// panelEnviron returns the variables that differ for the panel.
func (o Options) panelEnviron() []string {
	return []string{"BILLING_ADMIN_ADDR=" + string(o.AdminAddr), "BILLING_OPS_ADDR=" + string(o.panelOps)}
}
