-- What became of commits that storage applied.

-- migrate:up
ALTER TABLE pending_commit
    -- What a commit changes is the difference between its tree and its first parent's.
    DROP COLUMN changed,
    DROP COLUMN changes,
    -- The commit that it is in main's history, where main had moved on; absent: it waits for
    -- storage still.
    ADD COLUMN recorded_as bytea;
CREATE INDEX pending_commit_by_age ON pending_commit (created_at);

-- migrate:down
DELETE FROM pending_commit;
ALTER TABLE pending_commit
    DROP COLUMN recorded_as,
    ADD COLUMN changed bigint NOT NULL,
    ADD COLUMN changes jsonb NOT NULL;
DROP INDEX pending_commit_by_age;
