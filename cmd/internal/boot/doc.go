// Package boot is what the binaries share before they do their own work: the
// configuration, the log, the version, and which payment systems there are; and
// how they serve: the command line, listeners, probes, and the end.
//
//	environment ─ Load ─┬─ config, whole and checked
//	                    └─ *ConfigError: everything that is wrong with it
//
// A configuration is a struct of the parts below; each binary has its own. What
// a variable is called, what it defaults to and what it must be stands beside
// its field.
//
// Not here: wiring. Each main does its own, top to bottom.
package boot
