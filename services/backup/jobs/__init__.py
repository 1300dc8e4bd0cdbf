"""The service's long work, each module one kind of task. A job may run more than once."""
