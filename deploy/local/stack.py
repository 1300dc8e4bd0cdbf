"""The embedded stack as one object: servers, services, and the supervisor that keeps them."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from deploy.local import leftovers, migrations, wiring
from deploy.local.control import CannotDo, Locked, take_lock
from deploy.local.credentials import SERVICES, Secrets, load_secrets
from deploy.local.home import CHECKOUT, Home
from deploy.local.ports import choose_ports, is_free, remembered_ports
from deploy.local.programs import Program
from deploy.local.readiness import NotReady, answers_ready, is_listening, wait_for
from deploy.local.run_file import RunFile, describe, remove_run_file, write_run_file
from deploy.local.servers.all import PAIRED_PORT_NAMES, PORT_NAMES, Servers
from deploy.local.supervisor import Process, Supervisor, SupervisorGone

SERVICES_READY_WITHIN_S = 60.0
SERVICE_DRAIN_S = 30
STOP_WITHIN_S = 30.0

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
        also: Sequence[Program] = (),
        servers: bool = True,
        prefer_known_ports: bool = False,
        say: Say = _silent,
    ) -> None:
        self.root = root.resolve()
        self.home = Home.of(root)
        self.services = tuple(services)
        self.ports: dict[str, int] = {}
        self._also = tuple(also)
        self._with_servers = servers
        self._preferred = {"gateway": wiring.GATEWAY_PORT} if prefer_known_ports else {}
        self._say = say
        self._secrets: Secrets | None = None
        self._supervisor: Supervisor | None = None
        self._lock: int | None = None
        self._delete_at_stop = False

    @classmethod
    def temporary(
        cls, services: Sequence[str] = (), *, also: Sequence[Program] = (), servers: bool = True
    ) -> Self:
        """Return a stack in a new directory that is deleted when it stops, for tests."""
        root = Path(tempfile.mkdtemp(prefix="strongroom-"))
        root.chmod(0o711)  # the database's account passes; `.strongroom` stays closed to others
        stack = cls(root, services, also=also, servers=servers)
        stack._delete_at_stop = True
        return stack

    # --- the life of a stack ------------------------------------------------------------------

    def start(self) -> Self:
        """Start everything and return when the first request can be answered.

        Raises ``AlreadyRunning``, ``NotReady`` with the last log lines of what did not start,
        ``MigrationFailed`` or ``WrongVariable``; nothing is left running then.
        """
        self.home.prepare()
        try:
            self._lock = take_lock(self.home)
        except Locked as error:
            raise AlreadyRunning(f"the stack of {self.root} is run by process {error}") from None
        try:
            self._start()
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

    def attach(self) -> Self:
        """Know the addresses and secrets of a stack that another process runs.

        Raises ``CannotDo`` when it was never started.
        """
        if not self.home.ports_file.exists():
            raise CannotDo(f"no stack was ever started in {self.root}")
        self._secrets, self.ports = load_secrets(self.home), remembered_ports(self.home)
        return self

    def migrate(self) -> None:
        """Bring the schema of every service up to date; raises ``MigrationFailed``."""
        migrations.migrate(self.home, self.services, self._service_environment)

    # --- what tests and tools ask -------------------------------------------------------------

    def env(self, service: str) -> dict[str, str]:
        """Return the variables that ``service`` needs to run against this stack."""
        servers = self.servers if self._with_servers else None
        return wiring.environment(
            service,
            self.ports,
            self.secrets.admin_key,
            servers,
            backups=self.home.backups,
            master_keys=self.secrets.master_keys,
        )

    @property
    def secrets(self) -> Secrets:
        """The generated secrets, known once started or attached."""
        if self._secrets is None:
            raise CannotDo("the stack is neither started nor attached")
        return self._secrets

    @property
    def servers(self) -> Servers:
        """The three servers: their addresses for every role and user."""
        return Servers.of(self.home, self.secrets, self.ports)

    def describe(self) -> RunFile:
        """Return addresses and credentials, as ``run.json`` holds them."""
        admin_key = wiring.admin_key(self.secrets.admin_key)
        servers = self.servers if self._with_servers else None
        return describe(self.ports, self.secrets, admin_key, servers)

    def processes(self) -> list[Process]:
        """Return every supervised process as it is now."""
        return self._running.processes()

    def is_alive(self) -> bool:
        """Return whether the supervisor runs; without it nothing comes back by itself."""
        return self._supervisor is not None and self._supervisor.is_alive()

    def kill(self, name: str, with_signal: int = signal.SIGKILL) -> int:
        """Send a signal to one process, which then comes back by itself; return its old pid."""
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

    def wait_ready(self, *names: str, within_s: float = 30.0) -> None:
        """Return when all ``names`` answer; raises ``NotReady`` with the last log lines."""
        checks = {name: self._ready_check(name) for name in names}
        wait_for(checks, self.home, within_s=within_s)

    # --- the steps of a start and a stop ------------------------------------------------------

    def _start(self) -> None:
        self._secrets = load_secrets(self.home)
        if ended := leftovers.end(self.home, self.secrets):
            self._say(f"ended {ended} processes that an unclean stop had left")
        remove_run_file(self.home)
        self._start_on_free_ports()
        if self.services:
            self._say("migrating")
            self.migrate()
        if self.services or self._also:
            self._say("starting " + ", ".join((*self.services, *(p.name for p in self._also))))
            self._running.start_group("services")
            self.wait_ready(*self.services, within_s=SERVICES_READY_WITHIN_S)
        write_run_file(self.home, self.describe())

    def _start_on_free_ports(self) -> None:
        """Start the supervisor with the servers; choose again when somebody took a port."""
        given = self._given_ports()
        names = [*wiring.port_names(), *(PORT_NAMES if self._with_servers else ())]
        for attempts_left in (2, 1, 0):
            chosen = choose_ports(
                self.home, names, paired=PAIRED_PORT_NAMES, preferred=self._preferred
            )
            self.ports = chosen | given
            try:
                self._launch()
            except NotReady:
                self._stop_supervised()
                if attempts_left == 0 or all(is_free(port) for port in self.ports.values()):
                    raise
                self._say("a port was taken meanwhile: choosing others")
            else:
                return

    def _given_ports(self) -> dict[str, int]:
        given = wiring.given_ports()
        for name, port in given.items():
            if not is_free(port):
                raise wiring.WrongVariable(f"{wiring.port_names()[name]}: port {port} is taken")
        return given

    def _launch(self) -> None:
        programs = [*map(self._service_program, self.services), *self._also]
        if self._with_servers:
            self._say("starting PostgreSQL, NATS and S3")
            programs = [*self.servers.prepare(), *programs]
        self._supervisor = Supervisor(self.home)
        self._supervisor.launch(programs, self._base_environment())
        if self._with_servers:
            self.servers.wait()

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

    def _stop_supervised(self) -> None:
        """End all processes of this stack, in order as far as the supervisor still lives."""
        if self._supervisor is not None:
            with suppress(SupervisorGone):
                if self.services or self._also:
                    self._say("draining the services")
                    self._supervisor.stop_group("services")
            self._say("stopping the servers" if self._with_servers else "stopping")
            self._supervisor.shut_down(within_s=STOP_WITHIN_S)
            self._supervisor = None
        if self._secrets is not None:
            leftovers.end(self.home, self._secrets)
        if self._with_servers and self.ports:
            self.servers.remove_sockets()
        self.home.remove_sockets()

    # --- small answers ------------------------------------------------------------------------

    @property
    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise SupervisorGone("the stack is not started")
        return self._supervisor

    def _base_environment(self) -> dict[str, str]:
        """Return what every process inherits: the user's environment, and this stack's mark."""
        return {**os.environ, leftovers.MARK: leftovers.mark(self.home, self.secrets)}

    def _service_environment(self, service: str) -> Mapping[str, str]:
        return {**self._base_environment(), **self.env(service)}

    def _ready_check(self, name: str) -> Callable[[], bool]:
        if self._with_servers and name in (checks := self.servers.ready_checks()):
            return checks[name]
        port, gateway_port = self.ports[f"{name}.health"], self.ports["gateway"]
        if name == "gateway":
            return lambda: is_listening(gateway_port) and answers_ready(port)
        return lambda: answers_ready(port)
