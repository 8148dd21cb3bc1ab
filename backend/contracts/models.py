"""Defines the JSON of the contracts and their token."""

from __future__ import annotations

from pydantic import BaseModel, Field

from backend import examples


class Eip712Domain(BaseModel):
    """An EIP-712 domain, as wallets take it."""

    name: str = Field(examples=["Fairline"])
    version: str = Field(examples=["1"])
    chainId: int = Field(examples=[1337])
    verifyingContract: str = Field(examples=[examples.CONTRACT])


class TokenPublic(BaseModel):
    """The token in which bets are paid. An amount of the API is in micro-units (10^-6 of the
    token), one of the token's own functions in its units: 10^`decimals` of them are one token.
    `permit_domain` is that of its permits (EIP-2612), `authorization_domain` that of its
    authorizations (EIP-3009); null when it takes none. What the token says itself is null while no
    chain node answers."""

    address: str | None = Field(examples=[examples.TOKEN])
    decimals: int = Field(examples=[6])
    name: str | None = Field(examples=["Fairline Test Dollar"])
    symbol: str | None = Field(examples=["tUSD"])
    permit_domain: Eip712Domain | None
    authorization_domain: Eip712Domain | None


class ContractsPublic(BaseModel):
    """Where the contracts are. GET /v1/contracts/{name}/abi has the ABI of each."""

    chain_id: int = Field(examples=[1337])
    sportsbook: str = Field(examples=[examples.CONTRACT])
    results: str = Field(examples=[examples.RESULTS])
    bankroll: str | None = Field(examples=[examples.BANKROLL])
    token: TokenPublic
    rpc_url: str | None = Field(
        examples=["http://127.0.0.1:8545"],
        description="A chain node for wallets and pages, on local chains (1337 and 31337) only.",
    )
    explorer_url: str | None = Field(
        examples=[None],
        description="A block explorer of the chain, whose /tx/{hash} shows a transaction.",
    )
    walletconnect_project_id: str | None = Field(
        examples=[None],
        description="Id of the WalletConnect project, with which wallets on other devices connect.",
    )
    local_control: bool = Field(
        examples=[True],
        description="Whether this server has the match-day control of a local chain, /v1/local.",
    )
