package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	minKeyBits  = 2048 // RFC 7518 §3.3
	maxKeyBits  = 8192 // the cost of a verification grows with the square of the size
	minExponent = 65537
)

// checkRSA returns an error if the key is too weak, too large or malformed.
func checkRSA(key *rsa.PublicKey) error {
	switch bits := key.N.BitLen(); {
	case bits < minKeyBits:
		return fmt.Errorf("RSA key of %d bits: at least %d are required", bits, minKeyBits)
	case bits > maxKeyBits:
		return fmt.Errorf("RSA key of %d bits: at most %d are accepted", bits, maxKeyBits)
	case key.N.Bit(0) == 0:
		return errors.New("RSA key with an even modulus")
	case key.E < minExponent || key.E%2 == 0:
		return fmt.Errorf("RSA key with exponent %d: it must be odd and at least %d", key.E, minExponent)
	}
	return nil
}

func loadPublicKey(path string) (text []byte, key *rsa.PublicKey, err error) {
	if text, err = os.ReadFile(path); err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	if key, err = parsePublicKey(text); err != nil {
		return nil, nil, fmt.Errorf("public key %s: %w", path, err)
	}
	return text, key, nil
}

// parsePublicKey reads exactly one RSA public key. It refuses a file that contains a
// private key, because its holder can impersonate any viewer.
func parsePublicKey(text []byte) (*rsa.PublicKey, error) {
	var blocks []*pem.Block
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, errors.New("this is a private key, which must stay with the auth service: give its public key")
		}
		blocks = append(blocks, block)
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("%d PEM blocks: exactly one public key is expected", len(blocks))
	}
	key, err := parsePublicBlock(blocks[0])
	if err != nil {
		return nil, err
	}
	return key, checkRSA(key)
}

func parsePublicBlock(block *pem.Block) (*rsa.PublicKey, error) {
	switch block.Type {
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "PUBLIC KEY":
		any, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key, ok := any.(*rsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("a %T: an RSA key is expected", any)
		}
		return key, nil
	}
	return nil, fmt.Errorf("PEM block %q: PUBLIC KEY or RSA PUBLIC KEY is expected", block.Type)
}
