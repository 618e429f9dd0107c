package auth

import (
	"container/list"
	"crypto/rsa"
	"crypto/sha256"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// cacheSize is how many tokens are remembered: viewers who are active at the same
// time. One takes about 600 bytes.
const cacheSize = 16_384

// verified is what is known of a token: that this key signed it. It says nothing
// about whether the key is still in use, or the token valid at another time.
type verified struct {
	kid    string
	key    *rsa.PublicKey
	claims jwt.RegisteredClaims
}

// tokenSum stands for a token, so that none is kept in memory.
type tokenSum = [sha256.Size]byte

// cache remembers tokens whose signature was verified, which is most of the work
// that a token takes. Only good tokens get in, so nobody fills it but the auth
// service's own viewers; it forgets the one that was not seen for the longest.
type cache struct {
	size int

	mu     sync.Mutex
	tokens map[tokenSum]*list.Element
	byUse  *list.List // of cached, the latest first
}

type cached struct {
	sum tokenSum
	verified
}

func newCache(size int) *cache {
	return &cache{size: size, tokens: make(map[tokenSum]*list.Element), byUse: list.New()}
}

func (c *cache) get(sum tokenSum) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.tokens[sum]
	if !ok {
		return verified{}, false
	}
	c.byUse.MoveToFront(e)
	return e.Value.(*cached).verified, true
}

func (c *cache) put(sum tokenSum, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.tokens[sum]; ok {
		e.Value.(*cached).verified = v
		return
	}
	if c.byUse.Len() >= c.size {
		oldest := c.byUse.Back()
		delete(c.tokens, c.byUse.Remove(oldest).(*cached).sum)
	}
	c.tokens[sum] = c.byUse.PushFront(&cached{sum, v})
}

func (c *cache) drop(sum tokenSum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.tokens[sum]; ok {
		c.byUse.Remove(e)
		delete(c.tokens, sum)
	}
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byUse.Len()
}
