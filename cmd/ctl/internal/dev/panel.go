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
	"github.com/online-cinema/billing/core/app"
)

// admin is who may sign in at the panel of a fresh installation.
const admin = "admin"

// changedPassword is shown for a password that is not known here.
const changedPassword = "the one that you set"

// letIn makes sure that somebody may sign in at the panel, and returns the
// password: made for this installation, kept beside the demo keys, and the same
// at the next start, unless somebody has set another.
func letIn(ctx context.Context, url, dir string) (string, error) {
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
	door := app.Door{Store: postgres.NewStore(pool), Wall: clock.System{}, NewID: boot.NewID, Passwords: hasher}
	people, err := door.List(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(people, func(u app.PanelUser) bool { return u.Name == admin })
	switch {
	case i < 0:
		return secret, door.Add(ctx, app.Shell(), admin, app.RoleEditor, secret)
	case hasher.Matches(people[i].PasswordHash, secret):
		return secret, nil
	default:
		return changedPassword, nil
	}
}

func loadPassword(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	fresh := strings.ToLower(rand.Text()[:20])
	return fresh, os.WriteFile(file, []byte(fresh+"\n"), 0o600)
}

// panelEnviron is what the panel needs besides what every program here does.
func (o Options) panelEnviron() []string {
	return []string{"BILLING_ADMIN_ADDR=" + string(o.AdminAddr), "BILLING_OPS_ADDR=" + string(o.panelOps)}
}
