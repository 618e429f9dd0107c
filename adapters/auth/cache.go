package auth

import (
	"container/list"
	"crypto/rsa"
	"crypto/sha256"
	"sync"
)

// cacheSize is the maximum number of cached tokens, enough for the viewers who are
// active at the same time. An entry takes about 600 bytes.
const cacheSize = 16_384

// verified is a token whose signature was verified with key. The key may no longer be
// in use, and the token may have expired since.
type verified struct {
	kid    string
	key    *rsa.PublicKey
	claims claims
}

// tokenHash identifies a token without keeping the token in memory.
type tokenHash = [sha256.Size]byte

// cache is an LRU cache of tokens with a verified signature, because the signature
// is most of the cost of a verification. Only valid tokens are stored, so an attacker
// without tokens of the auth service cannot fill it.
type cache struct {
	size int

	mu     sync.Mutex
	tokens map[tokenHash]*list.Element
	recent *list.List // of *cacheEntry, most recently used first
}

type cacheEntry struct {
	hash tokenHash
	verified
}

func newCache(size int) *cache {
	return &cache{size: size, tokens: make(map[tokenHash]*list.Element), recent: list.New()}
}

func (c *cache) get(hash tokenHash) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.tokens[hash]
	if !ok {
		return verified{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cacheEntry).verified, true
}

func (c *cache) put(hash tokenHash, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.tokens[hash]; ok {
		e.Value.(*cacheEntry).verified = v
		return
	}
	if c.recent.Len() >= c.size {
		oldest := c.recent.Back()
		delete(c.tokens, c.recent.Remove(oldest).(*cacheEntry).hash)
	}
	c.tokens[hash] = c.recent.PushFront(&cacheEntry{hash, v})
}

func (c *cache) drop(hash tokenHash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.tokens[hash]; ok {
		c.recent.Remove(e)
		delete(c.tokens, hash)
	}
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
