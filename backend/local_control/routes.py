"""Serves the match-day control of a local chain: its clock, and test tokens.

`backend.app` registers it only where `allowed.is_allowed` says so. Requests of other sites are
refused, or any page that a developer looks at could move the clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from fastapi import APIRouter, Depends

from backend.api.json_bodies import JsonRoute
from backend.feed.facts import MATCH_LENGTH_S
from backend.formatting import utc
from backend.local_control.models import (
    FaucetCreate,
    FaucetPublic,
    MatchDayPublic,
    MatchPublic,
    Moment,
    TravelCreate,
)
from backend.local_control.node import LocalNode
from backend.local_control.refusals import (
    FaucetUnavailable,
    NodeRefused,
    NothingToTravelTo,
    SlipsWaiting,
)
from backend.mirror.local_control import AHEAD
from backend.problems import BODY_REFUSALS, NotReady, mirror_missing, responses
from backend.services import Services, ServicesDep
from backend.sessions.caller import check_same_site
from backend.sessions.refusals import CrossSiteRequest
from protocol.outcomes import ResultStatus

router = APIRouter(
    prefix="/v1/local",
    tags=["local control"],
    route_class=JsonRoute,
    dependencies=[Depends(check_same_site)],
)

_MINT = keccak(text="mint(address,uint256)")[:4]
_MINT_GAS, _SEND_GAS = 120_000, 21_000
# What an address without coins gets besides, for gas: enough for weeks, and little of what the
# node's account has, which nobody fills again.
_COINS_WEI = 10**18
_QUARTER_S = 900
_RESULTS: dict[int, Literal["played", "abandoned", "void"]] = {
    ResultStatus.PLAYED: "played",
    ResultStatus.ABANDONED_BEFORE_HALF_TIME: "abandoned",
    ResultStatus.ABANDONED: "abandoned",
}


async def _node(services: ServicesDep) -> AsyncIterator[LocalNode]:
    node = LocalNode(services.settings.first_rpc_url)
    try:
        yield node
    finally:
        await node.close()


NodeDep = Annotated[LocalNode, Depends(_node)]


@router.get("/match-day", responses=responses(NotReady))
async def get_match_day(services: ServicesDep) -> MatchDayPublic:
    """Returns the chain's time, the moments that lie ahead, and the matches that have started."""
    return _public(await _ahead(services))


@router.post(
    "/travel",
    responses=responses(
        *BODY_REFUSALS, CrossSiteRequest, NothingToTravelTo, SlipsWaiting, NodeRefused, NotReady
    ),
)
async def post_travel(services: ServicesDep, node: NodeDep, travel: TravelCreate) -> MatchDayPublic:
    """Moves the chain's clock on by 15 minutes, to the next kick-off, to the end of the matches
    that have started, or to where their results are final. Results and settlements follow by
    themselves, from the facts file."""
    row = await _ahead(services)
    target_s = _target_s(row, travel.to)
    if target_s is None:
        raise NothingToTravelTo(
            f"There is no {travel.to} after {utc(row['now_s'])}; GET /v1/local/match-day lists what"
            " there is.",
            now_s=row["now_s"],
        )
    if row["waiting"]:
        raise SlipsWaiting(
            f"{row['waiting']} accepted slips are about to be placed; try again in a moment.",
            retry_after_s=2,
            waiting=row["waiting"],
        )
    await node.check_chain(services.deployment.chain_id)
    now_s = await node.travel(target_s)
    # The mirror follows a moment later.
    return _public({**row, "now_s": now_s})


@router.post(
    "/faucet",
    status_code=201,
    responses=responses(*BODY_REFUSALS, CrossSiteRequest, FaucetUnavailable, NodeRefused),
)
async def post_faucet(services: ServicesDep, node: NodeDep, wanted: FaucetCreate) -> FaucetPublic:
    """Mints test tokens for an address, and sends it coins for gas if it has none."""
    token = services.deployment.token
    if token is None:
        raise FaucetUnavailable("The deployment file names no token.")
    address = to_checksum_address(wanted.address)
    units = wanted.tokens * 10**services.deployment.token_decimals
    data = f"0x{(_MINT + encode(('address', 'uint256'), (address, units))).hex()}"
    await node.check_chain(services.deployment.chain_id)
    try:
        await node.call("eth_call", {"to": token, "data": data}, "latest")
    except NodeRefused:
        raise FaucetUnavailable(
            f"The token at {token} does not let anybody mint it: it is not the test token."
        ) from None
    minted = await node.send(to=token, data=data, gas=hex(_MINT_GAS))
    if int(await node.call("eth_getBalance", address, "latest"), 16) == 0:
        await node.send(to=address, value=hex(_COINS_WEI), gas=hex(_SEND_GAS))
    return FaucetPublic(address=address, tokens=wanted.tokens, tx_hash=minted)


def _target_s(row: dict[str, Any], moment: Moment) -> int | None:
    if moment == "in-15-minutes":
        return int(row["now_s"]) + _QUARTER_S
    ahead: dict[str, int | None] = _ahead_s(row)
    return ahead[f"{moment.replace('-', '_')}_s"]


async def _ahead(services: Services) -> dict[str, Any]:
    row = await services.database.row(AHEAD, services.mirror_key)
    if row is None or row["now_s"] is None:
        raise mirror_missing()
    return row


def _public(row: dict[str, Any]) -> MatchDayPublic:
    matches = [_match(match, row["now_s"]) for match in row["matches"]]
    return MatchDayPublic(now_s=row["now_s"], matches=matches, **_ahead_s(row))


def _ahead_s(row: dict[str, Any]) -> dict[str, int | None]:
    return {
        name: row[name] if row[name] is not None and row[name] > row["now_s"] else None
        for name in ("kick_off_s", "full_time_s", "results_final_s")
    }


def _match(row: dict[str, Any], now_s: int) -> MatchPublic:
    found = {name: row[name] for name in ("id", "home", "away", "starts_at_s")}
    status = row["result_status"]
    if status is None:
        return MatchPublic(
            **found,
            state="over" if now_s > row["starts_at_s"] + MATCH_LENGTH_S else "playing",
            result=None,
            home_goals=None,
            away_goals=None,
        )
    return MatchPublic(
        **found,
        state="final" if now_s > row["final_at_s"] else "published",
        result=_RESULTS.get(status, "void"),
        home_goals=row["home_goals"],
        away_goals=row["away_goals"],
    )
