-- Content that no file names yet: somebody is about to name it on a branch or in a commit.

-- migrate:up

-- The reference keeps the bytes until then. What history names by that time, it is asked for.
CREATE TABLE held_content (
    bucket_id  uuid        NOT NULL REFERENCES bucket,
    blob_id    uuid        NOT NULL REFERENCES blob,
    held_until timestamptz NOT NULL,
    CONSTRAINT held_content_is_one PRIMARY KEY (bucket_id, blob_id)
);
CREATE INDEX held_content_by_blob ON held_content (blob_id);
CREATE INDEX held_content_by_end ON held_content (held_until);

-- Holding longer changes no blob, so only the end of a hold leaves a note.
CREATE TRIGGER held_content_unnames_blobs_when_deleted
    AFTER DELETE ON held_content
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();

-- An upload that is to become no file. The answer to its commit is how long its bytes are held.
ALTER TABLE upload
    ADD COLUMN hold boolean NOT NULL DEFAULT false,
    ADD COLUMN held_until timestamptz,
    ADD CONSTRAINT upload_is_held_if_wanted CHECK (hold OR held_until IS NULL),
    DROP CONSTRAINT upload_committed_has_its_answer,
    ADD CONSTRAINT upload_committed_has_its_answer CHECK (
        CASE WHEN num_nonnulls(check_id, held_until) = 0
            THEN num_nulls(committed_at, revision, sha256, size, created) IN (0, 5)
            ELSE num_nulls(committed_at, sha256, size) = 0
                AND num_nonnulls(revision, created) = 0
                AND num_nonnulls(check_id, held_until) = 1
        END
    );

-- migrate:down
DELETE FROM upload
WHERE hold;
ALTER TABLE upload
    DROP CONSTRAINT upload_committed_has_its_answer,
    DROP COLUMN held_until,
    DROP COLUMN hold,
    ADD CONSTRAINT upload_committed_has_its_answer CHECK (
        CASE WHEN check_id IS NULL
            THEN num_nulls(committed_at, revision, sha256, size, created) IN (0, 5)
            ELSE num_nulls(committed_at, sha256, size) = 0 AND num_nonnulls(revision, created) = 0
        END
    );
DROP TABLE held_content;
