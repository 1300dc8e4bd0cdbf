-- Keys act for somebody: grants name users and groups.

-- migrate:up
ALTER TABLE api_key
    ADD COLUMN acts_for_user text,
    ADD COLUMN groups        text[] NOT NULL DEFAULT '{}';

-- migrate:down
ALTER TABLE api_key
    DROP COLUMN groups,
    DROP COLUMN acts_for_user;
