-- name: PanelUserLock :one
SELECT * FROM panel_users WHERE name = @name FOR NO KEY UPDATE;

-- name: PanelUserAdd :exec
INSERT INTO panel_users (id, name, role, password_hash, password_temporary, language, created_at, disabled_at, failures, locked_until,
    totp_key_ct, totp_key_id, totp_since, totp_last_step, recovery_hashes)
VALUES (@id, @name, @role, @password_hash, @password_temporary, @language, @created_at, @disabled_at, @failures, @locked_until,
    @totp_key_ct, @totp_key_id, @totp_since, @totp_last_step, @recovery_hashes);

-- name: PanelUserSave :execrows
UPDATE panel_users
SET role = @role, password_hash = @password_hash, password_temporary = @password_temporary, language = @language,
    disabled_at = @disabled_at, failures = @failures, locked_until = @locked_until,
    totp_key_ct = @totp_key_ct, totp_key_id = @totp_key_id, totp_since = @totp_since, totp_last_step = @totp_last_step,
    recovery_hashes = @recovery_hashes
WHERE id = @id;

-- name: PanelUsers :many
SELECT * FROM panel_users ORDER BY name COLLATE "C";

-- name: PanelSessionAdd :exec
INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin, browser)
VALUES (@token_hash, @user_id, @created_at, @seen_at, @origin, @browser);

-- name: PanelSession :one
SELECT sqlc.embed(s), sqlc.embed(u)
FROM panel_sessions s JOIN panel_users u ON u.id = s.user_id
WHERE s.token_hash = @token_hash;

-- name: PanelSessionSeen :exec
UPDATE panel_sessions SET seen_at = @at WHERE token_hash = @token_hash;

-- name: PanelSessionsOf :many
SELECT * FROM panel_sessions WHERE user_id = @user_id ORDER BY seen_at DESC, token_hash;

-- name: PanelSessionsEnd :exec
DELETE FROM panel_sessions WHERE token_hash = ANY(@token_hashes::bytea[]);

-- name: PanelSessionsPrune :exec
DELETE FROM panel_sessions WHERE seen_at < @idle_since OR created_at < @old_since;

-- name: FactorsToReencrypt :many
SELECT id, totp_key_ct, totp_key_id FROM panel_users
WHERE totp_key_id <> @key_id::bigint AND id > @after_id::uuid
ORDER BY id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: FactorReencrypt :execrows
UPDATE panel_users SET totp_key_ct = @totp_key_ct, totp_key_id = @totp_key_id WHERE id = @id;

-- name: FactorsByKey :many
SELECT totp_key_id::bigint AS key_id, count(*) AS rows
FROM panel_users WHERE totp_key_id IS NOT NULL
GROUP BY 1
ORDER BY 1;
