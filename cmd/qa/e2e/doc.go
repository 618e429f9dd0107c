// Package e2e tries the real programs from outside, over real sockets and with
// real signals: what `make run` prints is pasted, processes are killed with -9,
// and the books are compared afterwards.
//
// Nothing is here but tests. What one program does alone is tested beside it.
package e2e
