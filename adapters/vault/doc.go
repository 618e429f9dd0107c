// Package vault encrypts card numbers and payment tokens with Tink, so that the
// database and its backups contain only ciphertexts.
//
//	KEK file ─decrypts─► keyset file ─┬─ AES-256-GCM keys ─ encrypt and decrypt
//	                                  └─ HMAC-SHA256 keys ─ fingerprints, MACs
//
// A ciphertext is bound to its purpose, its user and its row: copied to another row
// it cannot be decrypted. It begins with the id of its key, so keys can be rotated
// while the programs run. The new key encrypts and the old keys still decrypt, until
// every row is encrypted with the new key and the old keys are disabled.
//
// A [Vault] reads its keyset file again when the file changes, so a key rotation
// needs no restart.
//
// There are two keysets of this form, so that a host that only renews cannot decrypt
// card numbers: one for card numbers, one for payment tokens, digests and MACs.
// [Vault.ReadAlso] reads both while tokens move from the first to the second.
//
// Digests and MACs have one keyset type, a Tink PRF set of HMAC-SHA256 keys. Tink's MAC
// primitive verifies codes of old keys but cannot compute them, and a stored digest
// must be found under every key.
//
// Not here: the encrypted rows and their re-encryption (adapters/postgres), and the
// commands (cmd/ctl). The digest key of card numbers is never rotated, because a stored
// card is found by one digest.
package vault
