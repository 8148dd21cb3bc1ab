"""Serves addresses and ABI of the contracts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path

from backend.contracts.models import ContractsPublic, Eip712Domain, TokenPublic
from backend.local_control.allowed import is_allowed
from backend.problems import BodyMalformed, responses
from backend.services import ServicesDep
from protocol.abi import load

router = APIRouter(prefix="/v1", tags=["contracts"])


class Contract(StrEnum):
    """The contracts that clients call."""

    SPORTSBOOK = "Sportsbook"
    RESULTS = "Results"
    BANKROLL = "Bankroll"


@router.get("/contracts")
async def get_contracts(services: ServicesDep) -> ContractsPublic:
    """Returns the addresses of the contracts, and the token with the domains of its permits and
    authorizations."""
    deployment = services.deployment
    token = await services.token.token()
    return ContractsPublic(
        chain_id=deployment.chain_id,
        sportsbook=deployment.sportsbook,
        results=deployment.results,
        bankroll=deployment.bankroll,
        token=TokenPublic(
            address=deployment.token,
            decimals=deployment.token_decimals,
            name=None if token is None else token.name,
            symbol=None if token is None else token.symbol,
            permit_domain=_domain(None if token is None else token.permit_domain),
            authorization_domain=_domain(None if token is None else token.authorization_domain),
        ),
        rpc_url=services.local_node,
        explorer_url=services.settings.explorer_url,
        walletconnect_project_id=services.settings.walletconnect_project_id,
        local_control=is_allowed(services),
    )


def _domain(domain: dict[str, Any] | None) -> Eip712Domain | None:
    return None if domain is None else Eip712Domain(**domain)


@router.get("/contracts/{name}/abi", responses=responses(BodyMalformed))
async def get_abi(
    name: Annotated[Contract, Path(description="Name of the contract.")],
) -> list[dict[str, Any]]:
    """Returns the ABI of a contract, as viem, ethers and web3.py take it."""
    return load(name)
