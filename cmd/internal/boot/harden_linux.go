package boot

import "syscall"

// disableDumps marks the process as not dumpable. The size limit is not enough
// where the kernel pipes core dumps to a program.
func disableDumps() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0)
}
