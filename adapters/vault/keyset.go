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

// Files are the paths of the key files.
type Files struct {
	Keyset string
	// KEK is the file of the key encryption key, which encrypts the keyset; "" for a
	// plaintext keyset.
	KEK string
	// AllowPlaintext permits a plaintext keyset, for dev and test.
	AllowPlaintext bool
	// RotateDigests makes Prepare and Rotate rotate the digest key too. It is for
	// keysets without card numbers: a card is found by one digest of its number.
	RotateDigests bool
}

// The associated data of each encrypted keyset, so that neither can be used in place of
// the other.
const (
	encryptionPurpose  = "billing/seal/v1"
	fingerprintPurpose = "billing/fingerprint/v1"
)

const formatVersion = 1

// file is the keyset file.
type file struct {
	Version     int             `json:"version"`
	Since       time.Time       `json:"since,omitzero"`  // see keys
	Plaintext   bool            `json:"clear,omitempty"` // the keysets are not encrypted
	Enforced    []string        `json:"enforced,omitempty"`
	Encryption  json.RawMessage `json:"seal"`
	Fingerprint json.RawMessage `json:"fingerprint"`
}

// keys are the keysets of a file.
type keys struct {
	encryption, fingerprint *keyset.Handle
	// since is when the primary key became primary. It is zero if the last rotation was
	// done by a version that did not store it.
	since time.Time
	// enforced are the rules that programs enforce.
	enforced []string
}

func newKeys(now time.Time) (k keys, err error) {
	k.since = now
	if k.encryption, err = keyset.NewHandle(aead.AES256GCMKeyTemplate()); err != nil {
		return k, fmt.Errorf("make a key: %w", err)
	}
	if k.fingerprint, err = keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate()); err != nil {
		return k, fmt.Errorf("make a key: %w", err)
	}
	return k, nil
}

// read reads the keys from the files. Its errors name the remedy and quote nothing of
// the files' content.
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
		return k, errors.New("the file is damaged or truncated, or was not made by billingctl vault keygen")
	}
	if content.Version != formatVersion {
		return k, fmt.Errorf("the file has format version %d, but this program reads version %d", content.Version, formatVersion)
	}
	kek, err := f.kek(content.Plaintext)
	if err != nil {
		return k, err
	}
	if k.encryption, err = readKeyset(content.Encryption, kek, encryptionPurpose); err != nil {
		return k, err
	}
	k.since, k.enforced = content.Since, content.Enforced
	k.fingerprint, err = readKeyset(content.Fingerprint, kek, fingerprintPurpose)
	return k, err
}

// kek reads the key that encrypts the keysets. It returns nil for plaintext keysets if
// they are allowed.
func (f Files) kek(plaintext bool) (tink.AEAD, error) {
	switch {
	case plaintext && !f.AllowPlaintext:
		return nil, errors.New("its keys are plaintext, which only BILLING_ENV=dev and test allow")
	case plaintext:
		return nil, nil //nolint:nilnil // no key encrypts it
	case f.KEK == "":
		return nil, errors.New("its keys are encrypted: set BILLING_VAULT_KEK_FILE, for tokens BILLING_TOKEN_KEK_FILE, or for the panel BILLING_PANEL_KEK_FILE, to the file of the key that encrypts them")
	}
	return readKEK(f.KEK)
}

const kekSize = 32

// tooOpen are the permissions that the KEK file must not grant: others must not read
// it, and only its owner may write it.
const tooOpen = 0o027

func readKEK(path string) (tink.AEAD, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key of the keyset: %w", err)
	}
	if mode := info.Mode().Perm(); mode&tooOpen != 0 {
		return nil, fmt.Errorf("key of the keyset: other users may read or write %s (its mode is %04o): chmod 600 %[1]s", path, mode)
	}
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

var errNotDecrypted = errors.New("its keys cannot be decrypted: the file is damaged, or BILLING_VAULT_KEK_FILE (for tokens BILLING_TOKEN_KEK_FILE, for the panel BILLING_PANEL_KEK_FILE) names another key")

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
		return nil, errNotDecrypted // not err, which may quote the file
	}
	return h, nil
}

// render returns the content of a keyset file, encrypted unless kek is nil.
func (k keys) render(kek tink.AEAD) ([]byte, error) {
	content := file{Version: formatVersion, Since: k.since, Plaintext: kek == nil, Enforced: k.enforced}
	var err error
	if content.Encryption, err = writeKeyset(k.encryption, kek, encryptionPurpose); err != nil {
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
