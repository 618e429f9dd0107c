package vault

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/tink-crypto/tink-go/v2/prf"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Fingerprints implements [ports.Vault].
func (v *Vault) Fingerprints(p ports.Purpose, user billing.UserID, text []byte) ([]billing.Fingerprint, error) {
	var list []billing.Fingerprint
	for ; v != nil; v = v.older {
		set := v.current().prf
		for _, id := range digestKeys(set) {
			f, err := fingerprint(set.PRFs[id], p, user, text)
			if err != nil {
				return nil, err
			}
			list = append(list, f)
		}
	}
	return list, nil
}

func fingerprint(key prf.PRF, p ports.Purpose, user billing.UserID, text []byte) (f billing.Fingerprint, err error) {
	input := lengthPrefixed([]byte(p), []byte(user), text)
	defer clear(input)
	sum, err := key.ComputePRF(input, uint32(len(f)))
	if err != nil {
		return f, fmt.Errorf("fingerprint of a %s: %w", p, err)
	}
	return billing.Fingerprint(sum), nil
}

// digestKeys returns the ids of the keys, the primary key first.
func digestKeys(set *prf.Set) []uint32 {
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(set.PRFs)), func(id uint32) bool { return id == set.PrimaryID })
	return append([]uint32{set.PrimaryID}, others...)
}

const (
	macKeyIDSize = 4
	macSize      = 32
)

// macPurpose is the first part of the input of every code. No fingerprint has this
// purpose, so neither can be used in place of the other.
const macPurpose = "mac/v1"

// MAC implements [ports.Authenticator]. A code is the id of its key, in four bytes, and
// an HMAC-SHA256.
func (v *Vault) MAC(at ports.Place, text []byte) ([]byte, error) {
	set := v.current().prf
	return mac(set.PRFs[set.PrimaryID], set.PrimaryID, at, text)
}

func mac(key prf.PRF, id uint32, at ports.Place, text []byte) ([]byte, error) {
	input := lengthPrefixed([]byte(macPurpose), []byte(at.Purpose), []byte(at.Row), []byte(at.User), text)
	defer clear(input)
	sum, err := key.ComputePRF(input, macSize)
	if err != nil {
		return nil, fmt.Errorf("MAC of %s of %s: %w", at.Purpose, at.Row, err)
	}
	return append(binary.BigEndian.AppendUint32(nil, id), sum...), nil
}

// VerifyMAC implements [ports.Authenticator].
func (v *Vault) VerifyMAC(at ports.Place, code, text []byte) error {
	refused := fmt.Errorf("MAC of %s of %s: %w", at.Purpose, at.Row, ports.ErrNotAuthentic)
	if len(code) != macKeyIDSize+macSize {
		return refused
	}
	id := binary.BigEndian.Uint32(code)
	for ; v != nil; v = v.older {
		key, ok := v.current().prf.PRFs[id]
		if !ok {
			continue
		}
		want, err := mac(key, id, at, text)
		if err != nil {
			return err
		}
		if hmac.Equal(code, want) {
			return nil
		}
	}
	return refused
}

// MACKeyID implements [ports.Authenticator].
func (v *Vault) MACKeyID() uint32 { return v.current().prf.PrimaryID }
