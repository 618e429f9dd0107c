-- name: PanelUserLock :one
SELECT * FROM panel_users WHERE name = @name FOR NO KEY UPDATE;

-- name: PanelUserAdd :exec
INSERT INTO panel_users (id, name, role, password_hash, language, created_at, disabled_at, failures, locked_until)
VALUES (@id, @name, @role, @password_hash, @language, @created_at, @disabled_at, @failures, @locked_until);

-- name: PanelUserSave :execrows
UPDATE panel_users
SET role = @role, password_hash = @password_hash, language = @language, disabled_at = @disabled_at,
    failures = @failures, locked_until = @locked_until
WHERE id = @id;

-- name: PanelUsers :many
SELECT * FROM panel_users ORDER BY name COLLATE "C";

-- name: PanelSessionAdd :exec
INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin)
VALUES (@token_hash, @user_id, @created_at, @seen_at, @origin);

-- name: PanelSession :one
SELECT sqlc.embed(s), sqlc.embed(u)
FROM panel_sessions s JOIN panel_users u ON u.id = s.user_id
WHERE s.token_hash = @token_hash;

-- name: PanelSessionSeen :exec
UPDATE panel_sessions SET seen_at = @at WHERE token_hash = @token_hash;

-- name: PanelSessionEnd :exec
DELETE FROM panel_sessions WHERE token_hash = @token_hash;

-- name: PanelSessionsEnd :exec
DELETE FROM panel_sessions WHERE user_id = @user_id;

-- name: PanelSessionsPrune :exec
DELETE FROM panel_sessions WHERE seen_at < @idle_since OR created_at < @old_since;
