"""Starts the five services over a devnet, as README's commands do."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, is_free
from scripts.devnet.sample import FACTS_FILE, MATCHDAY, SEASON
from scripts.devnet.supervisor import Supervisor, wait_healthy

# On a machine that does other work, importing the services alone takes half a minute.
START_LIMIT_S = 180.0
# Without its banner, so that a log holds only lines of ours.
_CELERY = ("-m", "celery", "--quiet", "-A", "backend.worker")


class Services:
    """The services, with the settings of the devnet's file."""

    def __init__(
        self, supervisor: Supervisor, settings: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._supervisor = supervisor
        self._say = say
        self._env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def start(self, start: str) -> None:
        """Starts them; on the eve it opens the match day and waits until the API is ready. Raises
        DevnetError."""
        url = self._env["API_URL"]
        port = urlsplit(url).port or 0
        need_api_port(port)
        self._say("Starting the services; their address follows when they are ready …")
        self._run("indexer", "-m", "indexer", "run")
        self._run("api", "-m", "backend.api", "--host", "127.0.0.1", "--port", str(port))
        self._run("odds", "-m", "backend.odds")
        if start == "eve":
            self._open()
        self._run("worker", *_CELERY, "worker", "--concurrency", "2", "--loglevel", "WARNING")
        self._run("beat", *_CELERY, "beat", "--loglevel", "WARNING")
        if start == "eve":
            wait_for_api(self._supervisor, url)
        self._say(f"The page: {url}/   the API reference: {url}/docs")

    def _open(self) -> None:
        argv = [sys.executable, "-m", "backend.markets", "open", "--facts", str(FACTS_FILE)]
        argv += ["--season", SEASON, "--matchday", str(MATCHDAY)]
        done = self._supervisor.once("markets", argv, self._env)
        if done.exit_code != 0:
            raise DevnetError(
                f"`python -m backend.markets open` ended with exit code {done.exit_code}"
                f" ({done.last_line[:200]}): see {done.log_path}."
            )

    def _run(self, name: str, *arguments: str) -> None:
        self._supervisor.run(name, [sys.executable, *arguments], self._env, independent=True)


def need_api_port(port: int) -> None:
    """Raises DevnetError when the API's port is taken. Wallets and pages keep its address, so no
    other takes its place."""
    if not is_free(port):
        raise DevnetError(
            f"Port {port} is taken, and the API needs it: stop the other program or set API_PORT."
        )


def wait_for_api(supervisor: Supervisor, url: str) -> None:
    """Returns when the supervisor's API is ready at `url`. Raises DevnetError when it is not, and
    when it ended before: another API may have taken its port, and answer in its place."""
    api = supervisor.process("api")
    wait_healthy(lambda: _is_ready(url), START_LIMIT_S, "the API", api)
    if supervisor.restarts("api") or not api.is_alive:
        raise DevnetError(
            f"The API ended while it started; if its port {urlsplit(url).port} is taken, stop the"
            f" other program or set API_PORT. See {api.log_path}."
        )


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except HTTPException:
        return False
