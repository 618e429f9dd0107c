//go:build !linux

package boot

func disableDumps() {}
