package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary act as the process that a test kills.
func TestMain(m *testing.M) {
	switch os.Getenv("LOCAL_TEST_AS") {
	case "":
		os.Exit(m.Run())
	case "opener":
		asOpener(os.Getenv("LOCAL_TEST_DIR"))
	case "parent":
		asParent(os.Getenv("LOCAL_TEST_DIR"))
	}
}

func untilKilled() { _, _ = io.Copy(io.Discard, os.Stdin) }

func asOpener(dir string) {
	s, err := Open(context.Background(), Config{Dir: dir})
	fmt.Println(err)
	untilKilled()
	runtime.KeepAlive(s)
}

// asParent ties a child that finishes its work after the signal.
func asParent(dir string) {
	child, err := Tie(drainer(filepath.Join(dir, "drained")), syscall.SIGTERM)
	if err != nil {
		fmt.Println(err)
		return
	}
	for !exists(filepath.Join(dir, "drained.ready")) {
		time.Sleep(poll)
	}
	fmt.Println(child.Pid())
	untilKilled()
}

// startProcess starts this binary as another process and returns its first line.
func startProcess(t *testing.T, as, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCAL_TEST_AS="+as, "LOCAL_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill9(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, line[:len(line)-1]
}

func kill9(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// serverDir returns a folder for a server. Unlike t.TempDir, its path is short enough
// for a socket, and the server of root can enter it.
func serverDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryDir(), "billing-local-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// memoryDir returns a folder in memory, or on disk if memory is short.
func memoryDir() string {
	const memory = "/dev/shm"
	var st syscall.Statfs_t
	if err := syscall.Statfs(memory, &st); err == nil && uint64(st.Bavail)*uint64(st.Bsize) > 1<<30 {
		return memory
	}
	return "/tmp"
}

func eventually(t *testing.T, condition string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatalf("not true within 30 seconds: %s", condition)
		}
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
