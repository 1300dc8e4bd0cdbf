-- What every service keeps about messages, in its own schema.

-- migrate:up
CREATE TABLE outbox (
    position     bigint      GENERATED ALWAYS AS IDENTITY,
    event_id     uuid        NOT NULL,
    subject      text        NOT NULL,
    headers      jsonb       NOT NULL,
    payload      bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    stream       text,
    stream_seq   bigint,
    CONSTRAINT outbox_is_ordered PRIMARY KEY (position),
    CONSTRAINT outbox_published_has_its_sequence
        CHECK ((published_at IS NULL) = (stream_seq IS NULL))
);
-- The relay reads only what waits; the index stays small however long the rows are kept.
CREATE INDEX outbox_waiting ON outbox (position) WHERE published_at IS NULL;
CREATE INDEX outbox_acknowledged ON outbox (stream, stream_seq) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (published_at) WHERE published_at IS NOT NULL;

-- The stream as it was when its last message was acknowledged: a younger one is another stream.
CREATE TABLE relay_stream (
    stream     text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT relay_stream_is_known_once PRIMARY KEY (stream)
);

CREATE TABLE inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT inbox_applies_once PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_by_age ON inbox (applied_at);

CREATE TABLE dead_letter (
    dead_letter_id uuid        NOT NULL,
    consumer       text        NOT NULL,
    subject        text        NOT NULL,
    headers        jsonb       NOT NULL,
    payload        bytea       NOT NULL,
    error          text        NOT NULL,
    tries          integer     NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT now(),
    redriven_at    timestamptz,
    CONSTRAINT dead_letter_is_one PRIMARY KEY (dead_letter_id)
);

-- migrate:down
DROP TABLE dead_letter;
DROP TABLE inbox;
DROP TABLE relay_stream;
DROP TABLE outbox;
