-- Who may do what in a bucket. GRANT is a word of SQL, so the table's name is always quoted.

-- migrate:up
CREATE TABLE "grant" (
    bucket_id  uuid        NOT NULL REFERENCES bucket ON DELETE CASCADE,
    prefix     text        COLLATE "C" NOT NULL,
    principal  text        COLLATE "C" NOT NULL,
    role       text        NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by text        NOT NULL,
    CONSTRAINT grant_is_one_per_prefix_and_principal PRIMARY KEY (bucket_id, prefix, principal),
    CONSTRAINT grant_role_is_known CHECK (role IN ('reader', 'writer', 'owner')),
    CONSTRAINT grant_prefix_is_whole_segments CHECK (prefix = '' OR prefix LIKE '%/'),
    CONSTRAINT grant_prefix_not_too_long CHECK (octet_length(prefix) <= 1024)
);
-- What a caller sees is listed from here.
CREATE INDEX grant_by_principal ON "grant" (principal, bucket_id);

-- Whoever made a bucket before there were grants owns it.
INSERT INTO "grant" (bucket_id, prefix, principal, role, granted_by)
SELECT bucket_id, '', created_by, 'owner', created_by
FROM bucket
WHERE created_by ~ '^key:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    AND state <> 'deleted';

-- migrate:down
DROP TABLE "grant";
