-- Buckets, files, blobs and uploads. Needs PostgreSQL 18 (RETURNING old, new).

-- migrate:up
CREATE TABLE bucket (
    bucket_id       uuid        NOT NULL,
    name            text        COLLATE "C" NOT NULL,
    versioning      text        NOT NULL,
    state           text        NOT NULL DEFAULT 'open',
    closing_task_id uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    CONSTRAINT bucket_is_one PRIMARY KEY (bucket_id),
    CONSTRAINT bucket_name_is_a_name CHECK (name ~ '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$'),
    CONSTRAINT bucket_versioning_is_known CHECK (versioning IN ('auto', 'off')),
    CONSTRAINT bucket_state_is_known CHECK (state IN ('open', 'closing', 'deleted')),
    CONSTRAINT bucket_closes_by_a_task CHECK (state <> 'closing' OR closing_task_id IS NOT NULL)
);
-- A deleted bucket frees its name at once; its rows are purged by and by.
CREATE UNIQUE INDEX bucket_name_is_taken_once ON bucket (name) WHERE state <> 'deleted';
CREATE INDEX bucket_to_purge ON bucket (bucket_id) WHERE state = 'deleted';

-- Immutable bytes in the object store. The index on sha256 decides between two uploads of the same.
CREATE TABLE blob (
    blob_id    uuid        NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    sha256     bytea       NOT NULL,
    size       bigint      NOT NULL,
    -- A second digest of the same bytes, cheap enough to check at every read.
    blake3     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT blob_is_one PRIMARY KEY (blob_id),
    CONSTRAINT blob_bytes_are_stored_once UNIQUE (sha256),
    CONSTRAINT blob_key_names_one UNIQUE (key),
    CONSTRAINT blob_sha256_is_a_digest CHECK (octet_length(sha256) = 32),
    CONSTRAINT blob_blake3_is_a_digest CHECK (octet_length(blake3) = 32),
    CONSTRAINT blob_size_not_negative CHECK (size >= 0)
);

-- Which bytes were ever put into a bucket: only those may be named by their digest in it, so that
-- knowing a digest gives nobody the bytes of another bucket.
CREATE TABLE bucket_blob (
    bucket_id uuid NOT NULL REFERENCES bucket,
    blob_id   uuid NOT NULL REFERENCES blob,
    CONSTRAINT bucket_blob_is_held_once PRIMARY KEY (bucket_id, blob_id)
);

-- A row lives on after its file was deleted, without content: so the revision goes on, and writers
-- of one path always meet on one row. Listings read the index that deleted rows are not in.
-- Revision 0 reserves a path inside the one transaction that inserts it; nobody else ever sees it.
CREATE TABLE file (
    bucket_id    uuid        NOT NULL REFERENCES bucket,
    path         text        COLLATE "C" NOT NULL,
    revision     bigint      NOT NULL,
    blob_id      uuid        REFERENCES blob,
    sha256       bytea,
    size         bigint,
    content_type text,
    metadata     jsonb,
    tags         jsonb,
    modified_at  timestamptz NOT NULL,
    modified_by  text        NOT NULL,
    deleted_at   timestamptz,
    CONSTRAINT file_is_one_per_path PRIMARY KEY (bucket_id, path),
    CONSTRAINT file_revision_not_negative CHECK (revision >= 0),
    CONSTRAINT file_path_not_too_long CHECK (octet_length(path) BETWEEN 1 AND 1024),
    CONSTRAINT file_size_not_negative CHECK (size >= 0),
    CONSTRAINT file_has_content_unless_deleted CHECK (
        num_nulls(blob_id, sha256, size, content_type, metadata, tags)
        = CASE WHEN deleted_at IS NULL THEN 0 ELSE 6 END
    )
) WITH (fillfactor = 85);
-- What listings read. Not unique, as the primary key is: of two first writers of a path one would meet
-- this index before the one that its ON CONFLICT names, and fail instead of waiting.
CREATE INDEX file_by_path ON file (bucket_id, path) WHERE deleted_at IS NULL;

-- An upload is recorded before its first byte. Committed, it is kept a day to repeat its answer.
CREATE TABLE upload (
    upload_id    uuid        NOT NULL,
    bucket_id    uuid        NOT NULL REFERENCES bucket,
    path         text        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    actor        text        NOT NULL,
    content_type text        NOT NULL,
    metadata     jsonb       NOT NULL,
    tags         jsonb       NOT NULL,
    expect       jsonb       NOT NULL,
    operation    text        NOT NULL,
    message      text        NOT NULL,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    committed_at timestamptz,
    revision     bigint,
    sha256       bytea,
    size         bigint,
    created      boolean,
    CONSTRAINT upload_is_one PRIMARY KEY (upload_id),
    CONSTRAINT upload_key_names_one UNIQUE (key),
    CONSTRAINT upload_committed_has_its_answer CHECK (
        num_nulls(committed_at, revision, sha256, size, created) IN (0, 5)
    )
) WITH (fillfactor = 85);
CREATE INDEX upload_by_expiry ON upload (expires_at);
CREATE INDEX upload_by_bucket ON upload (bucket_id);

-- Objects that no row names any more. The object goes first, then its row here: the row is all
-- that remembers the object, and deleting an object twice is harmless.
CREATE TABLE doomed_object (
    key       text        COLLATE "C" NOT NULL,
    doomed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT doomed_object_is_one PRIMARY KEY (key)
);

-- How far a sweep over time-sliced keys has come. What is older than the first sweep is not ours:
-- a new database that is given a store in use must not take all of it for orphans.
CREATE TABLE sweep_mark (
    sweep      text        NOT NULL,
    first_at   timestamptz NOT NULL DEFAULT now(),
    swept_till timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sweep_mark_is_one PRIMARY KEY (sweep)
);

-- migrate:down
DROP TABLE sweep_mark;
DROP TABLE doomed_object;
DROP TABLE upload;
DROP TABLE file;
DROP TABLE bucket_blob;
DROP TABLE blob;
DROP TABLE bucket;
