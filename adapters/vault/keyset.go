package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	aeadsubtle "github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Files are where the keys are.
type Files struct {
	Keyset string
	// KEK names the file of the key that encrypts the keyset; "" for a keyset in
	// the clear.
	KEK string
	// AllowClear lets a keyset in the clear be used, for trying things out.
	AllowClear bool
}

// What each keyset is for, as it is bound into its ciphertext: one cannot stand
// in for the other.
const (
	sealPurpose        = "billing/seal/v1"
	fingerprintPurpose = "billing/fingerprint/v1"
)

const fileVersion = 1

// file is the keyset file.
type file struct {
	Version     int             `json:"version"`
	Since       time.Time       `json:"since,omitzero"`  // see keys
	Clear       bool            `json:"clear,omitempty"` // whether the keys are not encrypted
	Seal        json.RawMessage `json:"seal"`
	Fingerprint json.RawMessage `json:"fingerprint"`
}

// keys are the keysets of a file.
type keys struct {
	seal, fingerprint *keyset.Handle
	// since is when the key that seals began to; zero in a file that nobody has
	// rotated since files tell it.
	since time.Time
}

func newKeys(now time.Time) (k keys, err error) {
	k.since = now
	if k.seal, err = keyset.NewHandle(aead.AES256GCMKeyTemplate()); err != nil {
		return k, fmt.Errorf("make a key: %w", err)
	}
	if k.fingerprint, err = keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate()); err != nil {
		return k, fmt.Errorf("make a key: %w", err)
	}
	return k, nil
}

// read reads the keys out of their file. Its errors say what to do, and nothing
// of what is in the files.
func (f Files) read() (keys, error) {
	text, err := os.ReadFile(f.Keyset)
	if err != nil {
		return keys{}, fmt.Errorf("keyset: %w", err)
	}
	k, err := f.parse(text)
	if err != nil {
		return keys{}, fmt.Errorf("keyset %s: %w", f.Keyset, err)
	}
	return k, nil
}

func (f Files) parse(text []byte) (k keys, err error) {
	var content file
	if err := json.Unmarshal(text, &content); err != nil {
		return k, errors.New("the file is damaged or cut off, or is no keyset of billingctl vault keygen")
	}
	if content.Version != fileVersion {
		return k, fmt.Errorf("the file has version %d, this program reads version %d", content.Version, fileVersion)
	}
	kek, err := f.kek(content.Clear)
	if err != nil {
		return k, err
	}
	if k.seal, err = readKeyset(content.Seal, kek, sealPurpose); err != nil {
		return k, err
	}
	k.since = content.Since
	k.fingerprint, err = readKeyset(content.Fingerprint, kek, fingerprintPurpose)
	return k, err
}

// kek reads the key that encrypts the keyset; nil when it is in the clear, and
// may be.
func (f Files) kek(inTheClear bool) (tink.AEAD, error) {
	switch {
	case inTheClear && !f.AllowClear:
		return nil, errors.New("its keys are in the clear, which is for BILLING_ENV=dev and test alone")
	case inTheClear:
		return nil, nil //nolint:nilnil // nothing encrypts it
	case f.KEK == "":
		return nil, errors.New("its keys are encrypted: BILLING_VAULT_KEK_FILE must name the key that encrypts them")
	}
	return readKEK(f.KEK)
}

const kekSize = 32

func readKEK(path string) (tink.AEAD, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key of the keyset: %w", err)
	}
	defer clear(text)
	key, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(text))
	if err != nil || len(key) != kekSize {
		return nil, fmt.Errorf("key of the keyset: %s must hold 32 bytes in base64", path)
	}
	defer clear(key)
	return aeadsubtle.NewAESGCM(key)
}

var errNotOpened = errors.New("its keys do not open: the file is damaged, or BILLING_VAULT_KEK_FILE names another key")

func readKeyset(text []byte, kek tink.AEAD, purpose string) (*keyset.Handle, error) {
	reader := keyset.NewJSONReader(bytes.NewReader(text))
	var h *keyset.Handle
	var err error
	if kek == nil {
		h, err = insecurecleartextkeyset.Read(reader)
	} else {
		h, err = keyset.ReadWithAssociatedData(reader, kek, []byte(purpose))
	}
	if err != nil {
		return nil, errNotOpened // and not err, which may quote the file
	}
	return h, nil
}

func (k keys) render(kek tink.AEAD) ([]byte, error) {
	content := file{Version: fileVersion, Since: k.since, Clear: kek == nil}
	var err error
	if content.Seal, err = writeKeyset(k.seal, kek, sealPurpose); err != nil {
		return nil, err
	}
	if content.Fingerprint, err = writeKeyset(k.fingerprint, kek, fingerprintPurpose); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(content, "", "  ")
	return append(text, '\n'), err
}

func writeKeyset(h *keyset.Handle, kek tink.AEAD, purpose string) ([]byte, error) {
	var b bytes.Buffer
	var err error
	if kek == nil {
		err = insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b))
	} else {
		err = h.WriteWithAssociatedData(keyset.NewJSONWriter(&b), kek, []byte(purpose))
	}
	if err != nil {
		return nil, fmt.Errorf("write keys: %w", err)
	}
	return b.Bytes(), nil
}
