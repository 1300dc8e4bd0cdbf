-- A blob may come to take other bytes in the store, e.g. when damaged bytes are put again.

-- migrate:up
CREATE FUNCTION count_changed_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_usage(array_agg((bucket_id, NULL, 'stored', 0, bytes)::usage_change))
    FROM (
        SELECT bucket_id, sum(a.stored_size - b.stored_size)::bigint AS bytes
        FROM before AS b
        JOIN after AS a USING (blob_id)
        JOIN bucket_blob USING (blob_id)
        WHERE a.stored_size <> b.stored_size
        GROUP BY bucket_id
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER changed_blobs_are_counted AFTER UPDATE ON blob
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_blobs();

-- migrate:down
DROP TRIGGER changed_blobs_are_counted ON blob;
DROP FUNCTION count_changed_blobs;
