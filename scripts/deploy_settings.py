"""Reads the parameters of a deployment from the environment; it asks no chain.

A local chain (id 1337 or 31337) has defaults for all of them, with the keys of the well-known test
mnemonic. Any other chain has none: every choice about money, roles and time is made by its owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from protocol.limits import LOCAL_CHAIN_IDS, MAX_MICRO
from protocol.roles import Role
from scripts.devnet.chain import account_key

# Which of the funded test keys does what on a local chain.
OWNER, OPERATOR, RECEIPT_SIGNER, GUARDIAN = 0, 1, 2, 3
RESULT_SIGNERS = (4, 5, 6)
ARBITER = 7
CASH_OUT_SIGNER, WITHDRAWAL_SIGNER = 8, 9
LOCAL_NUMBERS = {
    "RESULT_THRESHOLD": 2,
    "BATCH_WINDOW_S": 60,
    "RECEIPT_WINDOW_S": 600,
    "EXIT_DELAY_S": 1_800,
    "CASH_OUT_AGE_S": 660,
    "NOTICE_S": 3_600,
    "HORIZON_S": 400 * 24 * 3_600,
    "DISPUTE_WINDOW_S": 600,
    "COUNCIL_NOTICE_S": 3_600,
    "DISPUTE_BOND_MICRO": 100_000_000,
    "MARKET_CAP_MICRO": 250_000_000_000,
    "FIXTURE_CAP_MICRO": 500_000_000_000,
    "ACCUMULATOR_CAP_MICRO": 250_000_000_000,
    "BATCH_BUDGET_MICRO": 500_000_000_000,
    "RECEIPT_BUDGET_MICRO": 100_000_000_000,
    "CASH_OUT_BUDGET_MICRO": 100_000_000_000,
    "COMMISSION_BPS": 0,
    "BANKROLL_MICRO": 1_000_000_000_000,
}
# The bounds of the sportsbook's constructor, in seconds.
MAX_BATCH_WINDOW_S = 120
MAX_RECEIPT_WINDOW_S = 3_600
MAX_LAG_S = 300
DAY_S = 24 * 3_600
MAX_COMMISSION_BPS = 2_000


class SettingsInvalid(ValueError):
    """What is missing or wrong in the environment, and what to set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is deployed. `token` is None where a test token is deployed too; times in seconds."""

    chain_id: int
    token: str | None
    owner: str
    operator: str
    receipt_signer: str
    cash_out_signer: str
    withdrawal_signer: str
    guardian: str
    arbiter: str
    result_signers: tuple[str, ...]
    result_threshold: int
    batch_window_s: int
    receipt_window_s: int
    exit_delay_s: int
    cash_out_age_s: int
    notice_s: int
    horizon_s: int
    dispute_window_s: int
    council_notice_s: int
    dispute_bond_micro: int
    market_cap_micro: int
    fixture_cap_micro: int
    accumulator_cap_micro: int
    batch_budget_micro: int
    receipt_budget_micro: int
    cash_out_budget_micro: int
    commission_bps: int
    commission_to: str
    bankroll_micro: int

    @property
    def rules(self) -> tuple[int, ...]:
        """The contracts' struct Rules."""
        return (
            self.batch_window_s,
            self.receipt_window_s,
            self.exit_delay_s,
            self.cash_out_age_s,
            self.notice_s,
            self.horizon_s,
        )

    @property
    def limits(self) -> tuple[int, ...]:
        """The contracts' struct Limits. What receipts may commit stays free for them."""
        return (
            self.market_cap_micro,
            self.fixture_cap_micro,
            self.accumulator_cap_micro,
            self.receipt_budget_micro,
        )

    @property
    def keys(self) -> tuple[tuple[str, Role, int], ...]:
        """The contracts' structs KeyGrant of the house's keys."""
        return (
            (self.operator, Role.OPERATOR, self.batch_budget_micro),
            (self.receipt_signer, Role.RECEIPTS, self.receipt_budget_micro),
            (self.cash_out_signer, Role.CASH_OUTS, self.cash_out_budget_micro),
            (self.withdrawal_signer, Role.WITHDRAWALS, 0),
        )

    def parameters(self) -> dict[str, Any]:
        """The settings as the deployment file has them."""
        found = asdict(self)
        del found["chain_id"]
        found["result_signers"] = list(self.result_signers)
        return found

    def differences(self, parameters: Mapping[str, Any]) -> list[str]:
        """Names of the settings that differ from those of an earlier deployment."""
        asked = self.parameters()
        return sorted(name for name in asked if asked[name] != parameters.get(name))


def is_local(chain_id: int) -> bool:
    """Whether a chain is a local one, which is discarded after use."""
    return chain_id in LOCAL_CHAIN_IDS


def local_address(index: int) -> str:
    """Checksummed address of a funded test key."""
    from eth_account import Account

    return str(Account.from_key(account_key(index)).address)


def read(environment: Mapping[str, str], chain_id: int) -> Settings:
    """The settings that the environment asks for. Raises SettingsInvalid, naming
    everything that is missing or wrong."""
    return _Reader(environment, chain_id).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str], chain_id: int) -> None:
        self._environment = environment
        self._chain_id = chain_id
        self._local = is_local(chain_id)
        self._missing: list[str] = []
        self._wrong: list[str] = []

    def settings(self) -> Settings:
        token = self._token()
        settings = Settings(
            chain_id=self._chain_id,
            token=token,
            owner=self._role("OWNER", OWNER),
            operator=self._role("OPERATOR", OPERATOR),
            receipt_signer=self._role("RECEIPT_SIGNER", RECEIPT_SIGNER),
            cash_out_signer=self._role("CASH_OUT_SIGNER", CASH_OUT_SIGNER),
            withdrawal_signer=self._role("WITHDRAWAL_SIGNER", WITHDRAWAL_SIGNER),
            guardian=self._role("GUARDIAN", GUARDIAN),
            arbiter=self._role("ARBITER", ARBITER),
            result_signers=self._roles("RESULT_SIGNERS", RESULT_SIGNERS),
            result_threshold=self._number("RESULT_THRESHOLD", 255),
            batch_window_s=self._number("BATCH_WINDOW_S", MAX_BATCH_WINDOW_S),
            receipt_window_s=self._number("RECEIPT_WINDOW_S", MAX_RECEIPT_WINDOW_S),
            exit_delay_s=self._number("EXIT_DELAY_S", 7 * DAY_S),
            cash_out_age_s=self._number("CASH_OUT_AGE_S", DAY_S),
            notice_s=self._number("NOTICE_S", 30 * DAY_S),
            horizon_s=self._number("HORIZON_S", 400 * DAY_S, minimum=DAY_S),
            dispute_window_s=self._number("DISPUTE_WINDOW_S", 7 * DAY_S),
            council_notice_s=self._number("COUNCIL_NOTICE_S", 30 * DAY_S),
            dispute_bond_micro=self._number("DISPUTE_BOND_MICRO", MAX_MICRO, minimum=0),
            market_cap_micro=self._number("MARKET_CAP_MICRO", MAX_MICRO),
            fixture_cap_micro=self._number("FIXTURE_CAP_MICRO", MAX_MICRO),
            accumulator_cap_micro=self._number("ACCUMULATOR_CAP_MICRO", MAX_MICRO),
            batch_budget_micro=self._number("BATCH_BUDGET_MICRO", MAX_MICRO),
            receipt_budget_micro=self._number("RECEIPT_BUDGET_MICRO", MAX_MICRO),
            cash_out_budget_micro=self._number("CASH_OUT_BUDGET_MICRO", MAX_MICRO),
            commission_bps=self._number("COMMISSION_BPS", MAX_COMMISSION_BPS, minimum=0),
            commission_to=self._role("COMMISSION_TO", OWNER),
            bankroll_micro=self._bankroll(token),
        )
        if not self._missing and not self._wrong:
            self._check(settings)
        if self._missing:
            names = ", ".join(self._missing)
            self._wrong.insert(0, f"set {names}: chain {self._chain_id} has no defaults for them")
        if self._wrong:
            raise SettingsInvalid("; ".join(self._wrong) + ".")
        return settings

    def _check(self, settings: Settings) -> None:
        signers = settings.result_signers
        if len(set(signers)) != len(signers):
            self._wrong.append("RESULT_SIGNERS names a signer twice")
        if settings.result_threshold > len(signers):
            self._wrong.append(
                f"RESULT_THRESHOLD={settings.result_threshold} is more than the {len(signers)}"
                " RESULT_SIGNERS"
            )
        if 2 * settings.result_threshold <= len(signers):
            self._wrong.append(
                f"RESULT_THRESHOLD={settings.result_threshold} is not more than half of the"
                f" {len(signers)} RESULT_SIGNERS, so that two groups could publish different"
                " results"
            )
        addresses = [address for address, *_ in settings.keys if address]
        for address in {one for one in addresses if addresses.count(one) > 1}:
            self._wrong.append(
                f"{address} is named for two of OPERATOR, RECEIPT_SIGNER, CASH_OUT_SIGNER and"
                " WITHDRAWAL_SIGNER: each needs a key of its own, so that a stolen key has one"
                " role only"
            )
        others = {
            "OWNER": settings.owner,
            "GUARDIAN": settings.guardian,
            "ARBITER": settings.arbiter,
            "COMMISSION_TO": settings.commission_to,
            **{f"RESULT_SIGNERS[{i}]": signer for i, signer in enumerate(signers)},
        }
        for name, address in others.items():
            if address and address in addresses:
                self._wrong.append(
                    f"{name} names {address}, a key of the house: whoever steals it would have"
                    " both roles"
                )
        receipt_window_s = settings.receipt_window_s
        self._at_least(
            settings, "receipt_window_s", 2 * settings.batch_window_s, "twice BATCH_WINDOW_S"
        )
        self._at_least(
            settings,
            "exit_delay_s",
            2 * receipt_window_s + MAX_LAG_S,
            f"twice RECEIPT_WINDOW_S and {MAX_LAG_S} s, so that accepted slips can still be placed",
        )
        leave_s = settings.exit_delay_s + receipt_window_s
        for name in ("notice_s", "council_notice_s"):
            self._at_least(
                settings,
                name,
                leave_s,
                "EXIT_DELAY_S and RECEIPT_WINDOW_S, so that bettors can exit first",
            )
        self._at_least(
            settings,
            "dispute_window_s",
            receipt_window_s,
            "RECEIPT_WINDOW_S, so that no bet is placed on a final result",
        )
        self._at_least(
            settings,
            "cash_out_age_s",
            receipt_window_s + 1,
            "a second more than RECEIPT_WINDOW_S, so that no bet is enforced and cashed out at"
            " once",
        )

    def _at_least(self, settings: Settings, name: str, least_s: int, why: str) -> None:
        value = getattr(settings, name)
        if value < least_s:
            self._wrong.append(f"{name.upper()}={value} must be at least {least_s}: {why}")

    def _value(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def _token(self) -> str | None:
        asked = self._value("TOKEN")
        test_token = self._value("TEST_TOKEN") == "1"
        if test_token and not self._local:
            self._wrong.append(
                f"TEST_TOKEN=1 is for local chains, not for chain {self._chain_id}: anybody can"
                " mint it; set TOKEN to the address of a token with 0 to 18 decimals"
            )
            return None
        if asked and test_token:
            self._wrong.append("give TOKEN or TEST_TOKEN=1, not both")
        if not asked:
            if not self._local:
                self._missing.append("TOKEN")
            return None
        return self._address("TOKEN", asked)

    def _role(self, name: str, index: int) -> str:
        asked = self._value(name)
        if asked:
            return self._address(name, asked)
        if self._local:
            return local_address(index)
        self._missing.append(name)
        return ""

    def _roles(self, name: str, indices: tuple[int, ...]) -> tuple[str, ...]:
        asked = self._value(name)
        if asked:
            return tuple(self._address(name, part.strip()) for part in asked.split(","))
        if self._local:
            return tuple(local_address(index) for index in indices)
        self._missing.append(name)
        return ()

    def _address(self, name: str, asked: str) -> str:
        if not is_address(asked) or int(asked, 16) == 0:
            self._wrong.append(f"{name}={asked} is not an address")
            return ""
        return str(to_checksum_address(asked))

    def _number(self, name: str, most: int, minimum: int = 1) -> int:
        asked = self._value(name)
        if not asked:
            if self._local:
                return LOCAL_NUMBERS[name]
            self._missing.append(name)
            return 0
        if not asked.isascii() or not asked.isdigit() or not minimum <= int(asked) <= most:
            self._wrong.append(f"{name}={asked} is not a whole number from {minimum} to {most}")
            return 0
        return int(asked)

    def _bankroll(self, token: str | None) -> int:
        """The bankroll that is minted at the start; only a test token can be."""
        if self._local and token is None:
            return self._number("BANKROLL_MICRO", MAX_MICRO, minimum=0)
        if self._value("BANKROLL_MICRO") not in ("", "0"):
            self._wrong.append(
                "BANKROLL_MICRO needs the test token: with a real token deposit into the Bankroll"
                " contract instead"
            )
        return 0
