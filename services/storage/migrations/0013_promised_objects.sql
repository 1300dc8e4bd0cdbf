-- Keys that somebody may write an object to; a kept promise is deleted by the commit of its blobs.

-- migrate:up
CREATE TABLE promised_object (
    key        text        COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT promised_object_is_one PRIMARY KEY (key)
);
CREATE INDEX promised_object_by_expiry ON promised_object (expires_at);

-- migrate:down
DROP TABLE promised_object;
