// Package local runs a private Postgres for development and for tests: found
// on the machine or fetched once, without a port, a password or a service to
// install, and gone with the processes that use it.
//
//	Open ── lock ──┬─ nobody runs it ── find binaries ─ initdb ─ postgres
//	               └─ it runs ───────── join
//
// Everything lives in one folder:
//
//	lock          held while somebody starts, joins or leaves
//	users         held shared by every process that has the server open
//	alive         a pipe that the same processes hold open for writing
//	data/         the cluster
//	run/          the socket, when its path is short enough for one
//	postgres.log  what the server said
//
// The pipe is what keeps the server alive. The kernel closes it when the last
// of those processes is gone, however it went, and a reader of the pipe then
// asks Postgres for a fast shutdown. Nothing needs to be left running to watch
// the processes, and kill -9 leaves no server behind. [Tie] ties any other
// child process to this one in the same way.
//
// It is not here to serve production: anybody who may enter the folder is the
// superuser, and nothing is backed up. What the schema is and which roles use
// it is package postgres's to know.
package local
