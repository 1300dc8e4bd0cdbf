-- What others say of commits, and who signed them.

-- migrate:up
-- The last word of each check on a commit.
CREATE TABLE commit_check (
    bucket_id   uuid        NOT NULL,
    commit_id   bytea       NOT NULL,
    name        text        COLLATE "C" NOT NULL,
    state       text        NOT NULL,
    detail      text        NOT NULL DEFAULT '',
    actor       text        NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT commit_check_is_one_per_name PRIMARY KEY (bucket_id, commit_id, name),
    CONSTRAINT commit_check_is_of_a_commit FOREIGN KEY (bucket_id, commit_id) REFERENCES commit,
    CONSTRAINT commit_check_state_is_known CHECK (state IN ('pending', 'passed', 'failed'))
);

-- Keys that are or were trusted; what one signed while it was trusted stays signed.
CREATE TABLE signing_key (
    bucket_id  uuid        NOT NULL REFERENCES repository,
    key_id     bytea       NOT NULL,
    name       text        NOT NULL,
    public_key bytea       NOT NULL,
    owner      text        NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    CONSTRAINT signing_key_is_one PRIMARY KEY (bucket_id, key_id),
    CONSTRAINT signing_key_is_named_by_its_sha256 CHECK (sha256(public_key) = key_id),
    CONSTRAINT signing_key_is_an_ed25519_key CHECK (length(public_key) = 32)
);

-- Of a commit by its id, of a tag by the sha256 of its encoding.
CREATE TABLE signature (
    bucket_id uuid        NOT NULL,
    target    bytea       NOT NULL,
    key_id    bytea       NOT NULL,
    kind      text        NOT NULL,
    signature bytea       NOT NULL,
    signed_by text        NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT signature_is_one_per_key PRIMARY KEY (bucket_id, target, key_id),
    CONSTRAINT signature_is_by_a_known_key
        FOREIGN KEY (bucket_id, key_id) REFERENCES signing_key,
    CONSTRAINT signature_is_of_a_known_kind CHECK (kind IN ('commit', 'tag')),
    CONSTRAINT signature_has_its_length CHECK (length(signature) = 64)
);

-- migrate:down
DROP TABLE signature;
DROP TABLE signing_key;
DROP TABLE commit_check;
