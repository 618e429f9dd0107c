package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/local"
	"github.com/online-cinema/billing/adapters/vault"
)

// cluster is the private Postgres of all measurements. It listens on a Unix socket
// and is as durable as in production.
type cluster struct {
	server   *local.Server
	bin      string // folder of the programs of Postgres
	pid      int    // of the postmaster
	settings map[string]string
	vault    vault.Files // of the keys that encrypt tokens
	keys     *vault.Vault
}

// tuned holds the settings that differ from Postgres' defaults, except
// shared_buffers. Checkpoints are far apart, because one would slow down only one
// run of a pair.
var tuned = map[string]string{
	"max_wal_size": "16GB", "checkpoint_timeout": "1h", "wal_compression": "off",
	"random_page_cost": "1.1", "track_io_timing": "off", "jit": "off",
}

// recorded lists the settings that the report stores.
const recorded = `server_version fsync synchronous_commit full_page_writes data_checksums wal_level shared_buffers
	max_wal_size checkpoint_timeout wal_compression autovacuum random_page_cost`

func openCluster(ctx context.Context, dir string) (*cluster, error) {
	cfg := local.Config{Dir: dir, Durable: true, Download: true, Announce: func(line string) { fmt.Fprintln(os.Stderr, line) }}
	server, err := local.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	// Some settings take effect only at a start.
	changed, err := tune(ctx, server)
	if err == nil && changed {
		if err = server.Close(); err == nil {
			server, err = local.Open(ctx, cfg)
		}
	}
	if err != nil {
		return nil, err
	}
	c := &cluster{server: server, vault: vault.Files{Keyset: filepath.Join(dir, "vault.json"), AllowPlaintext: true}}
	err = c.inspect(ctx)
	if err == nil {
		err = c.openVault()
	}
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	return c, nil
}

func (c *cluster) openVault() (err error) {
	if err := vault.Create(c.vault, time.Now()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	c.keys, err = vault.Open(c.vault, slog.New(slog.DiscardHandler))
	return err
}

func tune(ctx context.Context, server *local.Server) (changed bool, err error) {
	want := map[string]string{"shared_buffers": sharedBuffers()}
	for name, value := range tuned {
		want[name] = value
	}
	err = onConn(ctx, server.DatabaseURL("postgres"), func(conn *pgx.Conn) error {
		for name, value := range want {
			var is string
			if err := conn.QueryRow(ctx, "SHOW "+name).Scan(&is); err != nil {
				return err
			}
			if is == value {
				continue
			}
			changed = true
			if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value)); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

// sharedBuffers returns a quarter of the memory, up to 4 GB.
func sharedBuffers() string {
	gb := memoryTotal() / 4 >> 30
	return strconv.FormatInt(max(1, min(4, gb)), 10) + "GB"
}

// inspect reads the recorded settings. It fails if commits are not durable.
func (c *cluster) inspect(ctx context.Context) error {
	c.settings = make(map[string]string)
	err := onConn(ctx, c.server.DatabaseURL("postgres"), func(conn *pgx.Conn) error {
		for _, name := range strings.Fields(recorded) {
			var value string
			if err := conn.QueryRow(ctx, "SHOW "+name).Scan(&value); err != nil {
				return err
			}
			c.settings[name] = value
		}
		var data string
		err := conn.QueryRow(ctx, "SELECT setting, current_setting('data_directory') FROM pg_config WHERE name = 'BINDIR'").Scan(&c.bin, &data)
		if err != nil {
			return err
		}
		pid, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(pid), "\n")
		c.pid, err = strconv.Atoi(strings.TrimSpace(first))
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if c.settings[name] != "on" {
			return fmt.Errorf("%s is %s, must be on: commits are not durable", name, c.settings[name])
		}
	}
	return nil
}

// measured runs f, and adds the CPU time of Postgres and the load to its run.
func (c *cluster) measured(f func() (run, error)) (run, error) {
	before, err := clusterCPU(c.pid)
	if err != nil {
		return run{}, err
	}
	r, err := f()
	if err != nil {
		return r, err
	}
	after, err := clusterCPU(c.pid)
	r.PostgresCPU, r.Load = after-before, loadAverage()
	return r, err
}

func (c *cluster) url(database string) string { return c.server.DatabaseURL(database) }

// exec runs statements as the superuser, each in its own transaction.
func (c *cluster) exec(ctx context.Context, database string, statements ...string) error {
	return onConn(ctx, c.url(database), func(conn *pgx.Conn) error {
		for _, s := range statements {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%.60s…: %w", strings.TrimSpace(s), err)
			}
		}
		return nil
	})
}

func (c *cluster) number(ctx context.Context, database, query string, args ...any) (n int64, err error) {
	err = onConn(ctx, c.url(database), func(conn *pgx.Conn) error { return conn.QueryRow(ctx, query, args...).Scan(&n) })
	return n, err
}

func onConn(ctx context.Context, url string, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return f(conn)
}
