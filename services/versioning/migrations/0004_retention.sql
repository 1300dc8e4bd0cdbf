-- Which content of past states is given up. History itself is never changed.

-- migrate:up
CREATE TABLE retention (
    bucket_id     uuid        NOT NULL REFERENCES repository,
    -- Absent: all states are kept for ever.
    policy        jsonb,
    set_at        timestamptz NOT NULL DEFAULT now(),
    set_by        text,
    -- How far this round has come; absent: none is under way.
    behind        jsonb,
    -- When the policy was last applied in full; absent: never, since it was set.
    ran_at        timestamptz,
    expired       bigint      NOT NULL DEFAULT 0,
    expired_bytes bigint      NOT NULL DEFAULT 0,
    CONSTRAINT retention_is_one_per_bucket PRIMARY KEY (bucket_id),
    CONSTRAINT retention_counts_upwards CHECK (expired >= 0 AND expired_bytes >= 0)
);

ALTER TABLE version
    -- The row stays, as history does; its bytes may be gone.
    ADD COLUMN expired_at timestamptz,
    -- Of an expired state of main: the position at which another one took its place.
    ADD COLUMN until_position bigint,
    ADD CONSTRAINT version_expires_with_content CHECK (expired_at IS NULL OR sha256 IS NOT NULL);
ALTER TABLE branch_change
    ADD COLUMN expired_at timestamptz,
    ADD CONSTRAINT branch_change_expires_with_content
        CHECK (expired_at IS NULL OR sha256 IS NOT NULL);

DROP INDEX version_by_content;
CREATE INDEX version_by_content ON version (bucket_id, sha256)
WHERE sha256 IS NOT NULL AND expired_at IS NULL;
CREATE INDEX version_given_up ON version (bucket_id, sha256) WHERE expired_at IS NOT NULL;
CREATE INDEX version_given_up_until ON version (bucket_id, until_position)
WHERE until_position IS NOT NULL;
DROP INDEX branch_change_by_content;
CREATE INDEX branch_change_by_content ON branch_change (bucket_id, sha256)
WHERE sha256 IS NOT NULL AND expired_at IS NULL;
CREATE INDEX branch_change_given_up ON branch_change (bucket_id, sha256)
WHERE expired_at IS NOT NULL;
-- Content of commits that no ref reaches is given up by this; each row leaves it as it goes.
CREATE INDEX branch_change_kept ON branch_change (line_id, position)
WHERE sha256 IS NOT NULL AND expired_at IS NULL;
CREATE INDEX branch_change_given_up_on ON branch_change (line_id, position)
WHERE expired_at IS NOT NULL;

-- Ends of lines that no ref reaches any more, behind a position: branches that were deleted, reset
-- or merged by squashing.
CREATE TABLE unreached_line (
    line_id  bigint      NOT NULL REFERENCES line,
    position bigint      NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unreached_line_is_one PRIMARY KEY (line_id, position)
);

-- migrate:down
DROP TABLE unreached_line;
DROP INDEX branch_change_given_up_on;
DROP INDEX branch_change_kept;
DROP INDEX branch_change_given_up;
DROP INDEX branch_change_by_content;
CREATE INDEX branch_change_by_content ON branch_change (bucket_id, sha256)
WHERE sha256 IS NOT NULL;
DROP INDEX version_given_up_until;
DROP INDEX version_given_up;
DROP INDEX version_by_content;
CREATE INDEX version_by_content ON version (bucket_id, sha256) WHERE sha256 IS NOT NULL;
ALTER TABLE branch_change
    DROP COLUMN expired_at;
ALTER TABLE version
    DROP COLUMN until_position,
    DROP COLUMN expired_at;
DROP TABLE retention;
