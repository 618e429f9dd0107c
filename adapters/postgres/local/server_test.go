package local

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func openTest(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closeTest(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, s *Server, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var value *string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return *value
}

func postmasterOf(t *testing.T, s *Server) int {
	t.Helper()
	pid, _ := s.place.postmaster()
	if pid == 0 {
		t.Fatal("the server has no process")
	}
	return pid
}

func TestOpen_Settings(t *testing.T) {
	t.Parallel()
	s := openTest(t, Config{Dir: serverDir(t), Durable: true})
	for setting, want := range map[string]string{
		"listen_addresses": "", "fsync": "on", "data_checksums": "on", "server_encoding": "UTF8", "TimeZone": "UTC",
	} {
		if got := query(t, s, "SELECT current_setting('"+setting+"')"); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	info, err := os.Stat(s.place.socket())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: %v, %v; want mode 0700", info.Mode(), err)
	}
}

func TestOpen_KeepsData(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	first := openTest(t, Config{Dir: dir})
	query(t, first, "WITH made AS (SELECT lo_from_bytea(42, 'kept')) SELECT 'ok' FROM made")
	closeTest(t, first)

	second := openTest(t, Config{Dir: dir})
	if got := query(t, second, "SELECT convert_from(lo_get(42), 'UTF8')"); got != "kept" {
		t.Errorf("data %q, want kept", got)
	}
	if second.URL() != first.URL() {
		t.Errorf("URL %s, want %s as before", second.URL(), first.URL())
	}
}

func TestClose_StopsServer(t *testing.T) {
	t.Parallel()
	s := openTest(t, Config{Dir: serverDir(t)})
	pid := postmasterOf(t, s)
	closeTest(t, s)
	eventually(t, "no process of the server is left", func() bool { return groupEmpty(pid) })
}

func TestClose_OtherProcessesKeepServer(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	first := openTest(t, Config{Dir: dir})
	if !first.Started() || !first.Alone() {
		t.Errorf("first: started %v, alone %v; want true, true", first.Started(), first.Alone())
	}
	second := openTest(t, Config{Dir: dir})
	if second.Started() || second.Alone() || first.Alone() {
		t.Errorf("second: started %v, alone %v; want false, false", second.Started(), second.Alone())
	}
	pid := postmasterOf(t, first)
	closeTest(t, first)
	query(t, second, "SELECT 'running'")
	if !second.Alone() {
		t.Error("the last process is not alone")
	}
	closeTest(t, second)
	eventually(t, "no process of the server is left", func() bool { return groupEmpty(pid) })
}

func TestOpen_StarterKilled(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	starter, line := startProcess(t, "opener", dir)
	if line != "<nil>" {
		t.Fatal(line)
	}
	joined := openTest(t, Config{Dir: dir})
	if joined.Started() {
		t.Fatal("the second process started a server, want it to join")
	}
	pid := postmasterOf(t, joined)
	kill9(starter)
	query(t, joined, "SELECT 'running'")
	closeTest(t, joined)
	eventually(t, "no process of the server is left", func() bool { return groupEmpty(pid) })
}

// A process that opens the server while it is about to end either keeps it running or
// starts a new one.
func TestOpen_OnlyProcessKilled(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	for range 5 {
		starter, line := startProcess(t, "opener", dir)
		if line != "<nil>" {
			t.Fatal(line)
		}
		pid, _ := place{dir}.postmaster()
		kill9(starter)
		next := openTest(t, Config{Dir: dir})
		if next.Started() == (postmasterOf(t, next) == pid) {
			t.Errorf("started %v, but process %d after %d", next.Started(), postmasterOf(t, next), pid)
		}
		query(t, next, "SELECT 'running'")
		closeTest(t, next)
		eventually(t, "no process of the server is left", func() bool { return groupEmpty(pid) })
	}
}

func TestOpen_Concurrent(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	started := make(chan bool)
	const n = 8
	for range n {
		go func() {
			s, err := Open(t.Context(), Config{Dir: dir})
			if err != nil {
				t.Error(err)
			}
			started <- err == nil && s.Started()
			t.Cleanup(func() { _ = s.Close() })
		}()
	}
	count := 0
	for range n {
		if <-started {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d processes started the server, want 1", count)
	}
}

func TestOpen_ServerCrashed(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	first := openTest(t, Config{Dir: dir})
	query(t, first, "WITH made AS (SELECT lo_from_bytea(42, 'kept')) SELECT 'ok' FROM made")
	if err := syscall.Kill(postmasterOf(t, first), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := openTest(t, Config{Dir: dir}) // first still has the server open
	if got := query(t, second, "SELECT convert_from(lo_get(42), 'UTF8')"); got != "kept" {
		t.Errorf("data %q, want kept", got)
	}
	closeTest(t, first)
	query(t, second, "SELECT 'running'")
}

func TestOpen_ProcessIDReused(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	closeTest(t, openTest(t, Config{Dir: dir}))
	stale, _ := startProcess(t, "opener", serverDir(t)) // a live process that is not Postgres
	write(t, filepath.Join(dir, "data/postmaster.pid"), strconv.Itoa(stale.Process.Pid)+"\n"+dir+"\n\n\n\n\n\nready\n")
	query(t, openTest(t, Config{Dir: dir}), "SELECT 'running'")
}

func TestWaitStopped_ForeignServer(t *testing.T) {
	t.Parallel()
	s := openTest(t, Config{Dir: serverDir(t)})
	p := place{serverDir(t)}
	write(t, filepath.Join(p.data(), "postmaster.pid"), strconv.Itoa(postmasterOf(t, s))+"\n")
	if err := p.waitStopped(0); err == nil || !strings.Contains(err.Error(), "another Postgres") {
		t.Errorf("error %v, want one about another Postgres", err)
	}
}

func TestOpen_InitdbInterrupted(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	write(t, filepath.Join(dir, "data.new/PG_VERSION"), "15\n")
	query(t, openTest(t, Config{Dir: dir}), "SELECT 'running'")
	if exists(filepath.Join(dir, "data.new")) {
		t.Error("data.new still exists")
	}
}

func TestOpen_OtherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	write(t, filepath.Join(dir, "data/PG_VERSION"), "9\n")
	_, err := Open(t.Context(), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 9") {
		t.Errorf("error %v, want one that names the version", err)
	}
}

func TestOpen_Ephemeral(t *testing.T) {
	t.Parallel()
	t.Run("deletes its folder", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(serverDir(t), "db")
		closeTest(t, openTest(t, Config{Dir: dir, Ephemeral: true}))
		if exists(dir) {
			t.Error("the folder still exists")
		}
	})
	t.Run("removes old files", func(t *testing.T) {
		t.Parallel()
		dir := serverDir(t)
		write(t, filepath.Join(dir, "ephemeral"), "")
		write(t, filepath.Join(dir, "data/PG_VERSION"), "9\n")
		query(t, openTest(t, Config{Dir: dir, Ephemeral: true}), "SELECT 'running'")
	})
	t.Run("refuses a folder with other files", func(t *testing.T) {
		t.Parallel()
		dir := serverDir(t)
		write(t, filepath.Join(dir, "thesis.txt"), "")
		if _, err := Open(t.Context(), Config{Dir: dir, Ephemeral: true}); err == nil {
			t.Error("a folder with other files was accepted")
		}
		if !exists(filepath.Join(dir, "thesis.txt")) {
			t.Error("thesis.txt was deleted")
		}
	})
	t.Run("keeps the data of other processes", func(t *testing.T) {
		t.Parallel()
		dir := serverDir(t)
		keeper := openTest(t, Config{Dir: dir})
		guest := openTest(t, Config{Dir: dir, Ephemeral: true})
		closeTest(t, keeper)
		closeTest(t, guest)
		if !exists(filepath.Join(dir, "data/PG_VERSION")) {
			t.Error("the data was deleted")
		}
	})
}

func TestOpen_FolderNotEnterable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only the server of root runs as another user")
	}
	dir := serverDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Dir: filepath.Join(dir, "db")})
	if err == nil || !strings.Contains(err.Error(), "may not enter "+dir) {
		t.Errorf("error %v, want one that names %s", err, dir)
	}
}

func TestOpen_FolderNames(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"long": strings.Repeat("long/", 30), "special characters": "a, b%20?&\"c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Config{Dir: filepath.Join(serverDir(t), dir), Ephemeral: true})
			query(t, s, "SELECT 'running'")
			closeTest(t, s)
			if exists(s.place.socket()) {
				t.Error("the folder of the socket still exists")
			}
		})
	}
}
