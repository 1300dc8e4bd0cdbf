-- Callers list their own tasks.

-- migrate:up
CREATE INDEX task_by_actor ON task (actor, task_id DESC);

-- migrate:down
DROP INDEX task_by_actor;
