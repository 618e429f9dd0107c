package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// failovers returns the scenario of a failover to a standby.
func failovers() []scenario {
	return []scenario{{
		name: "database/failover", short: 1, long: 10,
		description: "the primary is killed and its synchronous standby promoted; the programs' URL names both: no acknowledged commit is lost",
		run:         failover,
	}}
}

// processAttr returns the attributes that start a process under the server's account.
func (s *server) processAttr() (*syscall.SysProcAttr, error) {
	info, err := os.Stat(s.dataDir())
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}}, nil
}

// binary returns the path of a program from the server's own Postgres installation.
func (s *server) binary(name string) (string, error) {
	pid, err := s.pid()
	if err != nil {
		return "", err
	}
	postgres, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return filepath.Join(filepath.Dir(postgres), name), err
}

// standby starts a synchronous standby of primary and waits until commits wait for it.
func (t *trial) standby(primary *server) *server {
	dir, err := os.MkdirTemp(t.dir, "pg-standby-")
	t.require("standby", err)
	t.require("standby", os.Chmod(dir, 0o711))
	attr, err := primary.processAttr()
	t.require("standby", err)
	s := &server{cfg: primary.cfg}
	s.cfg.Dir = dir
	t.require("standby", os.Mkdir(s.dataDir(), 0o700))
	if attr.Credential != nil {
		t.require("standby", os.Chown(s.dataDir(), int(attr.Credential.Uid), int(attr.Credential.Gid)))
	}
	backup, err := primary.binary("pg_basebackup")
	t.require("standby", err)
	cmd := exec.CommandContext(t.ctx, backup, "-d", primary.url("postgres"), "-D", s.dataDir(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = "/", attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.inconclusive("pg_basebackup: %v\n%s", err, out)
	}
	t.require("standby", s.start(t.ctx))
	t.atEnd(s.stop)
	t.require("synchronous", primary.exec(t.ctx, "postgres",
		`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`))
	if !waitFor(maxWait, func() bool { return primary.hasSyncStandby(t.ctx) }) {
		t.inconclusive("the standby is not synchronous within %v", maxWait)
	}
	return s
}

func (s *server) hasSyncStandby(ctx context.Context) (sync bool) {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(ctx) }()
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')`).Scan(&sync)
	return err == nil && sync
}

// failoverURL returns the URL of a database on the writable one of two servers.
func failoverURL(a, b, name string) string {
	host := func(u string) string {
		cfg, err := pgxpool.ParseConfig(u)
		if err != nil {
			return ""
		}
		return cfg.ConnConfig.Host
	}
	return fmt.Sprintf("postgres:///%s?host=%s,%s&port=5432,5432&user=postgres&sslmode=disable&pool_max_conns=4&target_session_attrs=read-write&connect_timeout=2",
		name, host(a), host(b))
}

func failover(t *trial) {
	primary := t.ownServer(true)
	standby := t.standby(primary)
	w := t.worldOn(primary)
	w.url = failoverURL(primary.url(w.name), standby.url(w.name), w.name)
	w.setClock(january31)
	a := w.api(slowCharges)
	w.subscribeViewers(20, "tok_ok")
	w.setClock(dueAt(1))
	b := w.busy(slowCharges)
	w.sleep(time.Duration(300+t.rng("failover").IntN(1500)) * time.Millisecond)
	began := time.Now()
	t.require("kill", primary.crash(syscall.SIGKILL))
	t.require("promote", standby.exec(t.ctx, "postgres",
		`SELECT pg_promote()`, `ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`))
	w.note("promoted after %v", time.Since(began).Round(time.Millisecond))
	w.moveTo(standby)
	back := waitFor(maxWait, func() bool {
		got, err := w.viewer("reader").send(w.ctx, a, "GET", "/v1/subscriptions", "", "")
		return err == nil && got.status == 200
	})
	w.note("the API is back %v after the primary was killed: %v", time.Since(began).Round(time.Millisecond), back)
	w.count("failovers", 1)
	w.sleep(500 * time.Millisecond)
	b.finish()
	w.check()
}

// moveTo connects the suite itself to the world's database on another server.
func (w *world) moveTo(s *server) {
	pool, err := pgxpool.New(w.ctx, withParam(withPool(s.url(w.name), 2), "application_name", "chaos"))
	w.require("pool", err)
	old := w.pool
	w.server, w.pool = s, pool
	old.Close()
}
