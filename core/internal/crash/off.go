//go:build !crash

package crash

// Point names a place where a process may die. It does nothing, unless
// the program was built with the tag crash: see on.go.
func Point(string) {}
