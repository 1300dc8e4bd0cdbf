-- The ledger of tasks. The CHECKs hold what the state machine of domain/states.py promises of a row.

-- migrate:up
CREATE TABLE task (
    task_id          uuid        NOT NULL,
    kind             text        NOT NULL,
    title            text        NOT NULL,
    queue            text,
    priority         text        NOT NULL,
    actor            text        NOT NULL,
    state            text        NOT NULL,
    attempt          integer     NOT NULL,
    max_attempts     integer     NOT NULL,
    worker           text,
    due_at           timestamptz,
    dispatches       integer     NOT NULL,
    done             bigint      NOT NULL,
    total            bigint,
    unit             text        NOT NULL,
    current_step     text        NOT NULL,
    message          text        NOT NULL,
    -- json, not jsonb: it is kept as it was given, and may hold what jsonb refuses (\u0000).
    detail           json        NOT NULL,
    args             json        NOT NULL,
    checkpoint       json,
    result           json,
    problem          json,
    cancel_requested boolean     NOT NULL,
    log_number       bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    updated_at       timestamptz NOT NULL,
    announced_at     timestamptz,
    change_number    bigint      NOT NULL,
    CONSTRAINT task_is_one PRIMARY KEY (task_id),
    CONSTRAINT task_state_is_known CHECK (state IN (
        'waiting', 'queued', 'running', 'cancelling', 'retrying', 'succeeded', 'failed', 'cancelled'
    )),
    CONSTRAINT task_priority_is_known CHECK (priority IN ('high', 'normal', 'low')),
    CONSTRAINT task_unit_is_known CHECK (unit IN ('bytes', 'items', 'percent')),
    CONSTRAINT task_attempts_are_bounded CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT task_progress_not_negative CHECK (done >= 0 AND total >= 0),
    CONSTRAINT task_has_a_worker_while_it_runs
        CHECK ((state IN ('running', 'cancelling')) = (worker IS NOT NULL)),
    CONSTRAINT task_that_runs_was_begun
        CHECK (state NOT IN ('running', 'cancelling', 'retrying', 'succeeded')
            OR (attempt >= 1 AND started_at IS NOT NULL)),
    -- Whatever waits, rests or is leased is looked after at a known time; the rest never is.
    -- An external task has no lease while nobody wants it to stop.
    CONSTRAINT task_is_due_while_it_is_watched
        CHECK ((due_at IS NOT NULL) = (
            state IN ('queued', 'retrying', 'cancelling') OR (state = 'running' AND queue IS NOT NULL)
        )),
    CONSTRAINT task_is_dispatched_while_it_is_queued
        CHECK ((state = 'queued') = (dispatches > 0)),
    CONSTRAINT task_external_is_never_dispatched
        CHECK (queue IS NOT NULL OR state NOT IN ('queued', 'retrying')),
    CONSTRAINT task_that_is_over_has_its_time
        CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT task_failed_says_why CHECK (state <> 'failed' OR problem IS NOT NULL),
    CONSTRAINT task_problem_is_of_a_failed_attempt
        CHECK (problem IS NULL OR state IN ('failed', 'retrying', 'queued')),
    CONSTRAINT task_result_is_of_a_success CHECK (result IS NULL OR state = 'succeeded'),
    CONSTRAINT task_cancelling_was_asked_for CHECK (state <> 'cancelling' OR cancel_requested)
);
-- The one thing that the ledger's rounds look at: small, because what is over is never due.
CREATE INDEX task_by_due_time ON task (due_at) WHERE due_at IS NOT NULL;
-- Lists are newest first, by the ids' own time.
CREATE INDEX task_by_state ON task (state, task_id DESC);
CREATE INDEX task_by_kind ON task (kind, task_id DESC);

CREATE TABLE task_log (
    task_id uuid        NOT NULL,
    number  bigint      NOT NULL,
    attempt integer     NOT NULL,
    level   text        NOT NULL,
    message text        NOT NULL,
    at      timestamptz NOT NULL,
    CONSTRAINT task_log_is_numbered PRIMARY KEY (task_id, number),
    CONSTRAINT task_log_is_of_a_task
        FOREIGN KEY (task_id) REFERENCES task (task_id) ON DELETE CASCADE,
    CONSTRAINT task_log_level_is_known CHECK (level IN ('debug', 'info', 'warning', 'error'))
);

-- How many tasks are in each state, as a sum of changes: counting millions of rows would be too
-- slow, and one row per state would make all transactions wait for each other. A loop folds it.
CREATE TABLE task_count (
    state  text   NOT NULL,
    change bigint NOT NULL
);

CREATE FUNCTION count_task() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO task_count (state, change) VALUES (OLD.state, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO task_count (state, change) VALUES (NEW.state, 1);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER task_is_counted_when_it_comes_and_goes
    AFTER INSERT OR DELETE ON task
    FOR EACH ROW EXECUTE FUNCTION count_task();

CREATE TRIGGER task_is_counted_when_its_state_changes
    AFTER UPDATE OF state ON task
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION count_task();

-- migrate:down
DROP TABLE task_count;
DROP TABLE task_log;
DROP TABLE task;
DROP FUNCTION count_task;
