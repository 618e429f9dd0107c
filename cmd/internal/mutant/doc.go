// Package mutant plants bugs on purpose, so that the fault suite (cmd/qa/chaos) can
// prove that it finds them.
//
// Without the build tag mutant the package changes nothing. With it, BILLING_MUTANT
// names one bug. Each bug is a decorator of a port of core that makes the service
// behave as if it had that mistake. The service itself needs no hooks for it.
package mutant
