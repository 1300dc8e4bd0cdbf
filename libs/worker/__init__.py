"""Run tasks of the ledger: inside a service, or in a user's own program.

A job is a function; ``@runs`` says which kind of task it does. ``Worker`` takes tasks of one queue
from the ledger, runs them with heartbeats, and tells how they ended.
"""

from libs.worker.jobs import Job, NoSuchJob, Result, runs
from libs.worker.task import Task, TaskStopped
from libs.worker.worker import Worker

__all__ = ["Job", "NoSuchJob", "Result", "Task", "TaskStopped", "Worker", "runs"]
