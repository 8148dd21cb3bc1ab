"""Accepts what an owner signed for the house to send: everything is checked first, against the
chain as well, then one SQL transaction keeps it within what the house gives for it.

The house pays for the gas and charges no fee, so what anybody could make it burn is bounded: one
deposit and one request of an owner at a time, so many in an hour and a day, and all owners together
by a budget.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils.address import to_checksum_address
from psycopg.errors import LockNotAvailable

from backend.accounts.check_signature import check_signature
from backend.accounts.context import account_context, clock_of_chain
from backend.accounts.refusals import AmountUneven, DeadlineTooFar
from backend.chain_view import Holder
from backend.contracts.token import Token, separator_of
from backend.formatting import tokens, utc
from backend.problems import BodyMalformed, NotReady, busy, mirror_missing
from backend.relays import repository
from backend.relays.models import (
    MOST_OF,
    AuthorizationCreate,
    PermitCreate,
    RequestCreate,
)
from backend.relays.refusals import (
    AuthorizationUsed,
    DepositTooSmall,
    RelayBudget,
    RelayExpired,
    RelayLimit,
    RelayNumberWrong,
    RelayPending,
    RelayReverts,
    RelayTooEarly,
    RelayUnavailable,
    TokensInsufficient,
)
from backend.relays.repository import DAY_S, HOUR_S, Standing
from backend.relays.signed import SignedRelay
from backend.relays.tables import RelayKind
from backend.relays.token_signature import check_token_signature
from backend.services import Services
from protocol.token_messages import Authorization, token_digest

# Long enough to be mined when fees rise, short enough that nothing is sent that its owner has
# forgotten.
LEAST_LIFE_S = 60
MOST_LIFE_S = 3_600

# Of an owner's deposits, and of an owner's requests.
MOST_IN_HOUR = 6
MOST_IN_DAY = 20
# An owner whose signatures came to nothing on the chain so often within a day is sent no more: the
# house pays for what reverts.
MOST_FAILED = 3

# A part of the budget is kept for exclusions, so that nobody can use up what they need.
_KEPT_NUMERATOR, _KEPT_DENOMINATOR = 1, 4


@dataclass(frozen=True, slots=True)
class Accepted:
    """The hash of what an owner signed, and whether this request made the house accept it."""

    hash: bytes
    new: bool


async def accept_deposit(
    services: Services, create: PermitCreate | AuthorizationCreate
) -> Accepted:
    """Accept a signed deposit. Raises the refusal when it cannot be accepted."""
    _check_offered(services)
    signed = create.signed(to_checksum_address(create.owner))
    token = await services.token.token()
    domain = _domain_of(token, signed.kind)
    _check_amount(services, signed)
    message = signed.token_message(services.deployment.sportsbook, services.deployment.scale)
    signature = check_token_signature(domain, message, bytes.fromhex(create.signature[2:]))
    relay_hash = token_digest(separator_of(domain), message)
    if (earlier := await _earlier(services, relay_hash)) is not None:
        return earlier
    now_s = await clock_of_chain(services)
    _check_times(signed, now_s)
    nonce = message.nonce if isinstance(message, Authorization) else bytes(32)
    address = str(services.deployment.token)
    holder = await services.chain.holder(address, signed.owner, nonce)
    _check_holder(services, signed, holder)
    # Only now: signatures of the past, which the chain shows, must not count against their owner.
    await services.limiter.count("account", signed.owner)
    return await _keep(services, signed, signature, relay_hash, now_s)


async def accept_request(services: Services, create: RequestCreate) -> Accepted:
    """Accept a signed request. Raises the refusal when it cannot be accepted."""
    _check_offered(services)
    if int(create.value) > MOST_OF[create.action]:
        raise BodyMalformed(
            f"value: for {create.action} it is at most {MOST_OF[create.action]}.", field="value"
        )
    # The house signs nothing, so no key of its has to count.
    context = await account_context(services, create.account, lambda *_: None)
    signed = create.signed(context.owner)
    request = signed.request()
    # No contract is asked: it could confirm its signature to us and deny it on the chain.
    signature = await check_signature(
        services.domain, request, bytes.fromhex(create.signature[2:]), context.owner, chain=None
    )
    relay_hash = services.domain.digest(request.struct_hash())
    if (earlier := await _earlier(services, relay_hash)) is not None:
        return earlier
    _check_times(signed, context.now_s)
    number = await services.chain.requests_relayed(create.account)
    if request.number != number:
        raise RelayNumberWrong(
            f"The account's next request has number {number}, not {request.number}; sign again"
            " with it.",
            number=str(number),
        )
    await services.limiter.count("account", str(create.account))
    return await _keep(services, signed, signature, relay_hash, context.now_s)


def _check_offered(services: Services) -> None:
    if services.settings.relay_gas_per_hour is None:
        raise RelayUnavailable(
            "This house sends nothing for owners: its operator has not set RELAY_GAS_PER_HOUR. Send"
            " the same to the contract with the wallet."
        )


def _domain_of(token: Token | None, kind: RelayKind) -> dict[str, object]:
    if token is None:
        raise NotReady(
            "The token has not been read from the chain yet; try again.", retry_after_s=2
        )
    is_permit = kind is RelayKind.PERMIT
    domain = token.permit_domain if is_permit else token.authorization_domain
    if domain is None:
        what = "permits (EIP-2612)" if is_permit else "authorizations (EIP-3009)"
        raise RelayUnavailable(
            f"The token does not support {what}; approve and deposit with the wallet instead."
        )
    return domain


async def _earlier(services: Services, relay_hash: bytes) -> Accepted | None:
    async with services.database.connection() as connection:
        known = await repository.is_known(connection, relay_hash)
    return Accepted(relay_hash, new=False) if known else None


def _check_amount(services: Services, signed: SignedRelay) -> None:
    scale = services.deployment.scale
    if not scale.is_whole(signed.value):
        raise AmountUneven(
            f"The token's unit is {tokens(scale.micro_per_unit)}; deposit a multiple of it.",
            unit_micro=str(scale.micro_per_unit),
        )
    least_micro = services.settings.min_stake_micro
    if signed.value < least_micro:
        raise DepositTooSmall(
            f"The house sends deposits of at least {tokens(least_micro)}. Deposit more, or send it"
            " with the wallet.",
            min_deposit_micro=str(least_micro),
        )


def _check_times(signed: SignedRelay, now_s: int) -> None:
    earliest_s, latest_s = now_s + LEAST_LIFE_S, now_s + MOST_LIFE_S
    if signed.valid_from_s is not None and signed.valid_from_s > now_s:
        raise RelayTooEarly(
            f"The authorization is valid from {utc(signed.valid_from_s)} on and it is now"
            f" {utc(now_s)}; sign again with an earlier time.",
            now_s=now_s,
        )
    if signed.valid_until_s < earliest_s:
        raise RelayExpired(
            f"It is valid until {utc(signed.valid_until_s)} and it is now {utc(now_s)}; sign again"
            f" with a deadline after {utc(earliest_s)}.",
            now_s=now_s,
            earliest_s=earliest_s,
        )
    if signed.valid_until_s > latest_s:
        raise DeadlineTooFar(
            f"The deadline may be at most {MOST_LIFE_S} s ahead, at {utc(latest_s)}; sign again"
            " with an earlier one.",
            now_s=now_s,
            latest_s=latest_s,
        )


def _check_holder(services: Services, signed: SignedRelay, holder: Holder) -> None:
    if signed.kind is RelayKind.PERMIT and signed.number != holder.permit_nonce:
        raise RelayNumberWrong(
            f"The owner's next permit has nonce {holder.permit_nonce}, not {signed.number}; sign"
            " again with it.",
            number=str(holder.permit_nonce),
        )
    if signed.kind is RelayKind.AUTHORIZATION and holder.authorization_used:
        raise AuthorizationUsed(
            "This authorization was used or cancelled; sign another one, with another salt."
        )
    scale = services.deployment.scale
    if holder.units < scale.to_units(signed.value):
        held_micro = scale.to_micro_down(holder.units)
        raise TokensInsufficient(
            f"{signed.owner} holds {tokens(held_micro)}, but the deposit is"
            f" {tokens(signed.value)}. Deposit less.",
            owner=signed.owner,
            held_micro=str(held_micro),
            needed_micro=str(signed.value),
        )


async def _keep(
    services: Services, signed: SignedRelay, signature: bytes, relay_hash: bytes, now_s: int
) -> Accepted:
    """Store it if the contract would accept it, and if the owner and the house are within their
    limits."""
    if (reason := await services.migration_missing()) is not None:
        raise NotReady(reason, retry_after_s=5)
    error = await services.chain.revert_of(signed.call_data(signature), signed.gas)
    if error is not None:
        raise RelayReverts(
            f"The contract would refuse this now ({error}). Nothing was accepted; correct what the"
            " error names, and sign again.",
            error=error,
        )
    try:
        async with services.database.transaction() as connection:
            await repository.lock_relays(connection)
            if await repository.is_known(connection, relay_hash):
                return Accepted(relay_hash, new=False)
            standing = await repository.standing(connection, services.mirror_key, signed)
            if standing is None:
                raise mirror_missing()
            _check_standing(signed, standing)
            _check_budget(signed, standing, services.settings.relay_gas_per_hour or 0)
            await repository.insert_relay(
                connection, relay_hash, signed, signature, now_s, standing.counted_at_s
            )
    except LockNotAvailable:
        raise busy() from None
    return Accepted(relay_hash, new=True)


def _check_standing(signed: SignedRelay, standing: Standing) -> None:
    what = "deposit" if signed.is_deposit else "request"
    if standing.live is not None:
        raise RelayPending(
            f"Another {what} of this owner is on its way to the chain; try again when it is there,"
            " or send this one with the wallet.",
            retry_after_s=5,
            relay_hash=f"0x{bytes(standing.live).hex()}",
        )
    if standing.failed_in_day >= MOST_FAILED:
        raise RelayLimit(
            f"{MOST_FAILED} {what}s of this owner had no effect on the chain within a day, for"
            " example because tokens were moved away after signing: send it with the wallet, or try"
            " again tomorrow.",
            retry_after_s=HOUR_S,
        )
    if standing.in_hour >= MOST_IN_HOUR:
        raise RelayLimit(
            f"The house sends {MOST_IN_HOUR} {what}s of an owner in an hour; send it with the"
            " wallet, or try again later.",
            retry_after_s=_left_s(standing, standing.first_in_hour_s, HOUR_S),
        )
    if standing.in_day >= MOST_IN_DAY:
        raise RelayLimit(
            f"The house sends {MOST_IN_DAY} {what}s of an owner in a day; send it with the wallet,"
            " or try again later.",
            retry_after_s=_left_s(standing, standing.first_in_day_s, DAY_S),
        )


def _check_budget(signed: SignedRelay, standing: Standing, budget: int) -> None:
    if signed.kind is not RelayKind.EXCLUDE:
        budget -= budget * _KEPT_NUMERATOR // _KEPT_DENOMINATOR
    if standing.gas_of_hour + signed.gas > budget:
        raise RelayBudget(
            "The house's gas budget for this hour is used up; send it with the wallet,"
            " or try again later.",
            retry_after_s=_left_s(standing, standing.first_of_hour_s, HOUR_S),
        )


def _left_s(standing: Standing, first_s: int | None, period_s: int) -> int:
    """How long until the first of a period no longer counts."""
    if first_s is None:
        return period_s
    return max(1, first_s + period_s - standing.counted_at_s)
