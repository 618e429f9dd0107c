// Package vault seals card numbers and payment tokens with Tink, so that neither
// a database nor a backup of one has them.
//
//	KEK file ──opens──► keyset file ─┬─ AES-256-GCM keys ─ seal and open
//	                                 └─ HMAC-SHA256 key  ─ fingerprints
//
// A ciphertext is bound to its purpose, its user and its row: copied to another
// row it does not open. It begins with the id of its key, so keys can be changed
// while everything runs: a new one seals, the old ones still open, until every
// row was sealed again and the old ones are disabled.
//
// A [Vault] follows its keyset file: who changes the keys restarts nobody.
//
// Not here: which rows there are and how they are sealed again
// (adapters/postgres), the commands (cmd/ctl). The key of the fingerprints is
// not changed: that would need every number in the clear.
package vault
