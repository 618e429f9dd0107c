package main

import "slices"

// scenarios lists everything that is broken.
func scenarios() []scenario {
	return slices.Concat(
		kills(),
		databases(),
		held(),
		parallel(),
		races(),
		paymentSystem(),
		soaks(),
		stops(),
	)
}
