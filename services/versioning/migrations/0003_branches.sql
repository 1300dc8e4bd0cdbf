-- Branches that somebody else than storage writes, tags, and where each commit stands.

-- migrate:up
-- A line is a run of commits, each the first parent of the next: what one branch got, one after the
-- other. It begins behind a commit of another line, or with nothing. So the history of any commit
-- along first parents is a few runs of positions, whatever its length.
CREATE TABLE line (
    line_id       bigint GENERATED ALWAYS AS IDENTITY,
    bucket_id     uuid   NOT NULL REFERENCES repository,
    fork_line_id  bigint REFERENCES line,
    -- A position counts the commits before it along first parents, over all lines.
    fork_position bigint,
    CONSTRAINT line_is_one PRIMARY KEY (line_id),
    CONSTRAINT line_forks_at_a_commit CHECK ((fork_line_id IS NULL) = (fork_position IS NULL))
);
CREATE INDEX line_by_bucket ON line (bucket_id);
CREATE INDEX line_by_fork ON line (fork_line_id, fork_position);

ALTER TABLE commit
    ADD COLUMN line_id bigint REFERENCES line,
    ADD COLUMN position bigint,
    -- What the encoded commit says, where SQL has to find it.
    ADD COLUMN author text,
    ADD COLUMN message text;

-- The parents of a commit behind its first one.
CREATE TABLE merge_parent (
    line_id         bigint   NOT NULL REFERENCES line,
    position        bigint   NOT NULL,
    ordinal         smallint NOT NULL,
    parent_line_id  bigint   NOT NULL REFERENCES line,
    parent_position bigint   NOT NULL,
    CONSTRAINT merge_parent_is_one PRIMARY KEY (line_id, position, ordinal)
);

CREATE FUNCTION varint_of(data bytea, INOUT place integer, OUT number bigint)
LANGUAGE plpgsql AS $$
DECLARE
    shift integer := 0;
    byte  integer;
BEGIN
    number := 0;
    LOOP
        byte := get_byte(data, place);
        place := place + 1;
        number := number | ((byte & 127)::bigint << shift);
        EXIT WHEN byte < 128;
        shift := shift + 7;
    END LOOP;
END
$$;
CREATE FUNCTION texts_of_commit(data bytea, OUT author text, OUT message text)
LANGUAGE plpgsql AS $$
DECLARE
    place  integer := 33;
    number bigint;
BEGIN
    SELECT v.place, v.number INTO place, number FROM varint_of(data, place) AS v;
    place := place + 32 * number + 8;
    SELECT v.place, v.number INTO place, number FROM varint_of(data, place) AS v;
    author := convert_from(substring(data FROM place + 1 FOR number::integer), 'UTF8');
    place := place + number;
    SELECT v.place, v.number INTO place, number FROM varint_of(data, place) AS v;
    place := place + number;
    SELECT v.place, v.number INTO place, number FROM varint_of(data, place) AS v;
    message := convert_from(substring(data FROM place + 1 FOR number::integer), 'UTF8');
END
$$;

-- Until now every commit was one of main. Each is found by its parent, or a long history would be
-- read anew for every commit of it.
CREATE INDEX commit_by_first_parent ON commit (bucket_id, first_parent);
INSERT INTO line (bucket_id)
SELECT bucket_id
FROM repository
WHERE EXISTS (SELECT FROM commit WHERE commit.bucket_id = repository.bucket_id);
WITH RECURSIVE history AS (
    SELECT commit.bucket_id, commit.commit_id, 0::bigint AS position
    FROM commit
    WHERE first_parent IS NULL
    UNION ALL
    SELECT commit.bucket_id, commit.commit_id, history.position + 1
    FROM history
    JOIN commit ON commit.bucket_id = history.bucket_id
        AND commit.first_parent = history.commit_id
)
UPDATE commit
SET line_id = line.line_id,
    position = history.position,
    author = texts.author,
    message = texts.message
FROM history
JOIN line USING (bucket_id),
    LATERAL (SELECT data FROM commit AS c WHERE c.bucket_id = history.bucket_id
        AND c.commit_id = history.commit_id) AS encoded,
    LATERAL texts_of_commit(encoded.data) AS texts
WHERE commit.bucket_id = history.bucket_id
    AND commit.commit_id = history.commit_id;
DROP FUNCTION texts_of_commit, varint_of;
DROP INDEX commit_by_first_parent;

ALTER TABLE commit
    ALTER COLUMN line_id SET NOT NULL,
    ALTER COLUMN position SET NOT NULL,
    ALTER COLUMN author SET NOT NULL,
    ALTER COLUMN message SET NOT NULL;
CREATE UNIQUE INDEX commit_stands_alone ON commit (line_id, position);
CREATE INDEX commit_by_time ON commit (line_id, committed_at, position);

ALTER TABLE ref
    ALTER COLUMN commit_id DROP NOT NULL,
    -- Where the next commit goes if nothing goes on behind the branch's head; absent before its first.
    ADD COLUMN line_id bigint REFERENCES line,
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN created_by text NOT NULL DEFAULT 'service:versioning',
    ADD COLUMN protected boolean NOT NULL DEFAULT false,
    ADD COLUMN required_checks text[] NOT NULL DEFAULT '{}',
    ADD COLUMN auto_commit boolean NOT NULL DEFAULT false,
    -- The tree with what is staged in it; absent: nothing is.
    ADD COLUMN staged_tree bytea,
    -- A tag as it is encoded.
    ADD COLUMN tag bytea,
    ADD CONSTRAINT ref_tag_is_encoded CHECK ((kind = 'tag') = (tag IS NOT NULL)),
    ADD CONSTRAINT ref_tag_names_a_commit CHECK (kind = 'branch' OR commit_id IS NOT NULL);
UPDATE ref
SET line_id = line.line_id
FROM line
WHERE line.bucket_id = ref.bucket_id;
INSERT INTO ref (bucket_id, name)
SELECT bucket_id, 'main'
FROM repository
ON CONFLICT DO NOTHING;
CREATE INDEX ref_by_line ON ref (line_id) WHERE line_id IS NOT NULL;

ALTER TABLE version
    -- Of the commit that made this the state of main; absent: it came late and never was.
    ADD COLUMN position bigint;
UPDATE version
SET position = commit.position
FROM commit
WHERE commit.bucket_id = version.bucket_id
    AND commit.commit_id = version.commit_id;

-- What each commit changed that is on another line than main's, against its first parent.
CREATE TABLE branch_change (
    bucket_id    uuid   NOT NULL REFERENCES repository,
    path         text   COLLATE "C" NOT NULL,
    line_id      bigint NOT NULL REFERENCES line,
    position     bigint NOT NULL,
    -- Absent where the path was removed.
    sha256       bytea,
    size         bigint NOT NULL DEFAULT 0,
    CONSTRAINT branch_change_is_recorded_once PRIMARY KEY (bucket_id, path, line_id, position)
);
CREATE INDEX branch_change_by_content ON branch_change (bucket_id, sha256)
WHERE sha256 IS NOT NULL;

-- What was written on a branch and is in no commit yet.
CREATE TABLE staged (
    bucket_id uuid        NOT NULL,
    branch    text        NOT NULL,
    path      text        COLLATE "C" NOT NULL,
    sha256    bytea,
    actor     text        NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT staged_is_one_per_path PRIMARY KEY (bucket_id, branch, path),
    CONSTRAINT staged_is_on_a_branch FOREIGN KEY (bucket_id, branch) REFERENCES ref (bucket_id, name)
);
CREATE INDEX staged_by_content ON staged (bucket_id, sha256) WHERE sha256 IS NOT NULL;

-- Commits that storage was asked to apply to main. Should the asker die before it writes one,
-- storage's events are known by its id, and it is written as it was meant.
CREATE TABLE pending_commit (
    bucket_id  uuid        NOT NULL REFERENCES repository,
    commit_id  bytea       NOT NULL,
    data       bytea       NOT NULL,
    files      bigint      NOT NULL,
    bytes      bigint      NOT NULL,
    changed    bigint      NOT NULL,
    changes    jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pending_commit_is_one PRIMARY KEY (bucket_id, commit_id),
    CONSTRAINT pending_commit_is_named_by_its_sha256 CHECK (sha256(data) = commit_id)
);

-- migrate:down
DROP TABLE pending_commit;
DROP TABLE staged;
DROP TABLE branch_change;
ALTER TABLE version
    DROP COLUMN position;
DELETE FROM ref
WHERE name <> 'main'
    OR commit_id IS NULL;
ALTER TABLE ref
    DROP CONSTRAINT ref_tag_names_a_commit,
    DROP CONSTRAINT ref_tag_is_encoded,
    DROP COLUMN tag,
    DROP COLUMN staged_tree,
    DROP COLUMN auto_commit,
    DROP COLUMN required_checks,
    DROP COLUMN protected,
    DROP COLUMN created_by,
    DROP COLUMN created_at,
    DROP COLUMN line_id,
    ALTER COLUMN commit_id SET NOT NULL;
DROP TABLE merge_parent;
ALTER TABLE commit
    DROP COLUMN message,
    DROP COLUMN author,
    DROP COLUMN position,
    DROP COLUMN line_id;
DROP TABLE line;
