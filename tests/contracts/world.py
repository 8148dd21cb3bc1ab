"""Acts for the people of a deployed house in the tests of the contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from brownie import MockWallet, accounts, web3
from brownie.exceptions import VirtualMachineError

from protocol.limits import MAX_TIME_S
from protocol.market_id import MarketId, fixture_id
from protocol.placed_event import PlacedBatch
from protocol.roles import Role
from protocol.scale import MICRO_DECIMALS
from protocol.typed_data import (
    RESULTS_NAME,
    CashOut,
    Domain,
    Quote,
    Result,
    ResultSheet,
    Withdrawal,
)
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.deployed_house import DeployedHouse
from tests.contracts.events import Placed, placed
from tests.support import calls
from tests.support.batches import pack, run
from tests.support.deployment import Limits
from tests.support.people import (
    CASH_OUT_SIGNER,
    WITHDRAWAL_SIGNER,
    Bettor,
    council,
    key,
    key_address,
    stranger_key,
)
from tests.support.signing import (
    FIRST_TERM,
    Message,
    Pair,
    receipt_of,
    score,
    sign_pair,
    sign_raw,
    sign_sheet,
)
from tests.support.slips import NAME, Pick, Signed, sign_slip
from tests.support.terms import (
    BOND_MICRO,
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    DISPUTE_WINDOW_S,
    NOTICE_S,
)


@contextmanager
def reverts(error: str, *values: Any) -> Iterator[None]:
    """Expects a revert with this custom error (`A|B`: with either), and these values when any are
    given."""
    try:
        yield
    except VirtualMachineError as caught:
        said = str(caught.revert_msg)
        name, _, rest = said.partition(": ")
        assert name in error.split("|"), f"reverted with {said!r}, not with {error}"
        if values:
            assert rest.lower() == ", ".join(map(str, values)).lower(), said
        return
    raise AssertionError(f"did not revert with {error}")


class World(DeployedHouse):
    """A deployed house, with its bettors, its clock, and what everybody signs and sends."""

    def __init__(
        self,
        commission_bps: int = 0,
        token_contract: str = "TestToken",
        decimals: int = MICRO_DECIMALS,
    ) -> None:
        self._bettors: dict[int, Bettor] = {}
        super().__init__(commission_bps, token_contract, decimals)

    # -- People

    def open_account(self, index: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """An account of a funded key, from 10 on; opened when it is not yet."""
        return self.open_for(key_address(key(index)), key(index), deposit_micro)

    def open_for(self, address: str, key_: bytes, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        self.sportsbook.depositFor(address, deposit_micro, {"from": self.owner})
        bettor = Bettor(self.sportsbook.accountOf(address), address, key_)
        self._bettors[bettor.account] = bettor
        return bettor

    def stranger(self, number: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """A bettor who never sends a transaction."""
        key_ = stranger_key(number)
        return self.open_for(key_address(key_), key_, deposit_micro)

    def open_wallet(self, key_: bytes, deposit_micro: int = DEPOSIT_MICRO) -> tuple[Any, Bettor]:
        """A contract wallet that takes this key's signatures (ERC-1271), and its account."""
        wallet = MockWallet.deploy(key_address(key_), {"from": self.owner})
        return wallet, self.open_for(wallet.address, key_, deposit_micro)

    def sender(self, bettor: Bettor) -> dict[str, Any]:
        """Lets the bettor send a transaction, a stranger too."""
        sender = accounts.add(bettor.key)
        if sender.balance() == 0:
            self.owner.transfer(sender, 10**18, silent=True)
        return {"from": sender}

    def sender_of(self, signed: Signed) -> dict[str, Any]:
        """Lets the owner of a slip's account send a transaction; a stranger for a wallet that is a
        contract."""
        bettor = self._bettors[signed.slip.account]
        if key_address(bettor.key) != bettor.address:
            return self.by_stranger
        return self.sender(bettor)

    @property
    def by_stranger(self) -> dict[str, Any]:
        """Lets somebody without an account send a transaction."""
        return {"from": accounts[60]}

    def balance(self, bettor: Bettor) -> int:
        return self.sportsbook.accountAt(bettor.account)[1]

    def exclude(self, bettor: Bettor, until_s: int) -> Any:
        """The bettor shuts the account to bets."""
        return self.sportsbook.excludeSelf(until_s, self.sender(bettor))

    # -- Limits and keys

    def set_limits(self, **limits: int) -> Any:
        """Other limits of the house, when their notice is over: fields of Limits."""
        wanted = Limits(**limits).arguments()
        self.sportsbook.proposeLimits(wanted, {"from": self.owner})
        self.travel_to(self.clock() + NOTICE_S)
        return self.sportsbook.applyLimits(wanted, {"from": accounts[60]})

    def leave_in_bankroll(self, left_micro: int) -> int:
        """The provider takes all but this out of the bankroll, of which nothing has to stay free
        for receipts any more; returns the time of a block after it."""
        self.set_limits(receipt_reserve_micro=0)
        free = self.sportsbook.houseFree() - left_micro
        self.bankroll.withdraw(free, self.owner, self.owner, {"from": self.owner})
        return self.now()

    def grant(self, key_: str, role: Role, budget_micro: int = 0) -> Any:
        """A key of the house, which counts after the notice."""
        return self.sportsbook.grantKey((key_, role, budget_micro), {"from": self.owner})

    def replace_key(self, role: Role, key_: str, budget_micro: int) -> Any:
        """A further key of a role, when its notice is over."""
        granted = self.grant(key_, role, budget_micro)
        self.travel_to(granted.timestamp + NOTICE_S)
        return granted

    def retire(self, key_: str) -> Any:
        """The guardian ends a key."""
        return self.sportsbook.retireKey(key_, {"from": self.guardian})

    # -- Time

    def now(self) -> int:
        """Time of a new block; every block after it is a second later."""
        web3.provider.make_request("evm_mine", [])
        return self.clock()

    def clock(self) -> int:
        """Time of the latest block."""
        return int(web3.eth.get_block("latest")["timestamp"])

    def at(self, timestamp_s: int) -> None:
        """The next block carries exactly this time."""
        answer = web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp_s])
        if "error" in answer:
            # Ganache adds the second between two blocks.
            web3.provider.make_request("evm_setTime", [(timestamp_s - 1) * 1000])

    def travel_to(self, timestamp_s: int) -> None:
        """A block of this time is mined; the clock goes on from there."""
        self.at(timestamp_s)
        assert self.now() == timestamp_s

    # -- Slips

    @property
    def domain(self) -> Domain:
        return Domain(CHAIN_ID, self.sportsbook.address)

    @property
    def results_domain(self) -> Domain:
        return Domain(CHAIN_ID, self.results.address, RESULTS_NAME)

    def sign(
        self, bettor: Bettor, *picks: Pick, domain: Domain | None = None, **terms: Any
    ) -> Signed:
        """A slip that the bettor signed and the house accepted; `terms` as for sign_slip."""
        return sign_slip(domain or self.domain, bettor, *picks, **terms)

    def place(self, *signed: Signed, base_s: int | None = None) -> Placed:
        """Place a batch; returns what the event says."""
        return self.send_batch(pack(*signed, base_s=base_s))

    def send_batch(self, data: bytes) -> Placed:
        """Place a batch from its call data."""
        return placed(self.sportsbook.placeBatch(data, {"from": self.operator}))

    def receipt(self, signed: Signed, key_: bytes | None = None) -> Pair:
        """The house's signature on the acceptance."""
        return sign_pair(self.domain, receipt_of(signed), key_ or key(2))

    def enforce(
        self, signed: Signed, receipt: Pair | None = None, by: dict[str, Any] | None = None
    ) -> Placed:
        """The slip's owner, or who is given, places it by the house's receipt."""
        receipt = receipt or self.receipt(signed)
        sender = by or self.sender_of(signed)
        return placed(self.sportsbook.enforce(pack(signed), receipt, sender))

    def countersign(
        self,
        bettor: Bettor,
        amount_micro: int,
        deadline_s: int,
        sequence: int,
        key_: bytes = WITHDRAWAL_SIGNER,
    ) -> Pair:
        """The house's consent to a withdrawal."""
        withdrawal = Withdrawal(bettor.account, amount_micro, deadline_s, sequence)
        return sign_pair(self.domain, withdrawal, key_)

    # -- Quotes

    def sign_quote(
        self, quote: Quote, key_: bytes | None = None, domain: Domain | None = None
    ) -> Pair:
        """The house's signature on a quote."""
        return sign_pair(domain or self.domain, quote, key_ or key(2))

    def place_quoted(
        self,
        bettor: Bettor,
        quote: Quote,
        data: bytes,
        signature: Pair | None = None,
    ) -> Any:
        """The bettor's own transaction."""
        arguments = calls.place_quoted(data, quote, signature or self.sign_quote(quote))
        return self.sportsbook.placeQuoted(*arguments, self.sender(bettor))

    # -- Cash-out

    def ripen(self) -> int:
        """Wait until every bet that was placed can be cashed out; returns the time."""
        self.travel_to(self.clock() + CASH_OUT_AGE_S)
        return self.clock()

    def cash_out(
        self,
        bettor: Bettor,
        number: int,
        batch: PlacedBatch,
        bet: int = 0,
        *,
        price_micro: int,
        stake_micro: int | None = None,
        offered_at_s: int | None = None,
        deadline_s: int = 2**40 - 1,
        house_key: bytes = CASH_OUT_SIGNER,
        house: Pair | None = None,
        bettor_signature: bytes | None = None,
        run_: tuple[Any, ...] | None = None,
    ) -> Any:
        """House and bettor end a bet, or the part of it that staked `stake_micro`. What is given
        of signatures and run stands in for the right one."""
        if stake_micro is None:
            stake_micro = batch.records[bet].stake_micro
        if offered_at_s is None:
            offered_at_s = self.clock()
        terms = (bet, stake_micro, price_micro, offered_at_s, deadline_s)
        offer = CashOut(bettor.account, number, *terms)
        right = calls.cash_out(self.domain, offer, batch, house_key, bettor.key)
        given = (run_, None, house, bettor_signature)
        arguments = [b if a is None else a for a, b in zip(given, right, strict=True)]
        return self.sportsbook.cashOut(*arguments, {"from": accounts[60]})

    def sign_cash_out(self, offer: CashOut, key_: bytes | None = None) -> Pair:
        """The house's signature on the end of a bet."""
        return sign_pair(self.domain, offer, key_ or CASH_OUT_SIGNER)

    def sign_raw(self, message: Message, key_: bytes) -> bytes:
        """A signature of 65 bytes, r | s | v, as wallets give it."""
        return sign_raw(self.domain, message, key_)

    # -- Results

    def sheet(
        self,
        results: Sequence[Result],
        keys: Sequence[bytes],
        *,
        term: int = FIRST_TERM,
        deadline_s: int = MAX_TIME_S,
    ) -> list[Pair]:
        """The signatures of these keys on a sheet of results, in their order."""
        sheet = ResultSheet(term, deadline_s, tuple(results))
        return sign_sheet(self.results_domain, sheet, keys)

    def publish(self, *results: Result, term: int = FIRST_TERM) -> Any:
        arguments = calls.publish(self.results_domain, results, self.signer_keys[:2], term=term)
        return self.results.publish(*arguments, {"from": self.owner})

    def publish_final(self, *results: Result) -> None:
        """Publish and wait until it is final."""
        published = self.publish(*results)
        self.travel_to(published.timestamp + DISPUTE_WINDOW_S)

    def end_match(self, match: MarketId, home: int = 1, away: int = 0) -> None:
        """The match was played, and its result is final."""
        self.travel_to(match.starts_at_s + 7_200)
        self.publish_final(score(home, away, match.starts_at_s + 7_000))

    def dispute(self, name: str = NAME, by: Any = None) -> Any:
        """Contest a result with the bond of somebody who is given the tokens for it."""
        by = by or accounts[20]
        bond = self.scale.to_units(BOND_MICRO)
        self.token.mint(by, bond, {"from": self.owner})
        self.token.approve(self.results, bond, {"from": by})
        return self.results.dispute(fixture_id(name), {"from": by})

    def rule(self, result: Result) -> Any:
        """The arbiter's word."""
        return self.results.rule(result.word(), {"from": self.arbiter})

    def change_council(self, keys: Sequence[bytes], threshold: int, arbiter: str) -> Any:
        """Announce a council, wait, and put it in office."""
        next_ = council(keys, threshold, arbiter)
        proposed = self.results.propose(next_, {"from": self.owner})
        self.travel_to(proposed.timestamp + NOTICE_S)
        return self.results.appoint(next_, {"from": accounts[60]})

    # -- Settling

    def settle(
        self, number: int, batch: PlacedBatch, first: int = 0, bets: int | None = None
    ) -> Any:
        return self.sportsbook.settle([run(number, batch, first, bets)], {"from": self.owner})

    def book(self) -> dict[str, int]:
        """pool_micro, owed_micro, locked_micro, accumulators_micro, batch_count."""
        names = ("pool_micro", "owed_micro", "locked_micro", "accumulators_micro", "batch_count")
        return dict(zip(names, self.sportsbook.book(), strict=True))
