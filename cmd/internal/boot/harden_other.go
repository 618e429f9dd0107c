//go:build !linux

package boot

func undumpable() {}
