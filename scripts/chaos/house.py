"""Runs a house of its own for some rounds: servers, contracts, the five services, and bettors."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scripts.chaos.plan import BETTORS, NODE, POSTGRES, REDIS, SERVICES
from scripts.chaos.sent import SentSlip
from scripts.demo.api_client import ApiClient
from scripts.demo.chain_reader import ChainReader
from scripts.demo.match_day import MatchDay
from scripts.demo.mirror import Mirror
from scripts.demo.platform import Platform
from scripts.devnet import Chain, DevnetError, Process, Supervisor
from scripts.devnet.chain import Kind
from scripts.devnet.paths import free_port
from scripts.devnet.sample import EVE_S, MATCHDAY, SEASON, first_kick_off_s

_COPY_LIMIT_S = 20.0


class House:
    """Use as a context manager. `sent` has every slip that was signed in it."""

    def __init__(self, folder: Path, kind: Kind, seed: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self.kind = kind
        self.played = False
        self.sent: list[SentSlip] = []
        # Where clients find an API, each request at any of them; and how many were sent to each.
        self.api_urls: list[str] = []
        self.requests: Counter[str] = Counter()
        self.supervisor = Supervisor(folder / "logs", quiet=True)
        self.platform = Platform(
            self.supervisor, first_kick_off_s() - EVE_S, folder, free_port(), kind
        )
        self._seed = seed
        self.day: MatchDay

    def __enter__(self) -> House:
        self.supervisor.__enter__()
        try:
            self._start()
        except BaseException as error:
            self.supervisor.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self.supervisor.__exit__(*error)

    def _start(self) -> None:
        platform = self.platform
        platform.start_servers()
        platform.start_services(SEASON, MATCHDAY)
        self.api_urls = [platform.api_url]
        self.day = MatchDay(
            self._seed,
            platform.chain,
            ChainReader(platform.chain.url, platform.deployment_file),
            ApiClient(platform.api_url),
            Mirror(platform.database_url),
            lambda line: None,
        )
        self.day.wait_for_odds()
        self.day.deposit(BETTORS)

    @property
    def chain(self) -> Chain:
        return self.platform.chain

    @property
    def logs(self) -> Path:
        return self.supervisor.logs

    def server(self, target: str) -> Any:
        """PostgreSQL, Redis or the node."""
        return {
            POSTGRES: self.platform.postgres,
            REDIS: self.platform.redis,
            NODE: self.platform.chain,
        }[target]

    def process(self, target: str) -> Process:
        """The process of a service or a server."""
        if target in SERVICES:
            return self.supervisor.process(target)
        found: Process = self.server(target).process
        return found

    def restarts(self) -> dict[str, int]:
        """How often each service was started again after it had ended."""
        return {name: self.supervisor.restarts(name) for name in SERVICES}

    def chain_is_copied(self) -> None:
        """An Anvil that is killed while it writes its chain needs a copy of the chain."""
        until = time.monotonic() + _COPY_LIMIT_S
        while self.chain.kind == "anvil" and not self.chain.copy_saved():
            if time.monotonic() > until:
                raise DevnetError("Anvil has not saved its chain.")
            time.sleep(0.05)
