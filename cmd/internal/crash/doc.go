// Package crash kills or stops a program at a named point between two steps that
// must survive a crash. The points are decorators of ports, so that core knows
// nothing of them. They exist only in programs built with the tag crash:
//
//	BILLING_CRASH_AT    name of the point at which the program kills itself
//	BILLING_CRASH_PASS  which pass of the point counts; 1 if unset
//	BILLING_STOP_AT     names, separated by commas: the program stops at the first pass
//	                    of each, until it receives SIGCONT
//	BILLING_TEST_DNS    address of the name server for the hosts of webhooks
//
// Not here: planted bugs (cmd/internal/mutant).
package crash
