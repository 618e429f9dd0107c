package main

import "slices"

// scenarios lists everything that is broken.
func scenarios() []scenario {
	return slices.Concat(
		soaks(), // which take the longest
		kills(),
		cards(),
		databases(),
		disks(),
		failovers(),
		held(),
		parallel(),
		poolers(),
		meanwhile(),
		races(),
		paymentSystem(),
		stops(),
	)
}
