-- What buckets and principals use: counters that follow the tables, whoever changes those.
--
-- They are kept by triggers, in the transaction of the change: so every snapshot of the database
-- has counters that equal a recount of the same snapshot.

-- migrate:up

-- Sixteen rows for each sum, so that commits of one bucket do not wait for each other on one row.
-- A single row may be negative: what one connection counted, another may take away.
CREATE TABLE usage (
    bucket_id uuid     NOT NULL REFERENCES bucket ON DELETE CASCADE,
    what      text     NOT NULL,
    slot      smallint NOT NULL,
    number    bigint   NOT NULL DEFAULT 0,
    bytes     bigint   NOT NULL DEFAULT 0,
    CONSTRAINT usage_is_one_per_slot PRIMARY KEY (bucket_id, what, slot),
    -- live, version, trash: states of files with the size of their bytes, each in one of the three.
    -- held: different bytes that the bucket holds; stored: what those take in the store.
    CONSTRAINT usage_is_of_something_known CHECK (
        what IN ('live', 'version', 'trash', 'held', 'stored')
    )
) WITH (fillfactor = 50);

-- States of files by who made them: live, version and trash together.
CREATE TABLE principal_usage (
    principal text     NOT NULL,
    slot      smallint NOT NULL,
    bytes     bigint   NOT NULL DEFAULT 0,
    CONSTRAINT principal_usage_is_one_per_slot PRIMARY KEY (principal, slot)
) WITH (fillfactor = 50);

-- Whoever adds bytes of a limited principal locks its row, last of all.
CREATE TABLE principal_quota (
    principal   text        NOT NULL,
    quota_bytes bigint      NOT NULL,
    set_at      timestamptz NOT NULL DEFAULT now(),
    set_by      text        NOT NULL,
    CONSTRAINT principal_quota_is_one PRIMARY KEY (principal),
    CONSTRAINT principal_quota_not_negative CHECK (quota_bytes >= 0)
);

-- States that files had and that are kept: in the trash until then, or as versions. What a move took
-- along is no such state, nor is one whose bytes the next state of its path has, too.
CREATE TABLE past_state (
    bucket_id    uuid        NOT NULL,
    path         text        COLLATE "C" NOT NULL,
    revision     bigint      NOT NULL,
    blob_id      uuid        NOT NULL,
    sha256       bytea       NOT NULL,
    size         bigint      NOT NULL,
    content_type text        NOT NULL,
    metadata     jsonb       NOT NULL,
    tags         jsonb       NOT NULL,
    modified_at  timestamptz NOT NULL,
    modified_by  text        NOT NULL,
    ended_at     timestamptz NOT NULL,
    ended_by     text        NOT NULL,
    -- History names it, also after the trash forgets it.
    versioned    boolean     NOT NULL,
    trash_until  timestamptz,
    -- What keeps a blob: the trash does by this reference, for versions history is asked. Not
    -- enforced, as a check for each of 100,000 rows took two thirds of the time to delete them, and
    -- nothing is to be found by it: the row comes with the change that unnames the blob elsewhere.
    trashed_blob uuid        GENERATED ALWAYS AS (
        CASE WHEN trash_until IS NOT NULL THEN blob_id END
    ) STORED,
    CONSTRAINT past_state_is_one_per_revision PRIMARY KEY (bucket_id, path, revision),
    CONSTRAINT past_state_is_kept_for_something CHECK (versioned OR trash_until IS NOT NULL),
    CONSTRAINT past_state_in_trash_keeps_its_blob
        FOREIGN KEY (trashed_blob) REFERENCES blob NOT ENFORCED
);
CREATE INDEX past_state_by_blob ON past_state (blob_id);

CREATE TYPE usage_change AS (bucket_id uuid, principal text, what text, number bigint, bytes bigint);

CREATE FUNCTION add_usage(changes usage_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changes IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO usage AS u (bucket_id, what, slot, number, bytes)
    SELECT bucket_id, what, pg_backend_pid() % 16, sum(number), sum(bytes)
    FROM unnest(changes)
    GROUP BY bucket_id, what
    HAVING sum(number) <> 0 OR sum(bytes) <> 0
    ORDER BY bucket_id, what
    ON CONFLICT (bucket_id, what, slot) DO UPDATE
    SET number = u.number + excluded.number,
        bytes = u.bytes + excluded.bytes;
    INSERT INTO principal_usage AS u (principal, slot, bytes)
    SELECT principal, pg_backend_pid() % 16, sum(bytes)
    FROM unnest(changes)
    WHERE principal IS NOT NULL
    GROUP BY principal
    HAVING sum(bytes) <> 0
    ORDER BY principal
    ON CONFLICT (principal, slot) DO UPDATE
    SET bytes = u.bytes + excluded.bytes;
END
$$;

CREATE FUNCTION count_new_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, 'live', number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by, count(*) AS number, sum(size)::bigint AS bytes
        FROM after
        WHERE blob_id IS NOT NULL
        GROUP BY bucket_id, modified_by
    );
    RETURN NULL;
END
$$;

-- Counts the new states in place of the old ones, and keeps the old ones that are to be kept.
CREATE FUNCTION count_changed_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, 'live', number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by, sum(sign) AS number, sum(sign * size)::bigint AS bytes
        FROM (
            SELECT 1 AS sign, bucket_id, modified_by, size
            FROM after
            WHERE blob_id IS NOT NULL
            UNION ALL
            SELECT -1, bucket_id, modified_by, size
            FROM before
            WHERE blob_id IS NOT NULL
        )
        GROUP BY bucket_id, modified_by
    );
    IF EXISTS (
        SELECT FROM bucket
        WHERE bucket_id IN (SELECT bucket_id FROM before WHERE blob_id IS NOT NULL)
            AND (versioning = 'auto' OR (settings ->> 'trash_s')::float8 > 0)
    ) THEN
        -- Planned each time: no plan is right for one row and for 100,000.
        EXECUTE $sql$
            WITH changed AS MATERIALIZED (
                SELECT b.*, a.blob_id AS next_blob_id, a.modified_at AS ended_at,
                    a.modified_by AS ended_by
                FROM before AS b
                JOIN after AS a USING (bucket_id, path)
                WHERE a.blob_id IS DISTINCT FROM b.blob_id
            ), told AS MATERIALIZED ( -- each bucket once, not for every pair of its files
                SELECT bucket_id, versioning = 'auto' AS versioned,
                    CASE state WHEN 'open' THEN (settings ->> 'trash_s')::float8 END AS trash_s
                FROM bucket
                WHERE bucket_id IN (SELECT bucket_id FROM changed)
            )
            INSERT INTO past_state (
                bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
                modified_at, modified_by, ended_at, ended_by, versioned, trash_until
            )
            SELECT bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
                modified_at, modified_by, ended_at, ended_by, versioned,
                CASE
                    WHEN next_blob_id IS NULL AND trash_s > 0
                    THEN ended_at + make_interval(secs => trash_s)
                END
            FROM changed
            JOIN told USING (bucket_id)
            WHERE blob_id IS NOT NULL
                AND (versioned OR (next_blob_id IS NULL AND trash_s > 0))
                AND NOT EXISTS (
                    SELECT FROM changed AS other
                    WHERE other.bucket_id = changed.bucket_id
                        AND other.next_blob_id = changed.blob_id
                )
        $sql$;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_removed_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, 'live', number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by, -count(*) AS number, -sum(size)::bigint AS bytes
        FROM before
        WHERE blob_id IS NOT NULL
        GROUP BY bucket_id, modified_by
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION count_new_past_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, what, number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by,
            CASE WHEN trash_until IS NULL THEN 'version' ELSE 'trash' END AS what,
            count(*) AS number, sum(size)::bigint AS bytes
        FROM after
        GROUP BY 1, 2, 3
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION count_changed_past_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, what, number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by,
            CASE WHEN trash_until IS NULL THEN 'version' ELSE 'trash' END AS what,
            sum(sign) AS number, sum(sign * size)::bigint AS bytes
        FROM (
            SELECT 1 AS sign, * FROM after
            UNION ALL
            SELECT -1, * FROM before
        )
        GROUP BY 1, 2, 3
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION count_removed_past_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, modified_by, what, number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, modified_by,
            CASE WHEN trash_until IS NULL THEN 'version' ELSE 'trash' END AS what,
            -count(*) AS number, -sum(size)::bigint AS bytes
        FROM before
        GROUP BY 1, 2, 3
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION count_new_held_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, NULL, what, number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, what, count(*) AS number, sum(bytes)::bigint AS bytes
        FROM after
        -- Each by its index: a join is planned once, while the table is small.
        CROSS JOIN LATERAL (
            SELECT size, stored_size
            FROM blob
            WHERE blob.blob_id = after.blob_id
            LIMIT 1
        ) AS held
        CROSS JOIN LATERAL (VALUES ('held', size), ('stored', stored_size)) AS v (what, bytes)
        GROUP BY bucket_id, what
    );
    RETURN NULL;
END
$$;

-- Whoever removes a blob removes these rows first, in a statement of their own.
CREATE FUNCTION count_removed_held_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, NULL, what, number, bytes)::usage_change))
    FROM (
        SELECT bucket_id, what, -count(*) AS number, -sum(bytes)::bigint AS bytes
        FROM before
        -- Each by its index: a join is planned once, while the table is small.
        CROSS JOIN LATERAL (
            SELECT size, stored_size
            FROM blob
            WHERE blob.blob_id = before.blob_id
            LIMIT 1
        ) AS held
        CROSS JOIN LATERAL (VALUES ('held', size), ('stored', stored_size)) AS v (what, bytes)
        GROUP BY bucket_id, what
    );
    RETURN NULL;
END
$$;

-- A blob goes only when no trash, lock or version names it: then no past state means it any more.
CREATE FUNCTION forget_past_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM past_state
    WHERE blob_id IN (SELECT blob_id FROM before);
    RETURN NULL;
END
$$;

CREATE TRIGGER new_files_are_counted AFTER INSERT ON file
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_files();
CREATE TRIGGER changed_files_are_counted AFTER UPDATE ON file
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_files();
CREATE TRIGGER removed_files_are_counted AFTER DELETE ON file
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_files();
CREATE TRIGGER new_past_states_are_counted AFTER INSERT ON past_state
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_past_states();
CREATE TRIGGER changed_past_states_are_counted AFTER UPDATE ON past_state
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_past_states();
CREATE TRIGGER removed_past_states_are_counted AFTER DELETE ON past_state
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_past_states();
CREATE TRIGGER new_held_blobs_are_counted AFTER INSERT ON bucket_blob
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_held_blobs();
CREATE TRIGGER removed_held_blobs_are_counted AFTER DELETE ON bucket_blob
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_held_blobs();
CREATE TRIGGER past_states_go_with_their_blob AFTER DELETE ON blob
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION forget_past_states();

-- What is there already; versions are counted from now on.
INSERT INTO usage (bucket_id, what, slot, number, bytes)
SELECT bucket_id, 'live', 0, count(*), sum(size)
FROM file
WHERE blob_id IS NOT NULL
GROUP BY bucket_id
UNION ALL
SELECT bucket_id, what, 0, count(*), sum(bytes)
FROM bucket_blob
JOIN blob USING (blob_id)
CROSS JOIN LATERAL (VALUES ('held', size), ('stored', stored_size)) AS v (what, bytes)
GROUP BY bucket_id, what;
INSERT INTO principal_usage (principal, slot, bytes)
SELECT modified_by, 0, sum(size)
FROM file
WHERE blob_id IS NOT NULL
GROUP BY modified_by;

-- migrate:down
DROP TRIGGER past_states_go_with_their_blob ON blob;
DROP TRIGGER removed_held_blobs_are_counted ON bucket_blob;
DROP TRIGGER new_held_blobs_are_counted ON bucket_blob;
DROP TRIGGER removed_files_are_counted ON file;
DROP TRIGGER changed_files_are_counted ON file;
DROP TRIGGER new_files_are_counted ON file;
DROP TABLE past_state;
DROP FUNCTION forget_past_states, count_removed_held_blobs, count_new_held_blobs,
    count_removed_past_states, count_changed_past_states, count_new_past_states,
    count_removed_files, count_changed_files, count_new_files, add_usage;
DROP TYPE usage_change;
DROP TABLE principal_quota;
DROP TABLE principal_usage;
DROP TABLE usage;
