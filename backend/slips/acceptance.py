"""Accepts slips in groups: those that arrive together are priced together, and one SQL transaction
commits the house to all of them.

A refused slip changes nothing. An accepted slip gets the same receipt however often it is
submitted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import Depends, Request
from redis.exceptions import RedisError

from backend.grouping import Groups
from backend.odds import redis_messages
from backend.services import Services
from backend.slips.commits import Committed, commit
from backend.slips.models import SlipCreate
from backend.slips.refusals import IdempotencyConflict
from backend.slips.submissions import (
    Acceptance,
    Commitment,
    Priced,
    Submission,
    give_back,
    price,
)
from backend.stream_services import REDIS_TIMEOUT_S

log = structlog.get_logger("api")

MOST_IN_GROUP = 256
MOST_WAITING = 16_384
# Of one of the two queues. Slips live for a minute or two, and clients wait for less.
LONGEST_WAIT_S = 4.0


class Acceptances:
    """The groups of one API process. Others may accept slips beside it: PostgreSQL's locks decide
    who is first."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pricing = Groups[Submission, Acceptance | Commitment](
            self._price, MOST_IN_GROUP, MOST_WAITING, LONGEST_WAIT_S
        )
        self._commits = Groups[Commitment, Acceptance](
            self._commit, MOST_IN_GROUP, MOST_WAITING, LONGEST_WAIT_S
        )
        self._publishing: set[asyncio.Task[None]] = set()

    async def accept(self, create: SlipCreate, idempotency_key: str | None) -> Acceptance:
        """Accept a slip; one that was accepted before is returned as it is. Raises the refusal when
        it cannot be accepted."""
        priced = await self._pricing.submit(Submission(create, idempotency_key))
        if isinstance(priced, Acceptance):
            return priced
        try:
            acceptance = await self._commits.submit(priced)
        except IdempotencyConflict:
            await give_back(self._services, [priced.slip])
            raise
        if not acceptance.new:
            await give_back(self._services, [priced.slip])
        return replace(acceptance, expected_wait_s=priced.expected_wait_s)

    async def _price(self, submissions: Sequence[Submission]) -> list[Priced]:
        return await price(self._services, submissions)

    async def _commit(self, commitments: Sequence[Commitment]) -> list[Committed]:
        results = await commit(self._services, commitments)
        accepted = [
            _message(commitment)
            for commitment, result in zip(commitments, results, strict=True)
            if isinstance(result, Acceptance) and result.new
        ]
        if accepted:
            # Nobody waits for it: a Redis that hangs must not hold up the next group.
            task = asyncio.create_task(self._publish(accepted))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)
        return results

    async def _publish(self, slips: Sequence[redis_messages.AcceptedSlip]) -> None:
        """Notify the odds process; it finds the slips in SQL if the message is lost."""
        message = redis_messages.slips_json(slips)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await self._services.redis.publish(redis_messages.SLIPS_CHANNEL, message)
        except (RedisError, OSError) as error:
            log.warning("api.slips_not_published", slips=len(slips), reason=type(error).__name__)


def get_acceptances(request: Request) -> Acceptances:
    """The acceptances of the app, as a dependency of a route."""
    acceptances: Acceptances = request.app.state.acceptances
    return acceptances


AcceptancesDep = Annotated[Acceptances, Depends(get_acceptances)]


def _message(commitment: Commitment) -> redis_messages.AcceptedSlip:
    slip, accepted = commitment.slip, commitment.accepted
    legs = tuple(
        redis_messages.AcceptedLeg(market, leg.outcome, odds_e4)
        for market, leg, odds_e4 in zip(
            commitment.markets, slip.legs, accepted.odds_e4, strict=True
        )
    )
    return redis_messages.AcceptedSlip(str(accepted.id), slip.stake_micro, legs)
