-- name: AuditRecord :exec
INSERT INTO panel_audit (id, at, operator, origin, action, object, before, after)
VALUES (@id, @at, @operator, @origin, @action, @object, @before, @after);
