"""Serves what owners sign for the house to send: deposits and requests without the chain's coin."""

from __future__ import annotations

from typing import Annotated, Any

from eth_utils.address import to_checksum_address
from fastapi import APIRouter, Path, Response

from backend.accounts.refusals import (
    SIGNATURE_REFUSALS,
    AccountUnknown,
    AmountInvalid,
    AmountUneven,
    ContractSignatureUnsupported,
    DeadlineTooFar,
)
from backend.api.json_bodies import JsonRoute
from backend.chain_view import ChainUnreachable
from backend.fields import HEX_32, Owner
from backend.mirror.relays import OF_OWNER
from backend.paging import PagingByOne
from backend.problems import (
    BODY_REFUSALS,
    BodyMalformed,
    NotFound,
    NotReady,
    RateLimited,
    mirror_missing,
    responses,
)
from backend.relays import repository
from backend.relays.accepting import Accepted, accept_deposit, accept_request
from backend.relays.answers import public
from backend.relays.models import (
    AuthorizationCreate,
    PermitCreate,
    RelayPage,
    RelayPublic,
    RequestCreate,
)
from backend.relays.refusals import (
    TERMS_REFUSALS,
    AuthorizationUsed,
    DepositTooSmall,
    RelayNumberWrong,
    RelayTooEarly,
    TokensInsufficient,
)
from backend.services import Services, ServicesDep

router = APIRouter(prefix="/v1", tags=["relays"], route_class=JsonRoute)

RelayHash = Annotated[
    str, Path(pattern=HEX_32, description="EIP-712 hash that the owner signed, `relay_hash`.")
]

_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": RelayPublic, "description": "It was accepted before."}
}
_ALWAYS = (
    *BODY_REFUSALS,
    *TERMS_REFUSALS,
    *SIGNATURE_REFUSALS,
    DeadlineTooFar,
    RateLimited,
    ChainUnreachable,
    NotReady,
)
_OF_DEPOSITS = (AmountInvalid, AmountUneven, DepositTooSmall, TokensInsufficient)


@router.post(
    "/relays/permits",
    status_code=201,
    responses={**_REPEATED, **responses(*_ALWAYS, *_OF_DEPOSITS, RelayNumberWrong)},
)
async def post_relayed_permit(
    services: ServicesDep, response: Response, create: PermitCreate
) -> RelayPublic:
    """Accepts a deposit by a permit of the token (EIP-2612). The worker sends
    `Sportsbook.depositWithPermit`, and the house pays for that. Repeating the request changes
    nothing."""
    return await _answer(services, response, await accept_deposit(services, create))


@router.post(
    "/relays/authorizations",
    status_code=201,
    responses={
        **_REPEATED,
        **responses(*_ALWAYS, *_OF_DEPOSITS, AuthorizationUsed, RelayTooEarly),
    },
)
async def post_relayed_authorization(
    services: ServicesDep, response: Response, create: AuthorizationCreate
) -> RelayPublic:
    """Accepts a deposit by an authorization of the token (EIP-3009). The worker sends
    `Sportsbook.depositWithAuthorization`, and the house pays for that. Repeating the request
    changes nothing."""
    return await _answer(services, response, await accept_deposit(services, create))


@router.post(
    "/relays/requests",
    status_code=201,
    responses={
        **_REPEATED,
        **responses(*_ALWAYS, AccountUnknown, ContractSignatureUnsupported, RelayNumberWrong),
    },
)
async def post_relayed_request(
    services: ServicesDep, response: Response, create: RequestCreate
) -> RelayPublic:
    """Accepts a request of an account's owner: to announce, cancel or complete an exit, to exclude
    the account, or to cancel slips. The worker sends `Sportsbook.relay`, and the house pays for
    that. Repeating the request changes nothing."""
    return await _answer(services, response, await accept_request(services, create))


@router.get("/relays/by-hash/{relay_hash}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_relay(services: ServicesDep, relay_hash: RelayHash) -> RelayPublic:
    """Returns what became of a deposit or a request that the house has accepted."""
    return await _found(services, bytes.fromhex(relay_hash[2:]))


@router.get(
    "/accounts/by-owner/{owner}/relays",
    responses=responses(BodyMalformed, NotReady),
)
async def get_relays(services: ServicesDep, owner: Owner, paging: PagingByOne) -> RelayPage:
    """Lists what the house has accepted for an owner, newest first, with or without an account."""
    parameters = {**services.mirror_key, "owner": to_checksum_address(owner)}
    page = await paging.read(services.database, OF_OWNER, parameters, ("id",))
    return RelayPage(relays=[public(row) for row in page.rows], next_cursor=page.next_cursor)


async def _answer(services: Services, response: Response, accepted: Accepted) -> RelayPublic:
    response.status_code = 201 if accepted.new else 200
    return await _found(services, accepted.hash)


async def _found(services: Services, relay_hash: bytes) -> RelayPublic:
    row = await repository.relay_of(services.database, services.mirror_key, relay_hash)
    if row is None:
        # Without a mirror no relay is found, which is another answer.
        async with services.database.connection() as connection:
            if await repository.is_known(connection, relay_hash):
                raise mirror_missing()
        raise NotFound(f"The house has accepted nothing with the hash 0x{relay_hash.hex()}.")
    return public(row)
