package local

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func isAlive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// isServer tells whether the process is a Postgres. Only the number is kept in
// a cluster, and numbers are used again. When in doubt it is one.
func isServer(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		return isPostgresStat(string(stat))
	}
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.Contains(string(out), "postgres")
}

// isPostgresStat reads Linux's "pid (name) state …". One that has ended and
// waits for its parent to notice (state Z) works on nothing any more.
func isPostgresStat(stat string) bool {
	name, rest, ok := strings.Cut(stat, ") ")
	return !ok || strings.Contains(name, "(postgres") && !strings.HasPrefix(rest, "Z")
}
