-- History: content-addressed trees and commits, refs that name them, and the versions of each file.

-- migrate:up
CREATE TABLE repository (
    bucket_id  uuid        NOT NULL,
    bucket     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT repository_is_one_per_bucket PRIMARY KEY (bucket_id)
);
-- A deleted bucket's name may be taken again; its history stays under its id.
CREATE UNIQUE INDEX repository_name_is_live_once ON repository (bucket) WHERE deleted_at IS NULL;

-- Nodes of all trees of all buckets: equal parts of trees are the same rows. Written once.
CREATE TABLE node (
    node_id bytea NOT NULL,
    data    bytea NOT NULL,
    CONSTRAINT node_is_stored_once PRIMARY KEY (node_id),
    CONSTRAINT node_is_named_by_its_sha256 CHECK (sha256(data) = node_id)
);

CREATE TABLE commit (
    bucket_id    uuid        NOT NULL REFERENCES repository,
    commit_id    bytea       NOT NULL,
    data         bytea       NOT NULL,
    -- What the encoded commit says, where SQL has to see it.
    first_parent bytea,
    committed_at timestamptz NOT NULL,
    files        bigint      NOT NULL,
    bytes        bigint      NOT NULL,
    CONSTRAINT commit_is_recorded_once PRIMARY KEY (bucket_id, commit_id),
    CONSTRAINT commit_is_named_by_its_sha256 CHECK (sha256(data) = commit_id),
    CONSTRAINT commit_files_not_negative CHECK (files >= 0),
    CONSTRAINT commit_bytes_not_negative CHECK (bytes >= 0)
);

CREATE TABLE ref (
    bucket_id uuid        NOT NULL REFERENCES repository,
    name      text        NOT NULL,
    kind      text        NOT NULL DEFAULT 'branch',
    commit_id bytea       NOT NULL,
    moved_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ref_name_is_taken_once PRIMARY KEY (bucket_id, name),
    CONSTRAINT ref_names_a_commit FOREIGN KEY (bucket_id, commit_id) REFERENCES commit,
    CONSTRAINT ref_kind_is_known CHECK (kind IN ('branch', 'tag'))
);

CREATE TABLE version (
    bucket_id    uuid        NOT NULL REFERENCES repository,
    path         text        COLLATE "C" NOT NULL,
    revision     bigint      NOT NULL,
    commit_id    bytea       NOT NULL,
    operation    text        NOT NULL,
    author       text        NOT NULL,
    message      text        NOT NULL,
    created_at   timestamptz NOT NULL,
    sha256       bytea,
    size         bigint      NOT NULL DEFAULT 0,
    content_type text,
    metadata     jsonb       NOT NULL DEFAULT '{}',
    tags         jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT version_is_recorded_once PRIMARY KEY (bucket_id, path, revision),
    CONSTRAINT version_revision_counts_from_one CHECK (revision >= 1),
    CONSTRAINT version_has_content_or_was_deleted CHECK ((sha256 IS NULL) = (content_type IS NULL))
);

-- Marks of buckets that came by: everything announced before them is recorded.
CREATE TABLE mark (
    mark_id uuid        NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mark_is_seen_once PRIMARY KEY (mark_id)
);

-- migrate:down
DROP TABLE mark;
DROP TABLE version;
DROP TABLE ref;
DROP TABLE commit;
DROP TABLE node;
DROP TABLE repository;
