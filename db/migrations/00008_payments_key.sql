-- +goose Up

-- survives: it asks for payments by their ids, or for all of them to reconcile;
-- only a page of a viewer's payments takes it longer
ALTER TABLE payments DROP CONSTRAINT payments_pkey, ADD CONSTRAINT payments_pkey PRIMARY KEY USING INDEX payments_by_id;

-- +goose Down
ALTER TABLE payments DROP CONSTRAINT payments_pkey, ADD PRIMARY KEY (user_id, id);
