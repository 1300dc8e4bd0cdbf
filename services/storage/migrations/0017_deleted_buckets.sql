-- A deleted bucket can be brought back for a while: its row, its grants and what it held stay.

-- migrate:up
ALTER TABLE bucket
    -- When it took changes for the last time, before the task that empties it made any.
    ADD COLUMN closed_at  timestamptz,
    ADD COLUMN deleted_at timestamptz;
-- Whoever deleted these did not expect them to stay.
UPDATE bucket
SET closed_at = '-infinity',
    deleted_at = '-infinity'
WHERE state = 'deleted';
ALTER TABLE bucket
    ADD CONSTRAINT bucket_deleted_has_its_times CHECK (
        (state = 'deleted') = (deleted_at IS NOT NULL)
        AND (deleted_at IS NULL OR closed_at IS NOT NULL)
    );
DROP INDEX bucket_to_purge;
CREATE INDEX bucket_to_purge ON bucket (deleted_at) WHERE state = 'deleted';

-- migrate:down
DROP INDEX bucket_to_purge;
CREATE INDEX bucket_to_purge ON bucket (bucket_id) WHERE state = 'deleted';
ALTER TABLE bucket
    DROP COLUMN deleted_at,
    DROP COLUMN closed_at;
