"""Accepts slips the plain way, to compare: a FastAPI route, SQLModel, one transaction per slip.

It makes the checks of the real route, with its pure functions, in its order, under the same locks.
What it leaves out costs it nothing: idempotency keys, limits of owners, readiness, metrics.

    python -m bench.naive_acceptance --host 127.0.0.1 --port 9000
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import text
from sqlmodel import Session, create_engine, select

from backend import problems
from backend.accounts.check_signature import check_signature
from backend.accounts.state import AccountState
from backend.api_settings import ApiSettings
from backend.chain_view import HouseState
from backend.markets.tables import Fixture, Market
from backend.mirror import accounts, book
from backend.mirror.deployment import read_rows
from backend.odds import redis_messages
from backend.services import Services
from backend.settings import load_settings
from backend.slips.account_checks import check_account
from backend.slips.house_checks import Capacity, check_budget, check_capacity, check_caps
from backend.slips.models import SlipAccepted, SlipCreate
from backend.slips.submissions import limits_of
from backend.slips.tables import Slip as SlipRow
from backend.slips.tables import SlipLeg
from backend.slips.terms import LiveOffers, Offer, Terms, check_legs, check_terms
from protocol.exposure import Exposure, locked_micro
from protocol.market_id import MarketId
from protocol.typed_data import Leg, Receipt, Slip


class NaiveHouse:
    """The services, and a pool of connections for SQLModel."""

    def __init__(self) -> None:
        self.services = Services.from_settings(load_settings(ApiSettings, "api"))
        self.engine = create_engine(self.services.settings.database_url, pool_size=20)

    async def accept(self, create: SlipCreate) -> SlipAccepted:
        """Accept one slip. Raises its refusal."""
        services = self.services
        await services.limiter.count("address", "naive")
        house = await services.house.state()
        slip, markets, context = await run_in_threadpool(self._read, create)
        limits = limits_of(services)
        check_legs(slip, limits)
        signature = await check_signature(
            services.domain, slip, bytes.fromhex(create.signature[2:]), context["owner"], None
        )
        await services.limiter.count("account", str(slip.account))
        offers = [await self._offer(fixture, market) for fixture, market in markets]
        heartbeat = int(await services.redis.get(redis_messages.HEARTBEAT_KEY) or 0)
        live = LiveOffers(offers, redis_messages.now_ms() - heartbeat)
        now_s = int(context["head_timestamp_s"])
        terms = check_terms(slip, live, limits, now_s)
        receipt = Receipt(slip.struct_hash(), now_s, terms.odds_e4)
        signed = await services.receipt_signer.sign(services.domain.digest(receipt.struct_hash()))
        return await run_in_threadpool(self._commit, house, slip, signature, terms, now_s, signed)

    def _read(self, create: SlipCreate) -> tuple[Slip, list[tuple[Fixture, Market]], Any]:
        with Session(self.engine) as session:
            parameters = {**self.services.mirror_key, "accounts": [create.account]}
            context = read_rows(session.connection(), accounts.CONTEXTS, parameters)[0]._mapping
            markets = []
            for leg in create.legs:
                named = Market.id == bytes.fromhex(leg.market[2:])
                market = session.exec(select(Market).where(named)).one()
                markets.append(
                    (
                        session.exec(select(Fixture).where(Fixture.id == market.fixture)).one(),
                        market,
                    )
                )
            session.expunge_all()
        legs = tuple(
            Leg(fixture.name, MarketId.unpack(market.id), leg.outcome)
            for leg, (fixture, market) in zip(create.legs, markets, strict=True)
        )
        slip = Slip(
            create.account,
            int(create.stake_micro),
            create.min_odds_e4,
            create.nonce,
            create.deadline_s,
            legs,
        )
        return slip, markets, context

    async def _offer(self, fixture: Fixture, market: Market) -> Offer:
        key = redis_messages.hash_key(fixture.id)
        field = await cast(Awaitable[Any], self.services.redis.hget(key, f"0x{market.id.hex()}"))
        odds = None if field is None else redis_messages.Published.read(field)
        return Offer(fixture.status, market.status, odds, fixture.starts_at_s)

    def _commit(
        self,
        house: HouseState,
        slip: Slip,
        signature: bytes,
        terms: Terms,
        now_s: int,
        receipt_signature: bytes,
    ) -> SlipAccepted:
        key, window_s = self.services.mirror_key, self.services.windows.receipt_window_s
        with Session(self.engine) as session, session.begin():
            connection = session.connection()
            for lock in (slip.account, 0x40053):
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
            parameters = {**key, "accounts": [slip.account]}
            [row] = read_rows(connection, accounts.STATES, parameters)
            state = AccountState(**{n: getattr(row, n) for n in AccountState.__slots__})
            check_account(slip, state, state.nonces(window_s))
            [row] = read_rows(connection, book.CAPACITY, {**key, "block": house.block})
            capacity = Capacity(**row._mapping)
            reserve_micro = house.limits.receipt_reserve_micro
            check_capacity(slip, terms, capacity, reserve_micro)
            check_budget(slip, terms, capacity, house.receipt_key, reserve_micro, window_s)
            market = slip.legs[0].market
            parameters = {**key, "fixtures": [market.fixture]}
            [row] = read_rows(connection, book.FIXTURES_USE, parameters)
            locked: dict[bytes, int] = {}
            for name, *amounts in row.exposures or ():
                at = bytes.fromhex(name)
                locked[at] = locked.get(at, 0) + locked_micro(at, Exposure(*amounts))
            for name, risk_micro in row.pending or ():
                at = bytes.fromhex(name)
                locked[at] = locked.get(at, 0) + risk_micro
            accumulators_micro = capacity.accumulators_micro
            check_caps(slip, terms, market.pack(), house.limits, locked, accumulators_micro, 0)
            made = SlipRow(
                id=uuid.uuid4(),
                account=slip.account,
                nonce=slip.nonce,
                idempotency_key=f"0x{slip.struct_hash().hex()}",
                stake_micro=slip.stake_micro,
                min_odds_e4=slip.min_odds_e4,
                deadline_s=slip.deadline_s,
                struct_hash=slip.struct_hash(),
                signature=signature,
                accepted_at_s=now_s,
                receipt_signature=receipt_signature,
                payout_max_micro=terms.payout_max_micro,
                legs=len(slip.legs),
            )
            session.add(made)
            session.flush()
            for number, (leg, odds_e4) in enumerate(zip(slip.legs, terms.odds_e4, strict=True)):
                session.add(
                    SlipLeg(
                        slip=made.id,
                        leg=number,
                        market=leg.market.pack(),
                        outcome=leg.outcome,
                        odds_e4=odds_e4,
                    )
                )
            connection.execute(text("SELECT pg_notify('slips', '')"))
            return self._answer(made, terms)

    def _answer(self, made: SlipRow, terms: Terms) -> SlipAccepted:
        slip_hash = f"0x{made.struct_hash.hex()}"
        return SlipAccepted.model_validate(
            {
                "id": made.id,
                "slip_hash": slip_hash,
                "status": "accepted",
                "accepted_at_s": made.accepted_at_s,
                "odds_e4": list(terms.odds_e4),
                "payout_max_micro": str(made.payout_max_micro),
                "receipt": {
                    "slip": slip_hash,
                    "accepted_at_s": made.accepted_at_s,
                    "odds_e4": list(terms.odds_e4),
                    "signer": self.services.receipt_signer.address,
                    "signature": f"0x{made.receipt_signature.hex()}",
                },
                "enforce_until_s": made.accepted_at_s + self.services.windows.receipt_window_s,
                "expected_wait_s": None,
            }
        )


def create_app() -> FastAPI:
    """The app for the settings in the environment."""
    house = NaiveHouse()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with house.services.running():
            yield

    app = FastAPI(lifespan=lifespan)
    app.state.services = house.services
    problems.install(app)

    @app.post("/v1/slips", status_code=201)
    async def post_slip(create: SlipCreate) -> SlipAccepted:
        return await house.accept(create)

    return app


if __name__ == "__main__":
    options = ("--factory", "bench.naive_acceptance:create_app", "--log-level", "warning")
    uvicorn.main([*options, *sys.argv[1:]])
