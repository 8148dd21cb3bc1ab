"""Builds what the API's routes work with, once per process; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import structlog
from fastapi import Depends, FastAPI, Request
from psycopg.errors import UndefinedTable

from backend import channels
from backend.api_settings import ApiSettings
from backend.chain_view import ChainView, HouseState
from backend.clock import skew_refused
from backend.contracts.local_node import local_node
from backend.contracts.token import Token
from backend.contracts.token_view import TokenView
from backend.database import Query
from backend.deployment import ContractWindows, Deployment
from backend.house_keys import key_refused
from backend.house_signer import HouseSigner, LocalHouseSigner
from backend.house_state import HouseView
from backend.markets.board import Board
from backend.migrate import head
from backend.odds.redis_messages import Published
from backend.one_chain import other_chain
from backend.reports.outlook import REPORT, Outlook
from backend.stream.odds_copy import Odds
from backend.stream_services import StreamServices
from protocol.roles import Role

log = structlog.get_logger("api")

_REVISION = "SELECT version_num FROM backend.alembic_version"


class Services(StreamServices):
    """Connections, settings and background tasks of one API process."""

    settings: ApiSettings
    # Bets must not wait for readers.
    MAX_WRITING: ClassVar[float] = 0.5

    def __init__(
        self,
        settings: ApiSettings,
        deployment: Deployment,
        windows: ContractWindows,
        receipt_signer: HouseSigner,
        withdrawal_signer: HouseSigner,
        cash_out_signer: HouseSigner | None = None,
    ) -> None:
        self.receipt_signer = receipt_signer
        self.withdrawal_signer = withdrawal_signer
        self.cash_out_signer = cash_out_signer
        super().__init__(settings, deployment, windows)
        self._revision = head()
        self.board = Board(self.database, self.current_odds, lambda: self.notifications.heard)
        self.notifications.on(channels.MARKETS, self.board.changed)
        self.chain = ChainView(settings.first_rpc_url, deployment)
        self.house = HouseView(
            lambda: self.chain.house(
                receipt_signer.address,
                withdrawal_signer.address,
                None if self.cash_out_signer is None else self.cash_out_signer.address,
            )
        )
        self.token = TokenView(self._read_token)
        # The probe of /readyz that is under way.
        self.probe: asyncio.Task[Any] | None = None

    @classmethod
    def from_settings(cls, settings: ApiSettings) -> Services:
        """The services of the deployment that the settings name. Raises DeploymentInvalid."""
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        windows = deployment.windows(settings.receipt_window_s, settings.exit_delay_s)
        receipt_signer = LocalHouseSigner(settings.receipt_key_bytes)
        withdrawal_signer = LocalHouseSigner(settings.withdrawal_key_bytes)
        key = settings.cash_out_key_bytes
        cash_out_signer = None if key is None else LocalHouseSigner(key)
        return cls(
            settings, deployment, windows, receipt_signer, withdrawal_signer, cash_out_signer
        )

    @property
    def local_node(self) -> str | None:
        """The chain node that a browser may ask itself, on a local chain only."""
        return local_node(self.deployment.chain_id, self.settings.first_rpc_url)

    async def _read_token(self) -> Token:
        named = self.deployment.token
        if named is None:
            return Token(None, None, None, None)
        return await self.chain.token(named, self.deployment.chain_id)

    async def migration_missing(self) -> str | None:
        """What is wrong with the backend's tables, and what to do; None when nothing is."""
        try:
            return self.revision_refused(await self.database.row(*self.revision_query))
        except UndefinedTable:
            return self.revision_refused(None)

    @property
    def revision_query(self) -> Query:
        """What reads the revision of the backend's tables."""
        return _REVISION, {}

    def revision_refused(self, row: Mapping[str, Any] | None) -> str | None:
        """What is wrong with the revision that was read; None when nothing is."""
        if row is None:
            return "The backend's tables are missing; run python -m backend.migrate."
        if row["version_num"] != self._revision:
            return (
                f"The backend's tables are at revision {row['version_num']}, not {self._revision};"
                " run python -m backend.migrate."
            )
        return None

    def _odds_changed(self, market: str, published: Published) -> None:
        self.board.odds_changed(market, published)
        super()._odds_changed(market, published)

    def _odds_replaced(self, odds: Odds) -> None:
        self.board.odds_replaced(odds)
        super()._odds_replaced(odds)

    def current_odds(self) -> Odds:
        """The odds that may be shown: none while the odds process is not running."""
        fresh = self.odds_copy.age_ms() <= self.settings.max_odds_age_ms
        return self.odds_copy.odds if fresh else {}

    async def outlook(self) -> Outlook | None:
        """What the worker last reported."""
        row = await self.database.row(*self.report_query)
        return None if row is None else Outlook(**row)

    @property
    def report_query(self) -> Query:
        """What reads the worker's last report."""
        return REPORT, self.mirror_key

    def skew_refused(self, now_s: int, head_s: int) -> str | None:
        """Why nothing can be accepted by this clock, which follows the wall; None when it can. The
        difference is a metric."""
        self.metrics.clock_ahead.set(now_s - head_s)
        most_s = min(self.settings.max_clock_skew_s, self.windows.receipt_window_s)
        return skew_refused(now_s, head_s, most_s)

    async def _close(self) -> None:
        await super()._close()
        await self.chain.close()


def services_of(app: FastAPI) -> Services:
    """The services of an app."""
    services: Services = app.state.services
    return services


def get_services(request: Request) -> Services:
    """The services, as a dependency of a route."""
    return services_of(request.app)


ServicesDep = Annotated[Services, Depends(get_services)]


def other_chain_refused(
    services: Services, house: HouseState, first_hash: bytes | None
) -> str | None:
    """Why node, deployment file and mirror are not of one chain; None when nothing shows it.
    `first_hash` is what the mirror has."""
    mirrored = None if first_hash is None else bytes(first_hash)
    return other_chain(services.deployment, house.hashes, mirrored)


def receipt_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that signs receipts; None when it does."""
    address = services.receipt_signer.address
    return key_refused(house.receipt_key, Role.RECEIPTS, address, "RECEIPT_SIGNER_KEY", now_s)


def withdrawal_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that countersigns withdrawals; None when it
    does."""
    address = services.withdrawal_signer.address
    key = house.withdrawal_key
    return key_refused(key, Role.WITHDRAWALS, address, "WITHDRAWAL_SIGNER_KEY", now_s)


def cash_out_key_refused(services: Services, house: HouseState, now_s: int) -> str | None:
    """Why the sportsbook does not accept the key that signs cash-outs; None when it does, or when
    this server has none."""
    signer, key = services.cash_out_signer, house.cash_out_key
    if signer is None or key is None:
        return None
    return key_refused(key, Role.CASH_OUTS, signer.address, "CASH_OUT_SIGNER_KEY", now_s)
