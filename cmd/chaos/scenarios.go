package main

import "slices"

// scenarios lists everything that is broken.
func scenarios() []scenario {
	return slices.Concat(
		kills(),
		cards(),
		databases(),
		disks(),
		failovers(),
		held(),
		parallel(),
		poolers(),
		races(),
		paymentSystem(),
		soaks(),
		stops(),
	)
}
