// Package vault encrypts card numbers and payment tokens with Tink, so that the
// database and its backups contain only ciphertexts.
//
//	KEK file ─decrypts─► keyset file ─┬─ AES-256-GCM keys ─ encrypt and decrypt
//	                                  └─ HMAC-SHA256 key  ─ fingerprints
//
// A ciphertext is bound to its purpose, its user and its row: copied to another row
// it cannot be decrypted. It begins with the id of its key, so keys can be rotated
// while the programs run. The new key encrypts and the old keys still decrypt, until
// every row is encrypted with the new key and the old keys are disabled.
//
// A [Vault] reads its keyset file again when the file changes, so a key rotation
// needs no restart.
//
// Not here: the encrypted rows and their re-encryption (adapters/postgres), and the
// commands (cmd/ctl). The key of the fingerprints is never rotated, because that would
// need the plaintext of every number.
package vault
