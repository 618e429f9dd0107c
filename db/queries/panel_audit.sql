-- name: AuditRecord :exec
INSERT INTO panel_audit (id, at, operator, origin, action, object, before, after)
VALUES (@id, @at, @operator, @origin, @action, @object, @before, @after);

-- name: Audit :many
SELECT * FROM panel_audit WHERE id < @before_id::uuid ORDER BY id DESC LIMIT @take::int;
