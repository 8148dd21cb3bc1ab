"""Serves slips, and what a wallet needs to sign them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from pydantic import AfterValidator

from backend.api.json_bodies import JsonRoute
from backend.contracts.models import Eip712Domain
from backend.fields import AccountNumber, Hash
from backend.markets.names import kind_name, outcome_labels
from backend.mirror.enforcement import ENFORCEABLE
from backend.mirror.slips import OF_ACCOUNT, STATUS, STATUS_BY_HASH
from backend.paging import PagingByTwo
from backend.problems import (
    BODY_REFUSALS,
    BodyMalformed,
    NotFound,
    NotReady,
    RateLimited,
    responses,
)
from backend.relays.accepting import MOST_LIFE_S
from backend.services import Services, ServicesDep
from backend.slips.acceptance import AcceptancesDep
from backend.slips.account_checks import MAX_PENDING
from backend.slips.answers import answered
from backend.slips.enforcing import enforcement
from backend.slips.house_checks import quotes_of_account
from backend.slips.message_sets import message_sets
from backend.slips.models import (
    EnforcementPublic,
    LimitsPublic,
    QuotingPublic,
    ReceiptPublic,
    RelayingPublic,
    SlipAccepted,
    SlipCreate,
    SlipLegPublic,
    SlipPage,
    SlipPublic,
    TypedDataPublic,
)
from backend.slips.refusals import (
    SLIP_REFUSALS,
    NothingToReplace,
    ReceiptExpired,
    SlipPlaced,
)
from backend.slips.status import reason_of, status_of
from backend.slips.submissions import limits_of
from protocol.market_id import PERIOD_NAMES, MarketId
from protocol.wallet_messages import all_types, domain_of

router = APIRouter(prefix="/v1", tags=["slips"], route_class=JsonRoute)

SlipId = Annotated[uuid.UUID, Path(description="`id` of the accepted slip.")]


def _storable(key: str | None) -> str | None:
    """PostgreSQL stores no NUL, and answers with an error for the whole group."""
    if key is not None and "\0" in key:
        raise ValueError("an idempotency key cannot contain a NUL character")
    return key


IdempotencyKey = Annotated[
    str | None,
    AfterValidator(_storable),
    Header(
        max_length=255,
        min_length=1,
        description="Identifies this submission; defaults to the slip's hash.",
    ),
]


@router.get("/typed-data")
async def get_typed_data(services: ServicesDep) -> TypedDataPublic:
    """Returns what wallets sign, one set of domain, types and an example message for each primary
    type, and the limits on slips."""
    limits = limits_of(services)
    domain = domain_of(services.domain)
    try:
        now_s = await services.now_s()
    except NotReady:
        now_s = None
    return TypedDataPublic(
        domain=Eip712Domain(**domain),
        messages=message_sets(domain, await services.token.token()),
        types=all_types(),
        limits=LimitsPublic(
            min_stake_micro=str(limits.min_stake_micro),
            max_stake_micro=str(limits.max_stake_micro),
            max_payout_micro=str(limits.max_payout_micro),
            max_legs=limits.max_legs,
            max_pending_slips=MAX_PENDING,
            max_deadline_s=limits.max_deadline_s,
            receipt_window_s=services.windows.receipt_window_s,
            exit_delay_s=services.windows.exit_delay_s,
        ),
        receipt_signer=services.receipt_signer.address,
        withdrawal_signer=services.withdrawal_signer.address,
        cash_out_signer=services.cash_out_signer.address if services.cash_out_signer else None,
        relaying=_relaying(services),
        quoting=_quoting(services),
        now_s=now_s,
    )


def _relaying(services: Services) -> RelayingPublic | None:
    if services.settings.relay_gas_per_hour is None:
        return None
    return RelayingPublic(
        min_deposit_micro=str(services.settings.min_stake_micro), max_deadline_s=MOST_LIFE_S
    )


def _quoting(services: Services) -> QuotingPublic | None:
    budget_micro, lasts_s = services.settings.quote_budget_micro, services.settings.quote_s
    if budget_micro is None or lasts_s is None:
        return None
    return QuotingPublic(lasts_s=lasts_s, max_win_micro=str(quotes_of_account(budget_micro)))


@router.post(
    "/slips",
    status_code=201,
    responses={
        200: {"model": SlipAccepted, "description": "The slip was accepted before."},
        **responses(*BODY_REFUSALS, *SLIP_REFUSALS, RateLimited, NotReady),
    },
)
async def post_slip(
    services: ServicesDep,
    acceptances: AcceptancesDep,
    response: Response,
    create: SlipCreate,
    idempotency_key: IdempotencyKey = None,
) -> SlipAccepted:
    """Submits a signed slip. With 201 the house commits to it: the bet is placed on the chain, or
    GET /v1/slips/{id} says why not. The receipt lets the bettor place it without the operator."""
    new, members = await answered(services, acceptances, create, idempotency_key)
    response.status_code = 201 if new else 200
    return SlipAccepted.model_validate(members)


@router.get("/slips/{slip}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_slip(services: ServicesDep, slip: SlipId) -> SlipPublic:
    """Returns an accepted slip with its status, derived from what the chain shows."""
    row = await services.database.row(STATUS, {**services.mirror_key, "id": slip})
    return await _found(services, row, str(slip))


@router.get("/slips/by-hash/{slip_hash}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_slip_by_hash(services: ServicesDep, slip_hash: Hash) -> SlipPublic:
    """Returns an accepted slip by its EIP-712 struct hash, which the receipt names."""
    parameters = {**services.mirror_key, "struct_hash": bytes.fromhex(slip_hash[2:])}
    row = await services.database.row(STATUS_BY_HASH, parameters)
    return await _found(services, row, slip_hash)


@router.get("/accounts/{account}/slips", responses=responses(BodyMalformed, NotReady))
async def get_slips(services: ServicesDep, account: AccountNumber, paging: PagingByTwo) -> SlipPage:
    """Lists the accepted slips of an account with their status, those accepted last first."""
    parameters = {**services.mirror_key, "account": account}
    order = ("accepted_at_s", "nonce")
    page = await paging.read(services.database, OF_ACCOUNT, parameters, order)
    return SlipPage(slips=[_slip(services, row) for row in page.rows], next_cursor=page.next_cursor)


async def _found(services: Services, row: dict[str, Any] | None, asked: str) -> SlipPublic:
    """Raises NotFound when there is no row."""
    if row is None:
        # Without a mirror no slip is found, which is another answer.
        await services.now_s()
        raise NotFound(f"No slip {asked} was accepted.")
    return _slip(services, row)


def _slip(services: Services, row: dict[str, Any]) -> SlipPublic:
    legs = [_leg(leg) for leg in row["legs"]]
    struct_hash = bytes(row["struct_hash"])
    status = status_of(row)
    return SlipPublic(
        id=row["id"],
        slip_hash=f"0x{struct_hash.hex()}",
        status=status,
        reason=reason_of(row) if status == "refused" else None,
        account=row["account"],
        nonce=row["nonce"],
        stake_micro=str(row["stake_micro"]),
        min_odds_e4=row["min_odds_e4"],
        deadline_s=row["deadline_s"],
        payout_max_micro=str(row["payout_max_micro"]),
        legs=legs,
        receipt=_receipt(
            services,
            struct_hash,
            row["accepted_at_s"],
            [leg.odds_e4 for leg in legs],
            bytes(row["receipt_signature"]),
        ),
        enforce_until_s=row["accepted_at_s"] + services.windows.receipt_window_s,
        batch=row["batch"],
        bet=row["bet"],
        tx_hash=None if row["tx_hash"] is None else f"0x{bytes(row['tx_hash']).hex()}",
        stage=row["stage"],
    )


@router.get(
    "/slips/{slip}/enforcement",
    responses=responses(
        NotFound, BodyMalformed, SlipPlaced, ReceiptExpired, NothingToReplace, NotReady
    ),
)
async def get_enforcement(services: ServicesDep, slip: SlipId) -> EnforcementPublic:
    """Returns the transaction with which an accepted slip is placed by its receipt, without the
    operator."""
    row = await services.database.row(ENFORCEABLE, {**services.mirror_key, "id": slip})
    if row is None:
        await services.now_s()
        raise NotFound(f"No slip {slip} was accepted.")
    window_s = services.windows.receipt_window_s
    call = enforcement(row, services.domain, window_s)
    r, vs = call.receipt
    return EnforcementPublic(
        chain_id=services.domain.chain_id,
        to=services.domain.contract,
        function=call.function,
        data=f"0x{call.data.hex()}",
        sender=call.sender,
        enforce_until_s=row["accepted_at_s"] + window_s,
        batch=f"0x{call.batch.hex()}",
        r=f"0x{r.hex()}",
        vs=f"0x{vs.hex()}",
    )


def _receipt(
    services: Services,
    struct_hash: bytes,
    accepted_at_s: int,
    odds_e4: Sequence[int],
    signature: bytes,
) -> ReceiptPublic:
    return ReceiptPublic(
        slip=f"0x{struct_hash.hex()}",
        accepted_at_s=accepted_at_s,
        odds_e4=list(odds_e4),
        signer=services.receipt_signer.address,
        signature=f"0x{signature.hex()}",
    )


def _leg(leg: dict[str, Any]) -> SlipLegPublic:
    market = MarketId.unpack(bytes.fromhex(leg["market"]))
    return SlipLegPublic(
        market=f"0x{leg['market']}",
        fixture=leg["fixture"],
        competition=leg["competition"],
        kind=kind_name(market),
        period=PERIOD_NAMES[market.period],
        outcome=outcome_labels(market)[leg["outcome"]],
        outcome_number=leg["outcome"],
        odds_e4=leg["odds_e4"],
    )
