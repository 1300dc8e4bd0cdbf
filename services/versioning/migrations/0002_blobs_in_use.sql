-- Which bytes the history of a bucket names: storage asks before it deletes any.

-- migrate:up
CREATE INDEX version_by_content ON version (bucket_id, sha256) WHERE sha256 IS NOT NULL;

-- migrate:down
DROP INDEX version_by_content;
