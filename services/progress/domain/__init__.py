"""When a task may become what: pure rules and named failures."""
