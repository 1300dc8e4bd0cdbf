-- Content that is no file before its checks have passed.

-- migrate:up
CREATE TABLE pending_file (
    check_id     uuid        NOT NULL,
    bucket_id    uuid        NOT NULL REFERENCES bucket,
    path         text        COLLATE "C" NOT NULL,
    -- Its bytes are kept by this reference as long as it waits.
    blob_id      uuid        REFERENCES blob,
    sha256       bytea       NOT NULL,
    size         bigint      NOT NULL,
    content_type text        NOT NULL,
    metadata     jsonb       NOT NULL,
    tags         jsonb       NOT NULL,
    actor        text        NOT NULL,
    expect       jsonb       NOT NULL,
    operation    text        NOT NULL,
    message      text        NOT NULL,
    state        text        NOT NULL DEFAULT 'waiting',
    arrived_at   timestamptz NOT NULL,
    deadline_at  timestamptz NOT NULL,
    asked_at     timestamptz NOT NULL,
    asked_times  integer     NOT NULL DEFAULT 1,
    ask_again_at timestamptz NOT NULL,
    decided_at   timestamptz,
    reason       text        NOT NULL DEFAULT '',
    problem      jsonb,
    revision     bigint,
    CONSTRAINT pending_file_is_one PRIMARY KEY (check_id),
    CONSTRAINT pending_file_state_is_known CHECK (
        state IN ('waiting', 'visible', 'refused', 'failed')
    ),
    CONSTRAINT pending_file_keeps_its_bytes_while_it_waits CHECK (
        (state = 'waiting') = (blob_id IS NOT NULL)
    ),
    CONSTRAINT pending_file_is_decided_once CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT pending_file_visible_is_a_revision CHECK (
        (state = 'visible') = (revision IS NOT NULL)
    ),
    CONSTRAINT pending_file_failed_says_why CHECK ((state = 'failed') = (problem IS NOT NULL))
);
CREATE INDEX pending_file_by_bucket ON pending_file (bucket_id, check_id);
CREATE INDEX pending_file_by_blob ON pending_file (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX pending_file_by_deadline ON pending_file (deadline_at) WHERE state = 'waiting';
CREATE INDEX pending_file_by_question ON pending_file (ask_again_at) WHERE state = 'waiting';
CREATE INDEX pending_file_by_decision ON pending_file (decided_at) WHERE state <> 'waiting';

-- Each check that such content has to pass, and what it said.
CREATE TABLE pending_check (
    check_id    uuid        NOT NULL REFERENCES pending_file ON DELETE CASCADE,
    name        text        NOT NULL,
    position    smallint    NOT NULL,
    verdict     text,
    reason      text        NOT NULL DEFAULT '',
    actor       text,
    answered_at timestamptz,
    -- When storage looks at it next, for the checks that are storage's own: one at work moves it
    -- on, and whoever finds it reached takes over.
    due_at      timestamptz NOT NULL DEFAULT now(),
    tries       integer     NOT NULL DEFAULT 0,
    CONSTRAINT pending_check_is_one_per_name PRIMARY KEY (check_id, name),
    CONSTRAINT pending_check_verdict_is_known CHECK (verdict IN ('passed', 'refused')),
    CONSTRAINT pending_check_verdict_is_somebodys CHECK (
        num_nulls(verdict, actor, answered_at) IN (0, 3)
    )
);
CREATE INDEX pending_check_by_due ON pending_check (name, due_at) WHERE verdict IS NULL;

CREATE TRIGGER pending_file_unnames_blobs_when_deleted
    AFTER DELETE ON pending_file
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_unnamed_blobs();
CREATE TRIGGER pending_file_unnames_blobs_when_updated
    AFTER UPDATE ON pending_file
    REFERENCING OLD TABLE AS gone NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION note_replaced_blobs();

-- The answer to a commit may be that its content waits. It outlives neither its upload nor a week,
-- so nothing refers to it. The table is small: its rows are gone after a day.
ALTER TABLE upload
    ADD COLUMN check_id uuid,
    DROP CONSTRAINT upload_committed_has_its_answer,
    ADD CONSTRAINT upload_committed_has_its_answer CHECK (
        CASE WHEN check_id IS NULL
            THEN num_nulls(committed_at, revision, sha256, size, created) IN (0, 5)
            ELSE num_nulls(committed_at, sha256, size) = 0 AND num_nonnulls(revision, created) = 0
        END
    );

-- migrate:down
DELETE FROM upload
WHERE check_id IS NOT NULL;
ALTER TABLE upload
    DROP CONSTRAINT upload_committed_has_its_answer,
    DROP COLUMN check_id,
    ADD CONSTRAINT upload_committed_has_its_answer CHECK (
        num_nulls(committed_at, revision, sha256, size, created) IN (0, 5)
    );
DROP TABLE pending_check;
DROP TABLE pending_file;
