-- Changes of many files at once, and lists of the files with a tag.

-- migrate:up

-- Whoever writes files has their bucket's row locked, and only the purge removes that, after its
-- files. To look it up again for every row took a third of the time of a bulk insert.
ALTER TABLE file
    DROP CONSTRAINT file_bucket_id_fkey;

-- Long events are compressed by nobody: that took longer than to write them.
ALTER TABLE outbox
    ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Which files have a tag, in the order of paths: so a list of them reads only them. The tag is a
-- digest of key and value, as both together can be longer than an index takes.
CREATE TABLE file_tag (
    bucket_id uuid NOT NULL,
    tag       uuid NOT NULL,
    path      text COLLATE "C" NOT NULL,
    CONSTRAINT file_tag_is_noted_once PRIMARY KEY (bucket_id, tag, path)
);

CREATE FUNCTION tag_digest(key text, value text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5(octet_length(key) || ':' || key || value)::uuid
$$;

-- They follow the table, whoever changes it.
CREATE FUNCTION note_new_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO file_tag (bucket_id, tag, path)
    SELECT bucket_id, tag_digest(key, value), path
    FROM after
    CROSS JOIN LATERAL jsonb_each_text(tags)
    WHERE tags <> '{}'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_gone_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM file_tag
    USING before
    CROSS JOIN LATERAL jsonb_each_text(before.tags)
    WHERE before.tags <> '{}'
        AND file_tag.bucket_id = before.bucket_id
        AND file_tag.tag = tag_digest(key, value)
        AND file_tag.path = before.path;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_changed_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM before WHERE tags <> '{}') THEN
        DELETE FROM file_tag
        USING before
        CROSS JOIN LATERAL jsonb_each_text(before.tags)
        WHERE before.tags <> '{}'
            AND file_tag.bucket_id = before.bucket_id
            AND file_tag.tag = tag_digest(key, value)
            AND file_tag.path = before.path;
    END IF;
    IF EXISTS (SELECT FROM after WHERE tags <> '{}') THEN
        INSERT INTO file_tag (bucket_id, tag, path)
        SELECT bucket_id, tag_digest(key, value), path
        FROM after
        CROSS JOIN LATERAL jsonb_each_text(tags)
        WHERE tags <> '{}'
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER new_files_note_their_tags AFTER INSERT ON file
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_new_tags();
CREATE TRIGGER changed_files_note_their_tags AFTER UPDATE ON file
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_tags();
CREATE TRIGGER removed_files_note_their_tags AFTER DELETE ON file
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION note_gone_tags();

INSERT INTO file_tag (bucket_id, tag, path)
SELECT bucket_id, tag_digest(key, value), path
FROM file
CROSS JOIN LATERAL jsonb_each_text(tags)
WHERE tags <> '{}';

-- migrate:down
DROP TRIGGER removed_files_note_their_tags ON file;
DROP TRIGGER changed_files_note_their_tags ON file;
DROP TRIGGER new_files_note_their_tags ON file;
DROP FUNCTION note_changed_tags, note_gone_tags, note_new_tags, tag_digest;
DROP TABLE file_tag;
ALTER TABLE outbox
    ALTER COLUMN payload SET STORAGE EXTENDED;
ALTER TABLE file
    ADD CONSTRAINT file_bucket_id_fkey FOREIGN KEY (bucket_id) REFERENCES bucket;
