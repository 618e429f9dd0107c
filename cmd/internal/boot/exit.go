package boot

// Exit codes of every binary.
const (
	OK      = 0
	Failed  = 1 // it was asked something sensible and could not do it
	Misused = 2 // bad usage or configuration
)
