"""Serves what anybody can check on the chain: keys and their budgets, results and who decided
them, and what batches save."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from backend.mirror.proof import GAS, KEYS, RESULTS
from backend.paging import PagingByTwo
from backend.problems import BodyMalformed, NotReady, mirror_missing, responses
from backend.proof.models import (
    CouncilPublic,
    GasPublic,
    KeyList,
    KeyPublic,
    ResultPage,
    ResultPublic,
    ResultState,
    ResultStatusName,
    RoleName,
)
from backend.services import ServicesDep
from protocol.outcomes import ResultStatus
from protocol.roles import Role

router = APIRouter(prefix="/v1/proof", tags=["proof"])

# Of `life_direct` in bench/results/gas.json.
ALONE_PER_BET = 151_773
BATCHES = 50
_ROLES: dict[int, RoleName] = {
    Role.OPERATOR: "operator",
    Role.RECEIPTS: "receipts",
    Role.CASH_OUTS: "cash-outs",
    Role.WITHDRAWALS: "withdrawals",
}
_STATUSES: dict[int, ResultStatusName] = {
    ResultStatus.PLAYED: "played",
    ResultStatus.VOID: "void",
    ResultStatus.ABANDONED_BEFORE_HALF_TIME: "abandoned",
    ResultStatus.ABANDONED: "abandoned",
    ResultStatus.FRACTION: "fraction",
}


@router.get("/keys", responses=responses(NotReady))
async def get_keys(services: ServicesDep) -> KeyList:
    """Lists the keys of the house, which are few, with what each may take at most."""
    rows = await services.database.rows(KEYS, services.mirror_key)
    keys = [
        KeyPublic(
            address=row["address"],
            role=_ROLES[row["role"]],
            budget_micro=str(row["budget_micro"]),
            from_s=row["from_s"],
            retired_at_s=row["retired_at_s"],
        )
        for row in rows
    ]
    return KeyList(keys=keys)


@router.get("/results", responses=responses(BodyMalformed, NotReady))
async def get_results(services: ServicesDep, *, paging: PagingByTwo) -> ResultPage:
    """Lists the results on the chain, newest first, each with the council that decided it."""
    page = await paging.read(
        services.database, RESULTS, services.mirror_key, ("block", "log_index")
    )
    return ResultPage(results=[_result(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/gas", responses=responses(NotReady))
async def get_gas(services: ServicesDep) -> GasPublic:
    """Returns the gas of a bet in the newest batches, and of one that is placed and settled
    alone."""
    row = await services.database.row(GAS, {**services.mirror_key, "batches": BATCHES})
    if row is None:
        raise mirror_missing()
    return GasPublic(
        batches=row["batches"],
        bets=row["bets"],
        placing_per_bet=_share(row["placing_gas"], row["bets"]),
        settling_per_bet=_share(row["settling_gas"], row["settled_bets"]),
        alone_per_bet=ALONE_PER_BET,
    )


def _result(row: dict[str, Any]) -> ResultPublic:
    council = None
    if row["signers"] is not None:
        council = CouncilPublic(
            term=row["term"],
            signers=row["signers"],
            threshold=row["threshold"],
            arbiter=row["arbiter"],
        )
    return ResultPublic(
        fixture=f"0x{bytes(row['fixture']).hex()}",
        name=row["name"],
        status=_STATUSES[row["status"]],
        half_time=[row["home_half"], row["away_half"]],
        full_time=[row["home_full"], row["away_full"]],
        published_at_s=row["published_at_s"],
        final_at_s=row["final_at_s"],
        state=_state_of(row),
        corrected=row["corrected"],
        stage=row["stage"],
        council=council,
    )


def _state_of(row: dict[str, Any]) -> ResultState:
    if row["disputed"]:
        return "disputed"
    return "final" if row["final_at_s"] <= row["head_timestamp_s"] else "published"


def _share(gas: int, bets: int) -> int | None:
    return round(gas / bets) if bets else None
