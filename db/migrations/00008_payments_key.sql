-- +goose Up

-- survives: it reads payments by id, or all of them to reconcile; only a page of a
-- viewer's payments becomes slower
ALTER TABLE payments DROP CONSTRAINT payments_pkey, ADD CONSTRAINT payments_pkey PRIMARY KEY USING INDEX payments_by_id;

-- +goose Down
ALTER TABLE payments DROP CONSTRAINT payments_pkey, ADD PRIMARY KEY (user_id, id);
