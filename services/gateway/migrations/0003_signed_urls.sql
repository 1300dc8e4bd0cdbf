-- Links that were signed: the link proves itself, the row says whether it was taken back.

-- migrate:up
CREATE TABLE signed_url (
    link_id    uuid        NOT NULL,
    key_id     uuid        NOT NULL,
    bucket_id  uuid        NOT NULL,
    path       text        NOT NULL,
    method     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT signed_url_is_one PRIMARY KEY (link_id),
    CONSTRAINT signed_url_method_is_known CHECK (method IN ('GET', 'HEAD', 'PUT'))
);
CREATE INDEX signed_url_by_bucket ON signed_url (bucket_id, link_id) WHERE revoked_at IS NULL;
CREATE INDEX signed_url_by_expiry ON signed_url (expires_at);

-- migrate:down
DROP TABLE signed_url;
