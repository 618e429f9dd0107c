package boot

import "syscall"

// Harden keeps the memory of this process, in which card numbers pass through,
// from being written to disk when it crashes, and other processes of its user
// from reading it.
func Harden() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // asking for less is always granted
	undumpable()
}
