package boot

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Warnings returns warnings about a configuration that is allowed, but dangerous.
func (d Database) Warnings(env Env) []string {
	if env != Production {
		return nil
	}
	hosts := d.DatabaseURL.undecidedHosts()
	if len(hosts) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("BILLING_DATABASE_URL has no sslmode, so the connection to %s may be unencrypted, and nothing verifies the server: "+
		"add sslmode=verify-full, or sslmode=disable in a network that you trust", strings.Join(hosts, ", "))}
}

// undecidedHosts returns the remote hosts to which the connection may be unencrypted,
// although no setting chooses that.
func (u DatabaseURL) undecidedHosts() (hosts []string) {
	cfg, err := pgxpool.ParseConfig(u.Reveal())
	if err != nil || strings.Contains(u.Reveal(), "sslmode=") || os.Getenv("PGSSLMODE") != "" {
		return nil // UnmarshalText has checked the URL
	}
	add := func(host string, encrypted bool) {
		if !encrypted && !local(host) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	add(cfg.ConnConfig.Host, cfg.ConnConfig.TLSConfig != nil)
	for _, f := range cfg.ConnConfig.Fallbacks {
		add(f.Host, f.TLSConfig != nil)
	}
	return hosts
}

// local reports whether host is a Unix socket or the loopback interface.
func local(host string) bool {
	ip := net.ParseIP(host)
	return filepath.IsAbs(host) || strings.HasPrefix(host, "@") || host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c API) warnings() []string   { return c.Warnings(c.Env) }
func (c Renew) warnings() []string { return c.Warnings(c.Env) }
func (c Admin) warnings() []string { return c.Warnings(c.Env) }
