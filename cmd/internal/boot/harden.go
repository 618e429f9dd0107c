package boot

import "syscall"

// Harden disables core dumps, so that a crash writes no card numbers to disk,
// and keeps other processes of the same user from reading this one's memory.
func Harden() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // lowering a limit is always allowed
	disableDumps()
}
