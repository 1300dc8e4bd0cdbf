-- Direct uploads: drafts that clients put into the store themselves.

-- migrate:up
CREATE TABLE direct_upload (
    session_id uuid        NOT NULL,
    -- No blob ever lies there: whoever has the signed URL may write to it as long as it lasts.
    key        text        COLLATE "C" NOT NULL,
    most_bytes bigint,
    -- When nobody can write any more; the draft is deleted then, whatever became of the session.
    ends_at    timestamptz NOT NULL,
    CONSTRAINT direct_upload_is_one PRIMARY KEY (session_id),
    CONSTRAINT direct_upload_key_names_one UNIQUE (key)
);
CREATE INDEX direct_upload_by_end ON direct_upload (ends_at);

-- migrate:down
DROP TABLE direct_upload;
