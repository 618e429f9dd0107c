//go:build !crash

package app

// crashPoint names a place where a process may die. It does nothing, unless
// the program was built with the tag crash: see crash_on.go.
func crashPoint(string) {}
