// Package mutant plants bugs, on purpose, so that the fault suite (cmd/qa/chaos)
// can show that it would find them.
//
// Without the build tag mutant it does nothing at all. With it, BILLING_MUTANT
// names one bug. Each is a wrapper around a port of core that makes the
// whole behave as if somebody had made that mistake, so that the code itself
// stays free of hooks.
package mutant
