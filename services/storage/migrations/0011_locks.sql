-- Retention locks and legal holds of files and of their versions.

-- migrate:up

-- A lock of the present state of a path keeps the path as it is. A lock of an older revision keeps
-- its bytes: the reference to the blob does, whatever history forgets.
CREATE TABLE file_lock (
    bucket_id    uuid        NOT NULL REFERENCES bucket,
    path         text        COLLATE "C" NOT NULL,
    revision     bigint      NOT NULL,
    blob_id      uuid        NOT NULL REFERENCES blob,
    mode         text,
    retain_until timestamptz,
    legal_hold   boolean     NOT NULL DEFAULT false,
    set_at       timestamptz NOT NULL DEFAULT now(),
    set_by       text        NOT NULL,
    CONSTRAINT file_lock_is_one_per_revision PRIMARY KEY (bucket_id, path, revision),
    CONSTRAINT file_lock_mode_is_known CHECK (mode IN ('governance', 'compliance')),
    CONSTRAINT file_lock_retains_in_a_mode CHECK (num_nulls(mode, retain_until) IN (0, 2)),
    CONSTRAINT file_lock_locks CHECK (legal_hold OR retain_until IS NOT NULL)
);
CREATE INDEX file_lock_by_blob ON file_lock (blob_id);
CREATE INDEX file_lock_by_end ON file_lock (retain_until) WHERE NOT legal_hold;

-- Services look before they write and name what is locked. A lock that came in between is met here,
-- with the row's lock held: the transaction is undone, and finds it when it is tried again.
CREATE FUNCTION refuse_changes_of_locked_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    locked text;
BEGIN
    SELECT f.path INTO locked
    FROM file_lock AS l
    JOIN before AS f USING (bucket_id, path, revision)
    WHERE f.blob_id IS NOT NULL
        AND (l.legal_hold OR l.retain_until > now())
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is locked', locked USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER locked_files_are_not_changed AFTER UPDATE ON file
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes_of_locked_files();

-- New content of a bucket with a default retention is locked as it comes.
CREATE FUNCTION lock_new_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO file_lock (
        bucket_id, path, revision, blob_id, mode, retain_until, set_at, set_by
    )
    SELECT f.bucket_id, f.path, f.revision, f.blob_id, retention ->> 'mode',
        f.modified_at + make_interval(days => (retention ->> 'days')::integer), f.modified_at,
        f.modified_by
    FROM after AS f
    JOIN (
        SELECT bucket_id, settings -> 'retention' AS retention
        FROM bucket
        WHERE bucket_id IN (SELECT bucket_id FROM after)
            AND settings ->> 'retention' IS NOT NULL
        OFFSET 0 -- each bucket once, not for every pair of its files
    ) AS retaining USING (bucket_id)
    WHERE f.blob_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER new_files_are_locked AFTER INSERT ON file
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION lock_new_content();
CREATE TRIGGER changed_files_are_locked AFTER UPDATE ON file
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION lock_new_content();

-- What ends in the trash or as a version, and every lock that ends, may leave a blob that nothing
-- names.
CREATE TRIGGER past_state_unnames_blobs_when_deleted AFTER DELETE ON past_state
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();
CREATE TRIGGER file_lock_unnames_blobs_when_deleted AFTER DELETE ON file_lock
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();

-- migrate:down
DROP TRIGGER past_state_unnames_blobs_when_deleted ON past_state;
DROP TRIGGER locked_files_are_not_changed ON file;
DROP FUNCTION refuse_changes_of_locked_files;
DROP TRIGGER changed_files_are_locked ON file;
DROP TRIGGER new_files_are_locked ON file;
DROP FUNCTION lock_new_content;
DROP TABLE file_lock;
