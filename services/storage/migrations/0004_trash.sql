-- The trash is the part of past_state that has a trash_until: what is found in it, and what ends.

-- migrate:up
CREATE INDEX trash_by_path ON past_state (bucket_id, path, revision DESC)
    WHERE trash_until IS NOT NULL;
CREATE INDEX trash_by_end ON past_state (trash_until) WHERE trash_until IS NOT NULL;
CREATE INDEX trash_by_blob ON past_state (trashed_blob) WHERE trashed_blob IS NOT NULL;

-- migrate:down
DROP INDEX trash_by_blob;
DROP INDEX trash_by_end;
DROP INDEX trash_by_path;
