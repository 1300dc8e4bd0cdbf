"""Keeping the processes running: supervisord as a child, spoken to over a unix socket."""

import os
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from deploy.local.home import Home, write_private
from deploy.local.programs import Program

LOG_BYTES = 5 * 1024 * 1024
LOG_BACKUPS = 2
FOR_EVER = 1_000_000
"""Never give up: a service that cannot start today starts when its cause is gone."""

HEAD = """\
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon=true
silent=true
{user}
directory={run}
logfile={logs}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={run}/supervisord.pid
childlogdir={logs}
"""

PROGRAM = """
[program:{name}]
command={command}
environment={environment}
directory={directory}
{user}
autostart={autostart}
autorestart=true
startsecs={startsecs}
startretries={startretries}
stopsignal={stop_signal}
stopwaitsecs={stop_wait_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes={log_bytes}
stdout_logfile_backups={log_backups}
"""


class SupervisorGone(Exception):
    """The supervisor does not answer."""


@dataclass(frozen=True)
class Process:
    """A supervised process as it is now."""

    name: str
    group: str
    state: str
    """starting, running, backoff, stopping, stopped, exited, fatal or unknown."""
    pid: int | None
    started_at: float
    """Unix time of the last start."""


class Supervisor:
    """The supervisor of one stack."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._socket = home.sockets / "supervisor.sock"
        self._child: subprocess.Popen[bytes] | None = None

    def launch(self, programs: Sequence[Program], environment: Mapping[str, str]) -> None:
        """Start the supervisor with all servers; services wait for ``start_group``."""
        configuration = self._home.run / "supervisord.conf"
        write_private(configuration, self._configuration(programs).encode())
        self._child = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._home.logs / "supervisord.err").open("wb"),
            env=dict(environment),
            # Ctrl-C reaches every process of the terminal's group; the order of stopping is ours.
            start_new_session=True,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.processes()
            except SupervisorGone:
                if not self.is_alive():
                    break
                time.sleep(0.02)
            else:
                return
        said = (self._home.logs / "supervisord.err").read_text(errors="replace").strip()
        raise SupervisorGone(f"the supervisor did not start: {said[-500:]}")

    def is_alive(self) -> bool:
        """Return whether the supervisor process that ``launch`` started still runs."""
        return self._child is not None and self._child.poll() is None

    def processes(self) -> list[Process]:
        """Return every supervised process, servers first."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return [
            Process(
                name=info["name"],
                group=info["group"],
                state=info["statename"].lower(),
                pid=info["pid"] or None,
                started_at=float(info["start"]),
            )
            for info in found
        ]

    def start_group(self, group: str) -> None:
        """Start every program of ``group`` without waiting for them."""
        self._call("startProcessGroup", group, False)

    def stop_group(self, group: str) -> None:
        """Ask every program of ``group`` to end, kill the late, return when all have ended."""
        self._call("stopProcessGroup", group, True)

    def start_process(self, name: str) -> None:
        """Start one stopped program without waiting for it."""
        self._call("startProcess", self._full_name(name), False)

    def stop_process(self, name: str) -> None:
        """End one program, which then stays stopped."""
        self._call("stopProcess", self._full_name(name), True)

    def process(self, name: str) -> Process:
        """Return one process; raises ``LookupError`` for a name that is not supervised."""
        for process in self.processes():
            if process.name == name:
                return process
        raise LookupError(f"nothing named {name!r} is supervised")

    def shut_down(self, within_s: float) -> bool:
        """End what still runs, then the supervisor; return whether it ended in time."""
        if self._child is None:
            return True
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _full_name(self, name: str) -> str:
        return f"{self.process(name).group}:{name}"

    def _call(self, method: str, *arguments: str | bool) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
            raise SupervisorGone("the supervisor does not answer") from error
        finally:
            transport.close()

    def _configuration(self, programs: Sequence[Program]) -> str:
        parts = [
            HEAD.format(
                socket=_literal(self._socket),
                run=_literal(self._home.run),
                logs=_literal(self._home.logs),
                user="user=root" if os.getuid() == 0 else "",
            )
        ]
        parts += [self._section(program) for program in programs]
        for group, priority in (("servers", 10), ("services", 20)):
            members = ",".join(p.name for p in programs if p.group == group)
            if members:
                parts.append(f"\n[group:{group}]\nprograms={members}\npriority={priority}\n")
        return "".join(parts)

    def _section(self, program: Program) -> str:
        environment = ",".join(
            f"{name}={_quoted(value)}" for name, value in program.environment.items()
        )
        return PROGRAM.format(
            name=program.name,
            command=_literal(shlex.join(program.command)),
            environment=environment,
            directory=_literal(program.directory),
            user=f"user={program.user}" if program.user else "",
            autostart=str(program.group == "servers").lower(),
            startsecs=program.healthy_after_s,
            startretries=FOR_EVER,
            stop_signal=program.stop_signal,
            stop_wait_s=program.stop_wait_s,
            logs=_literal(self._home.logs),
            log_bytes=LOG_BYTES,
            log_backups=LOG_BACKUPS,
        )


def _literal(value: str | Path) -> str:
    """Return ``value`` so that the supervisor's configuration does not interpret it."""
    text = str(value)
    if " ;" in text or " #" in text or "\n" in text:
        raise ValueError(f"the supervisor cannot use this path: {text!r}")
    return text.replace("%", "%%")


def _quoted(value: str) -> str:
    if '"' in value or "\n" in value or "\\" in value:
        raise ValueError("a setting holds a quote, backslash or line break")
    return f'"{_literal(value)}"'
