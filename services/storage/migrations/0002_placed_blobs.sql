-- Settings of buckets; and what was done to a blob's bytes, and where in its object they lie.

-- migrate:up
ALTER TABLE bucket
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

ALTER TABLE blob
    -- Small blobs that came together share an object.
    ADD COLUMN object_offset bigint NOT NULL DEFAULT 0,
    ADD COLUMN stored_size   bigint,
    ADD COLUMN codec         text,
    -- Encrypted: which master key wraps its data key.
    ADD COLUMN master_key_id text,
    ADD COLUMN wrapped_key   bytea,
    ADD COLUMN backend       text NOT NULL DEFAULT 'primary';
UPDATE blob SET stored_size = size;
ALTER TABLE blob
    ALTER COLUMN stored_size SET NOT NULL,
    ADD CONSTRAINT blob_lies_within_an_object CHECK (object_offset >= 0 AND stored_size >= 0),
    ADD CONSTRAINT blob_codec_is_known CHECK (codec IN ('zstd')),
    ADD CONSTRAINT blob_backend_is_known CHECK (backend IN ('primary', 'fallback')),
    ADD CONSTRAINT blob_is_sealed_by_a_master_key CHECK (
        num_nulls(master_key_id, wrapped_key) IN (0, 2)
    ),
    DROP CONSTRAINT blob_key_names_one,
    DROP CONSTRAINT blob_bytes_are_stored_once;
-- The same bytes are stored once, and once more where they have to be encrypted.
CREATE UNIQUE INDEX blob_bytes_are_stored_once ON blob (sha256, (master_key_id IS NOT NULL));
CREATE INDEX blob_by_key ON blob (key, object_offset);

-- migrate:down
DROP INDEX blob_by_key;
DROP INDEX blob_bytes_are_stored_once;
ALTER TABLE blob
    DROP COLUMN object_offset,
    DROP COLUMN stored_size,
    DROP COLUMN codec,
    DROP COLUMN master_key_id,
    DROP COLUMN wrapped_key,
    DROP COLUMN backend,
    ADD CONSTRAINT blob_bytes_are_stored_once UNIQUE (sha256),
    ADD CONSTRAINT blob_key_names_one UNIQUE (key);
ALTER TABLE bucket
    DROP COLUMN settings;
