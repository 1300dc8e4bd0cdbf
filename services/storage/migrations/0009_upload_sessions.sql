-- Upload sessions: files that come in parts, over many requests.

-- migrate:up
CREATE TABLE upload_session (
    session_id   uuid        NOT NULL,
    kind         text        NOT NULL,
    actor        text        NOT NULL,
    -- No foreign key: a session may outlive its bucket; then it can only end.
    bucket_id    uuid,
    wish         jsonb       NOT NULL,
    length       bigint,
    received     bigint      NOT NULL DEFAULT 0,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    -- However much goes on coming.
    ends_at      timestamptz NOT NULL,
    lease_id     uuid,
    leased_until timestamptz,
    lease_wanted boolean     NOT NULL DEFAULT false,
    partials     uuid[]      NOT NULL DEFAULT '{}',
    -- A partial session whose parts went into a final one.
    joined_into  uuid,
    put          jsonb,
    CONSTRAINT upload_session_is_one PRIMARY KEY (session_id),
    CONSTRAINT upload_session_kind_is_known CHECK (kind IN ('whole', 'partial', 'final')),
    CONSTRAINT upload_session_has_a_place CHECK (kind = 'partial' OR bucket_id IS NOT NULL),
    CONSTRAINT upload_session_holds_its_length CHECK (received >= 0 AND received <= length),
    CONSTRAINT upload_session_is_leased_for_a_time CHECK (
        num_nulls(lease_id, leased_until) IN (0, 2)
    ),
    CONSTRAINT upload_session_final_is_of_partials CHECK ((kind = 'final') = (partials <> '{}')),
    CONSTRAINT upload_session_joined_is_partial CHECK (joined_into IS NULL OR kind = 'partial'),
    CONSTRAINT upload_session_put_is_whole CHECK (put IS NULL OR kind <> 'partial')
) WITH (fillfactor = 70);
CREATE INDEX upload_session_by_expiry ON upload_session (expires_at);

-- The bytes that have come. Their objects are promised until the session ends.
CREATE TABLE upload_session_part (
    session_id uuid   NOT NULL REFERENCES upload_session ON DELETE CASCADE,
    starts_at  bigint NOT NULL,
    key        text   COLLATE "C" NOT NULL,
    place      jsonb  NOT NULL,
    CONSTRAINT upload_session_part_begins_once PRIMARY KEY (session_id, starts_at),
    CONSTRAINT upload_session_part_starts_not_negative CHECK (starts_at >= 0)
);

CREATE INDEX upload_session_part_by_key ON upload_session_part (key);

-- The upload that makes a session a file.
ALTER TABLE upload ADD COLUMN session_id uuid;

-- migrate:down
ALTER TABLE upload DROP COLUMN session_id;
DROP TABLE upload_session_part;
DROP TABLE upload_session;
