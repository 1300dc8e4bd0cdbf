-- Trees that came in parts, until the commit of the last part has them.

-- migrate:up
CREATE TABLE imported_tree (
    bucket_id  uuid        NOT NULL REFERENCES repository,
    tree       bytea       NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    -- Until then storage holds all bytes that the parts named.
    held_until timestamptz NOT NULL,
    CONSTRAINT imported_tree_is_one PRIMARY KEY (bucket_id, tree)
);

-- migrate:down
DROP TABLE imported_tree;
