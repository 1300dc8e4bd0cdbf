-- migrate:up

CREATE TABLE api_key (
    key_id      uuid        NOT NULL,
    name        text        NOT NULL,
    -- SHA-256 of a secret of 256 random bits; the secret itself is nowhere.
    secret_hash bytea       NOT NULL,
    scopes      text[]      NOT NULL,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    CONSTRAINT api_key_is_one_per_id PRIMARY KEY (key_id),
    CONSTRAINT api_key_hash_is_sha256 CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_key_scopes_are_known CHECK (scopes <@ ARRAY['read', 'write', 'admin']),
    CONSTRAINT api_key_has_a_scope CHECK (cardinality(scopes) >= 1)
);

-- The first answer to a POST, given again when the same request comes again.
CREATE TABLE kept_answer (
    key_id       uuid        NOT NULL,
    idempotency_key text     NOT NULL,
    request_hash bytea       NOT NULL,
    claimed_at   timestamptz NOT NULL DEFAULT now(),
    -- Absent while the request is being answered.
    status       integer,
    headers      jsonb,
    body         bytea,
    CONSTRAINT kept_answer_is_one_per_key PRIMARY KEY (key_id, idempotency_key),
    CONSTRAINT kept_answer_is_complete CHECK (
        (status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL)
    )
);

CREATE INDEX kept_answer_by_age ON kept_answer (claimed_at);

-- migrate:down

DROP TABLE kept_answer;
DROP TABLE api_key;
