-- Changes that are more than one message holds, collected until they are applied together.

-- migrate:up
CREATE TABLE change_set_part (
    change_set_id uuid        NOT NULL,
    part          integer     NOT NULL,
    -- No reference: a bucket may be purged while nobody applies what was meant for it.
    bucket_id     uuid        NOT NULL,
    -- Changes and expectations as JSON, compressed by the server; nobody looks into them here.
    data          text        NOT NULL,
    added_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT change_set_part_is_added_once PRIMARY KEY (change_set_id, part)
);
CREATE INDEX change_set_part_by_age ON change_set_part (added_at);

-- migrate:down
DROP TABLE change_set_part;
