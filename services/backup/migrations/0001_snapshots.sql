-- Targets, what is in them, and the snapshots that say what it means.

-- migrate:up

-- The address holds the target's credentials as they are; format v1 brings their encryption.
CREATE TABLE target (
    target_id     uuid        NOT NULL,
    name          text        COLLATE "C" NOT NULL,
    url           text        NOT NULL,
    repository_id uuid        NOT NULL,
    durability    text        NOT NULL,
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT target_is_one PRIMARY KEY (target_id),
    CONSTRAINT target_name_is_taken_once UNIQUE (name),
    -- Two targets at one place would each believe in half of what is there.
    CONSTRAINT target_repository_is_registered_once UNIQUE (repository_id)
);

-- Tasks that need their target; taken away when the ledger says that they have finished.
CREATE TABLE target_task (
    task_id   uuid        NOT NULL,
    target_id uuid        NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT target_task_is_one PRIMARY KEY (task_id),
    CONSTRAINT target_in_use_stays FOREIGN KEY (target_id) REFERENCES target
);
CREATE INDEX target_task_by_target ON target_task (target_id);

CREATE TABLE snapshot (
    snapshot_id     uuid        NOT NULL,
    target_id       uuid        NOT NULL REFERENCES target ON DELETE CASCADE,
    bucket          text        COLLATE "C" NOT NULL,
    state           text        NOT NULL DEFAULT 'running',
    task_id         uuid        NOT NULL,
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    bucket_id       uuid,
    export_key      text,
    exported_at     timestamptz,
    files           bigint      NOT NULL DEFAULT 0,
    bytes           bigint      NOT NULL DEFAULT 0,
    copied_blobs    bigint      NOT NULL DEFAULT 0,
    copied_bytes    bigint      NOT NULL DEFAULT 0,
    manifest_sha256 bytea,
    record_key      text,
    record_sha256   bytea,
    finished_at     timestamptz,
    verified_at     timestamptz,
    damaged         bigint      NOT NULL DEFAULT 0,
    CONSTRAINT snapshot_is_one PRIMARY KEY (snapshot_id),
    CONSTRAINT snapshot_state_is_known CHECK (state IN ('running', 'complete', 'failed')),
    CONSTRAINT snapshot_complete_is_in_its_target CHECK (
        state <> 'complete'
        OR num_nulls(bucket_id, exported_at, manifest_sha256, record_key, record_sha256, finished_at) = 0
    ),
    CONSTRAINT snapshot_running_has_not_finished CHECK ((state = 'running') = (finished_at IS NULL)),
    CONSTRAINT snapshot_verified_is_complete CHECK (verified_at IS NULL OR state = 'complete'),
    CONSTRAINT snapshot_counts_not_negative
        CHECK (least(files, bytes, copied_blobs, copied_bytes, damaged) >= 0)
);
CREATE INDEX snapshot_by_bucket ON snapshot (bucket, snapshot_id DESC);
CREATE INDEX snapshot_by_target ON snapshot (target_id);
CREATE INDEX snapshot_by_task ON snapshot (task_id);

-- What a restore has to bring back; a task's own arguments have no room for so many paths.
CREATE TABLE restore (
    task_id     uuid        NOT NULL,
    snapshot_id uuid        NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    into_bucket text        COLLATE "C" NOT NULL,
    prefix      text        NOT NULL,
    paths       text[],
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT restore_is_one_per_task PRIMARY KEY (task_id)
);
CREATE INDEX restore_by_snapshot ON restore (snapshot_id);

-- What is in a target, so that an incremental snapshot is a set difference and no scan.
CREATE TABLE blob_copy (
    target_id  uuid        NOT NULL REFERENCES target ON DELETE CASCADE,
    sha256     bytea       NOT NULL,
    size       bigint      NOT NULL,
    copied_at  timestamptz NOT NULL DEFAULT now(),
    checked_at timestamptz,
    damage     text,
    CONSTRAINT blob_copy_is_one_per_target PRIMARY KEY (target_id, sha256),
    CONSTRAINT blob_copy_digest_is_sha256 CHECK (octet_length(sha256) = 32),
    CONSTRAINT blob_copy_size_not_negative CHECK (size >= 0),
    CONSTRAINT blob_copy_damage_is_known CHECK (damage IN ('missing', 'damaged')),
    CONSTRAINT blob_copy_damage_was_checked CHECK (damage IS NULL OR checked_at IS NOT NULL)
);

-- migrate:down
DROP TABLE blob_copy;
DROP TABLE restore;
DROP TABLE snapshot;
DROP TABLE target_task;
DROP TABLE target;
