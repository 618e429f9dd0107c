// Package boot holds the start and the end that the programs share: the
// configuration, the log, the version and the list of payment systems; and for
// servers the listeners, the probes and the shutdown.
//
//	environment ─ Load ─┬─ config, complete and checked
//	                    └─ *ConfigError: all faults at once
//
// Each program's configuration is a struct made of the parts below. The tags of
// a field hold the variable's name, default, valid values and description, from
// which Load and --help work.
//
// Not here: wiring. Each main does its own, top to bottom.
package boot
