package main

import "slices"

// scenarios returns all scenarios in the order of their trials.
func scenarios() []scenario {
	return slices.Concat(
		soaks(), // long scenarios first, so that they do not run alone at the end
		paymentSystem(),
		refusals(),
		brownouts(),
		lookups(),
		silences(),
		memories(),
		kills(),
		cards(),
		confirmations(),
		databases(),
		refusedRows(),
		disks(),
		failovers(),
		paused(),
		cancelled(),
		absences(),
		parallel(),
		poolers(),
		concurrent(),
		races(),
		pastDue(),
		openPages(),
		refunds(),
		receipts(),
		reminders(),
		instructions(),
		planEnds(),
		reconciled(),
		feeds(),
		endpoints(),
		forgeries(),
		stops(),
	)
}
