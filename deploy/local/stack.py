"""The embedded stack as one object: servers, services, and the supervisor that keeps them."""

import asyncio
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from deploy.local import leftovers, migrations, wiring
from deploy.local.credentials import SERVICES, load_secrets
from deploy.local.home import CHECKOUT, Home
from deploy.local.ports import choose_ports, is_free
from deploy.local.programs import Program
from deploy.local.readiness import NotReady, answers_ready, wait_until
from deploy.local.run_file import RunFile, describe, remove_run_file, write_run_file
from deploy.local.servers.nats import Nats
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.s3 import PORT_NAMES, S3
from deploy.local.supervisor import Process, Supervisor, SupervisorGone

SERVERS_READY_WITHIN_S = 60.0
SERVICES_READY_WITHIN_S = 60.0
SERVICE_DRAIN_S = 30
SERVERS_STOP_S = 30.0

Say = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another process runs the stack of this directory."""


def _silent(_: str) -> None:
    return


class Stack:
    """Everything of one directory: ``root/.strongroom`` holds its data, secrets and logs.

    ``start`` may be called after a clean stop, after ``kill -9`` of everything, and while stacks of
    other directories run. ``stop`` leaves no process. Both block; ``async with`` runs them in a
    thread.
    """

    def __init__(
        self,
        root: Path = CHECKOUT,
        services: Sequence[str] = SERVICES,
        *,
        servers: bool = True,
        prefer_known_ports: bool = False,
        say: Say = _silent,
    ) -> None:
        self.root = root.resolve()
        self.home = Home.of(root)
        self.services = tuple(services)
        self._with_servers = servers
        self._preferred = {"gateway": wiring.GATEWAY_PORT} if prefer_known_ports else {}
        self._say = say
        self._supervisor: Supervisor | None = None
        self._lock: int | None = None
        self._delete_at_stop = False

    @classmethod
    def temporary(cls, services: Sequence[str] = ()) -> Self:
        """Return a stack in a new directory that is deleted when it stops, for tests."""
        root = Path(tempfile.mkdtemp(prefix="strongroom-"))
        root.chmod(0o711)  # the database's account passes; `.strongroom` stays closed to others
        stack = cls(root, services)
        stack._delete_at_stop = True
        return stack

    # --- the life of a stack ------------------------------------------------------------------

    def start(self) -> Self:
        """Start everything and return when the first request can be answered.

        Raises ``AlreadyRunning``, ``NotReady`` with the last log lines of what did not start, or
        ``MissingVariable``; nothing is left running then.
        """
        self.home.prepare()
        self._take_lock()
        try:
            self.secrets = load_secrets(self.home)
            if ended := leftovers.end(self.home, self.secrets):
                self._say(f"ended {ended} processes that an unclean stop had left")
            self._start_on_free_ports()
            if self.services:
                self._start_services()
            write_run_file(self.home, self.describe())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Drain the services, then stop the servers; repeating it does nothing."""
        if self._lock is None:
            return
        remove_run_file(self.home)
        self._stop_supervised()
        if hasattr(self, "secrets"):
            leftovers.end(self.home, self.secrets)
        if self._with_servers and hasattr(self, "ports"):
            self.s3.remove_sockets()
        self.home.remove_sockets()
        if self._delete_at_stop:
            self.home.delete()
            shutil.rmtree(self.root)
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *failure: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *failure: object) -> None:
        await asyncio.to_thread(self.stop)

    # --- what tests and tools ask -------------------------------------------------------------

    def env(self, service: str) -> dict[str, str]:
        """Return the variables that ``service`` needs to run against this stack."""
        return wiring.environment(service, self.ports, self.secrets.admin_key, self._servers)

    def describe(self) -> RunFile:
        """Return addresses and credentials, as ``run.json`` holds them."""
        return describe(self.ports, self.secrets, self._servers)

    def processes(self) -> list[Process]:
        """Return every supervised process as it is now."""
        return self._running.processes()

    def is_alive(self) -> bool:
        """Return whether the supervisor runs; without it nothing comes back by itself."""
        return self._supervisor is not None and self._supervisor.is_alive()

    def kill(self, name: str, with_signal: int = signal.SIGKILL) -> int:
        """Send a signal to one process, which then comes back by itself; return its pid."""
        pid = self._running.process(name).pid
        if pid is None:
            raise ProcessLookupError(f"{name} is not running")
        os.kill(pid, with_signal)
        return pid

    def halt(self, name: str) -> None:
        """Stop one process until ``resume``."""
        self._running.stop_process(name)

    def resume(self, name: str) -> None:
        """Start what ``halt`` stopped and return when it is ready."""
        self._running.start_process(name)
        self.wait_ready(name)

    def wait_ready(self, name: str, *, within_s: float = 30.0) -> None:
        """Return when ``name`` answers; raises ``NotReady`` with its last log lines."""
        wait_until(self._ready_check(name), name, self.home, within_s=within_s)

    @property
    def postgres(self) -> Postgres:
        return Postgres(self.home, self.secrets, self.ports["postgres"])

    @property
    def nats(self) -> Nats:
        return Nats(self.home, self.secrets, self.ports["nats"])

    @property
    def s3(self) -> S3:
        return S3(self.home, self.secrets, self.ports)

    # --- the steps of a start -----------------------------------------------------------------

    def _take_lock(self) -> None:
        lock = os.open(self.home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise AlreadyRunning(f"the stack of {self.root} is run by process {owner}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def _start_on_free_ports(self) -> None:
        """Start the supervisor with the servers; choose again when somebody took a port."""
        names = [*(f"{service}.health" for service in SERVICES), "gateway"]
        if self._with_servers:
            names += ["postgres", "nats", *PORT_NAMES]
        for attempts_left in (2, 1, 0):
            self.ports = choose_ports(self.home, names, self._preferred)
            try:
                self._launch()
                self._wait_for_servers()
            except NotReady:
                self._stop_supervised()
                leftovers.end(self.home, self.secrets)
                if attempts_left == 0 or all(is_free(port) for port in self.ports.values()):
                    raise
                self._say("a port was taken meanwhile: choosing others")
            else:
                return

    def _launch(self) -> None:
        self._say("starting PostgreSQL, NATS and S3" if self._with_servers else "starting")
        programs = [*self._server_programs(), *map(self._service_program, self.services)]
        self._supervisor = Supervisor(self.home)
        self._supervisor.launch(programs, self._base_environment())

    def _server_programs(self) -> list[Program]:
        if not self._with_servers:
            return []
        programs = [self.postgres.prepare(), self.nats.prepare(), self.s3.prepare()]
        self.postgres.forget_dead_server()
        return programs

    def _service_program(self, service: str) -> Program:
        return Program(
            name=service,
            group="services",
            command=migrations.service_command(service),
            directory=CHECKOUT,
            environment=self.env(service),
            stop_wait_s=SERVICE_DRAIN_S,
            healthy_after_s=2,
        )

    def _wait_for_servers(self) -> None:
        if not self._with_servers:
            return
        with ThreadPoolExecutor() as threads:
            waits = [
                threads.submit(self._await_server, name) for name in ("postgres", "nats", "s3")
            ]
            for wait in waits:
                wait.result()

    def _await_server(self, name: str) -> None:
        self.wait_ready(name, within_s=SERVERS_READY_WITHIN_S)
        if name == "postgres":
            self.postgres.declare_roles()

    def _start_services(self) -> None:
        self._say("migrating")
        migrations.migrate(self.home, self.services, self._service_environment)
        self._say("starting " + ", ".join(self.services))
        self._running.start_group("services")
        deadline = time.monotonic() + SERVICES_READY_WITHIN_S
        for service in self.services:
            self.wait_ready(service, within_s=max(1.0, deadline - time.monotonic()))

    def _stop_supervised(self) -> None:
        if self._supervisor is None:
            return
        with suppress(SupervisorGone):
            if self.services and self._supervisor.is_alive():
                self._say("draining the services")
                self._supervisor.stop_group("services")
        self._say("stopping")
        self._supervisor.shut_down(within_s=SERVERS_STOP_S)
        self._supervisor = None

    # --- small answers ------------------------------------------------------------------------

    @property
    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise SupervisorGone("the stack is not started")
        return self._supervisor

    @property
    def _servers(self) -> wiring.Servers | None:
        if not self._with_servers:
            return None
        return wiring.Servers(postgres=self.postgres, nats=self.nats, s3=self.s3)

    def _base_environment(self) -> dict[str, str]:
        """Return what every process inherits: the user's environment, and this stack's mark."""
        return {**os.environ, leftovers.MARK: leftovers.mark(self.home, self.secrets)}

    def _service_environment(self, service: str) -> Mapping[str, str]:
        return {**self._base_environment(), **self.env(service)}

    def _ready_check(self, name: str) -> Callable[[], bool]:
        checks: dict[str, Callable[[], bool]] = {
            "postgres": lambda: self.postgres.is_ready(),
            "nats": lambda: self.nats.is_ready(),
            "s3": lambda: self.s3.is_ready(),
        }
        if name in checks:
            return checks[name]
        port = self.ports[f"{name}.health"]
        return lambda: answers_ready(port)
