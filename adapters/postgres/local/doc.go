// Package local runs a private Postgres for development and for tests. It uses
// the Postgres of the machine, or fetches one. The server has no TCP port and no
// password, needs no installed service, and ends with the processes that use it.
//
//	Open ── lock ──┬─ not running ── find binaries ─ initdb ─ postgres
//	               └─ running ────── join
//
// One folder holds all files:
//
//	lock          locked while a process starts, joins or leaves the server
//	users         locked shared by each process that has the server open
//	alive         a pipe that the same processes hold open for writing
//	data/         the cluster
//	run/          the socket, if its path is short enough for one
//	postgres.log  the server's log
//
// The pipe keeps the server alive. The kernel closes it when the last of those
// processes has ended, even by kill -9. Then the reader of the pipe asks Postgres
// for a fast shutdown. So no process needs to watch the others. [Tie] ties any
// other child process to this one in the same way.
//
// The package does not serve production: all users that may enter the folder are
// superusers, and nothing is backed up. The schema and its roles are in package
// postgres.
package local
