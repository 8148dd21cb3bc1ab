"""Defines the settings of the API."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator, model_validator

from backend.deployment import LOCAL_CHAIN_IDS
from backend.settings import RpcUrls, first_url, private_key
from backend.stream_settings import StreamSettings
from protocol.limits import MAX_LEGS, MAX_MICRO, MAX_SECONDS_AFTER_BASE


class ApiSettings(StreamSettings):
    """What the API needs. `max_deadline_s` is how far ahead a slip's deadline may lie,
    `max_odds_age_ms` how old the odds process's last heartbeat may be, `max_clock_skew_s` how far
    the clock and the newest block's time may differ, with CLOCK=wall. What owners sign for the
    house to send may take `relay_gas_per_hour`; nothing is sent without it. Outstanding quotes
    commit the house to at most `quote_budget_micro`, and last `quote_s`; none is signed without
    them. At the node of `rpc_url` the API reads what its keys may still commit."""

    rpc_url: RpcUrls
    receipt_signer_key: SecretStr
    withdrawal_signer_key: SecretStr
    cash_out_signer_key: SecretStr | None = None
    cash_out_offer_s: int = Field(ge=5, le=300)
    relay_gas_per_hour: int | None = Field(default=None, gt=0)
    quote_budget_micro: int | None = Field(default=None, gt=0, le=MAX_MICRO)
    quote_s: int | None = Field(default=None, ge=10, le=120)
    min_stake_micro: int = Field(gt=0)
    max_stake_micro: int = Field(gt=0, le=MAX_MICRO)
    max_payout_micro: int = Field(gt=0, le=MAX_MICRO)
    max_legs: int = Field(gt=0, le=MAX_LEGS)
    max_deadline_s: int = Field(gt=0, le=MAX_SECONDS_AFTER_BASE // 2)
    max_odds_age_ms: int = Field(gt=0)
    max_clock_skew_s: int = Field(gt=0)
    local_control: bool = False
    explorer_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    walletconnect_project_id: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")

    @field_validator("explorer_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        return None if value is None else value.rstrip("/")

    @field_validator("receipt_signer_key", "withdrawal_signer_key", "cash_out_signer_key")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            private_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _check_limits(self) -> ApiSettings:
        if not self.min_stake_micro <= self.max_stake_micro <= self.max_payout_micro:
            raise ValueError(
                "MIN_STAKE_MICRO, MAX_STAKE_MICRO and MAX_PAYOUT_MICRO must be in ascending order"
            )
        if (self.quote_budget_micro is None) is not (self.quote_s is None):
            raise ValueError(
                "QUOTE_BUDGET_MICRO and QUOTE_S go together: set both, or neither for no quotes"
            )
        if self.local_control and self.chain_id not in LOCAL_CHAIN_IDS:
            raise ValueError(
                f"LOCAL_CONTROL moves the clock and mints tokens, and chain {self.chain_id} is not"
                " a local one (1337 or 31337): leave it out"
            )
        if self.receipt_key_bytes == self.withdrawal_key_bytes:
            raise ValueError(
                "RECEIPT_SIGNER_KEY and WITHDRAWAL_SIGNER_KEY are the same key; on the sportsbook a"
                " key has one role, so each needs a key of its own"
            )
        if self.cash_out_key_bytes in (self.receipt_key_bytes, self.withdrawal_key_bytes):
            raise ValueError(
                "CASH_OUT_SIGNER_KEY is the key of another role; on the sportsbook a key has one"
                " role, so each needs a key of its own"
            )
        return self

    @property
    def cash_out_key_bytes(self) -> bytes | None:
        """The key that signs cash-outs, where there is one."""
        key = self.cash_out_signer_key
        return None if key is None else private_key(key.get_secret_value())

    @property
    def receipt_key_bytes(self) -> bytes:
        """The key that signs receipts."""
        return private_key(self.receipt_signer_key.get_secret_value())

    @property
    def withdrawal_key_bytes(self) -> bytes:
        """The key that countersigns withdrawals."""
        return private_key(self.withdrawal_signer_key.get_secret_value())

    @property
    def first_rpc_url(self) -> str:
        """The chain node to ask."""
        return first_url(self.rpc_url)
