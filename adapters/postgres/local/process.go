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

// isServer reports whether the process is a Postgres. A cluster only stores the id of
// its process, and the system reuses ids. If the process cannot be inspected,
// isServer returns true.
func isServer(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		return isPostgresStat(string(stat))
	}
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.Contains(string(out), "postgres")
}

// isPostgresStat parses Linux's "pid (name) state …". A zombie (state Z) has ended, so
// it does not count.
func isPostgresStat(stat string) bool {
	name, rest, ok := strings.Cut(stat, ") ")
	return !ok || strings.Contains(name, "(postgres") && !strings.HasPrefix(rest, "Z")
}
