package main

import "slices"

// scenarios lists everything that is broken.
func scenarios() []scenario {
	return slices.Concat(
		soaks(), // those that take long come first
		paymentSystem(),
		kills(),
		cards(),
		databases(),
		disks(),
		failovers(),
		paused(),
		parallel(),
		poolers(),
		concurrent(),
		races(),
		stops(),
	)
}
