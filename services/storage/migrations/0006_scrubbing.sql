-- When a blob's bytes were last proved, what is damaged, and what has to go home to the primary.

-- migrate:up
ALTER TABLE blob
    -- New bytes were proved when they came in.
    ADD COLUMN checked_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN quarantined_at timestamptz,
    ADD COLUMN damage         text,
    -- Encrypted bytes are bound to a blob's id: to this one, where a blob was given the bytes of
    -- another in place of its damaged ones.
    ADD COLUMN sealed_as      uuid,
    ADD CONSTRAINT blob_quarantined_has_its_damage CHECK (
        num_nulls(quarantined_at, damage) IN (0, 2)
    );
CREATE INDEX blob_by_check ON blob (checked_at);
CREATE INDEX blob_in_quarantine ON blob (quarantined_at) WHERE quarantined_at IS NOT NULL;
CREATE INDEX blob_in_fallback ON blob (key) WHERE backend = 'fallback';

-- migrate:down
DROP INDEX blob_in_fallback;
DROP INDEX blob_in_quarantine;
DROP INDEX blob_by_check;
ALTER TABLE blob
    DROP COLUMN checked_at,
    DROP COLUMN quarantined_at,
    DROP COLUMN damage,
    DROP COLUMN sealed_as;
