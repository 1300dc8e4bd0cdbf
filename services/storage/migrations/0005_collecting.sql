-- How a blob that nothing names any more goes: noted, condemned, deleted; and its object after it.

-- migrate:up
-- What stopped naming a blob, in the order in which it was noted. Rows may repeat a blob, so that
-- writers never wait for each other here.
CREATE TABLE unnamed_blob (
    position bigint GENERATED ALWAYS AS IDENTITY,
    blob_id  uuid   NOT NULL,
    CONSTRAINT unnamed_blob_is_ordered PRIMARY KEY (position)
);
CREATE INDEX unnamed_blob_by_blob ON unnamed_blob (blob_id);

CREATE FUNCTION note_unnamed_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unnamed_blob (blob_id)
    SELECT DISTINCT blob_id
    FROM gone
    WHERE blob_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_replaced_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A move names in one row what it unnames in another, and leaves no note.
    INSERT INTO unnamed_blob (blob_id)
    SELECT blob_id
    FROM gone
    WHERE blob_id IS NOT NULL
    EXCEPT
    SELECT blob_id
    FROM come;
    RETURN NULL;
END
$$;
CREATE TRIGGER file_unnames_blobs_when_deleted
    AFTER DELETE ON file
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();
CREATE TRIGGER file_unnames_blobs_when_updated
    AFTER UPDATE ON file
    REFERENCING OLD TABLE AS gone NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION note_replaced_blobs();
-- A purged bucket holds nothing any more.
CREATE TRIGGER bucket_blob_unnames_blobs_when_deleted
    AFTER DELETE ON bucket_blob
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();

-- Every deletion of a blob asks these.
CREATE INDEX file_by_blob ON file (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX bucket_blob_by_blob ON bucket_blob (blob_id);

-- Blobs that nothing named when they were looked at; they go when that stays so for the grace.
CREATE TABLE condemned_blob (
    blob_id      uuid        NOT NULL REFERENCES blob ON DELETE CASCADE,
    condemned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT condemned_blob_is_one PRIMARY KEY (blob_id)
);
CREATE INDEX condemned_blob_by_age ON condemned_blob (condemned_at);

-- How far the walk over all blobs has come, which finds what was never noted.
CREATE TABLE blob_walk (
    started_at timestamptz NOT NULL DEFAULT now(),
    -- Absent when this walk is done.
    behind     uuid
);
CREATE UNIQUE INDEX blob_walk_is_one ON blob_walk ((true));
INSERT INTO blob_walk (started_at, behind)
VALUES (now(), '00000000-0000-0000-0000-000000000000');

-- Objects that hold bytes of blobs that are gone, beside blobs that are not.
CREATE TABLE worn_object (
    key     text        COLLATE "C" NOT NULL,
    worn_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT worn_object_is_one PRIMARY KEY (key)
);
CREATE INDEX worn_object_by_age ON worn_object (worn_at);

-- Who was told where bytes lie may be reading them still.
ALTER TABLE doomed_object
    ADD COLUMN not_before timestamptz NOT NULL DEFAULT now();
CREATE INDEX doomed_object_by_time ON doomed_object (not_before);

-- migrate:down
DROP INDEX doomed_object_by_time;
ALTER TABLE doomed_object
    DROP COLUMN not_before;
DROP TABLE worn_object;
DROP TABLE blob_walk;
DROP TABLE condemned_blob;
DROP INDEX bucket_blob_by_blob;
DROP INDEX file_by_blob;
DROP TRIGGER bucket_blob_unnames_blobs_when_deleted ON bucket_blob;
DROP TRIGGER file_unnames_blobs_when_updated ON file;
DROP TRIGGER file_unnames_blobs_when_deleted ON file;
DROP FUNCTION note_replaced_blobs();
DROP FUNCTION note_unnamed_blobs();
DROP TABLE unnamed_blob;
