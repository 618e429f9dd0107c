// Package e2e tests the built programs from outside, over real sockets and with real
// signals. It runs the commands that `make run` prints, kills processes with -9, and
// compares the payments table with the simulator's ledger afterwards.
//
// It has only tests. Behaviour of a single program is tested beside the program.
package e2e
