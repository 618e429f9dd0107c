package main

import (
	"bufio"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// tokenSet holds the access tokens of the first users of a population. Signing is
// slow, so they are stored beside the cluster.
type tokenSet struct {
	keys   string // folder of the key pair
	tokens []string
}

const (
	issuer, audience = "bench", "billing"
	tokenLife        = 30 * 24 * time.Hour
)

func newTokens(dir string, n int) (tokenSet, error) {
	v := tokenSet{keys: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return v, err
	}
	if _, _, err := auth.NewKeyPair(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return v, err
	}
	file := filepath.Join(dir, fmt.Sprintf("tokens-%d", n))
	if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) < tokenLife/2 {
		v.tokens, err = readLines(file)
		if err != nil || len(v.tokens) == n {
			return v, err
		}
	}
	logf("signing %d tokens", n)
	key, err := auth.LoadPrivateKey(filepath.Join(dir, "private.pem"))
	if err != nil {
		return v, err
	}
	if v.tokens, err = signAll(key, n); err != nil {
		return v, err
	}
	return v, writeLines(file, v.tokens)
}

func signAll(key *rsa.PrivateKey, n int) ([]string, error) {
	tokens, errs := make([]string, n), make([]error, runtime.NumCPU())
	now := time.Now()
	var wg sync.WaitGroup
	for worker := range errs {
		wg.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += len(errs) {
				tokens[i], errs[worker] = auth.Sign(key, "", auth.SignClaims{
					Subject: userID(i + 1).String(), Issuer: issuer, Audience: audience, IssuedAt: now, ExpiresAt: now.Add(tokenLife),
				})
			}
		})
	}
	wg.Wait()
	return tokens, errors.Join(errs...)
}

func readLines(file string) (lines []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines, s.Err()
}

func writeLines(file string, lines []string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, line := range lines {
		_, _ = w.WriteString(line + "\n") // Flush returns the error
	}
	return errors.Join(w.Flush(), f.Close())
}
