"""A deployed house with bettors who sign, for the tests of the contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

from brownie import (
    Bankroll,
    LibraryHarness,
    MockWallet,
    Results,
    Settling,
    Sportsbook,
    TestToken,
    accounts,
    chain,
    web3,
)
from brownie.exceptions import VirtualMachineError
from coincurve import PublicKey
from eth_abi.abi import decode
from eth_account import Account
from eth_utils.crypto import keccak

from protocol.batch_call import SlipEntry, Table, pack_batch
from protocol.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from protocol.placed_batch import PlacedBatch, Skip, unpack_payouts, unpack_placed
from protocol.records import BetRecord, LegRecord
from protocol.signatures import address_of, compact, pair, sign
from protocol.typed_data import (
    RESULTS_NAME,
    CashOut,
    Domain,
    Leg,
    Quote,
    Receipt,
    Result,
    Slip,
    Withdrawal,
    result_sheet_hash,
)
from scripts.devnet.chain import CHAIN_ID, account_key

UNIT = 1_000_000
BANKROLL_MICRO = 1_000_000 * UNIT
DEPOSIT_MICRO = 1_000 * UNIT
RECEIPT_WINDOW_S, EXIT_DELAY_S, DISPUTE_WINDOW_S, NOTICE_S = 600, 1_200, 60, 1_800
BOND_MICRO = 100 * UNIT
VOID_AFTER_S = 7 * 24 * 3_600
MAX_MICRO = 2**56 - 1
NO_CAP = 2**64 - 1
NOBODY = "0x" + "0" * 40
# The largest s that counts.
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
NAME = "Arsenal v Brentford, 2025-05-25"
EVEN_E4 = 20_000


@cache
def key(index: int) -> bytes:
    """Private key of a funded account."""
    return bytes.fromhex(account_key(index)[2:])


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


@dataclass(frozen=True)
class Bettor:
    """Somebody with an account; `key` signs, `address` owns."""

    account: int
    address: str
    key: bytes


@dataclass(frozen=True)
class Pick:
    """A leg with the odds that the house gives."""

    market: MarketId
    outcome: int
    odds_e4: int = EVEN_E4
    name: str = NAME


@dataclass(frozen=True)
class Signed:
    """A slip, the terms of its acceptance, and the bettor's signature."""

    slip: Slip
    picks: tuple[Pick, ...]
    accepted_at_s: int
    signature: bytes
    contract_signature: bool = False


class Placed(NamedTuple):
    """What a transaction that placed a batch says: its number, its bets, the slips left out."""

    number: int
    batch: PlacedBatch
    skips: tuple[Skip, ...]


# The contracts' struct Signature, r and vs, as Brownie takes it.
Pair = tuple[bytes, bytes]


class World:
    """Contracts with roles and money in them. Accounts 0 to 7 hold the roles of a deployment."""

    def __init__(self, commission_bps: int = 0, token: Any = TestToken) -> None:
        self.owner, self.operator, self.house_signer, self.guardian = accounts[:4]
        self.arbiter, self.partner = accounts[7:9]
        self.signer_keys = in_order(key(i) for i in (4, 5, 6))
        by = {"from": self.owner}
        self.token = token.deploy(by)
        self.results = Results.deploy(
            self.owner,
            self.token,
            DISPUTE_WINDOW_S,
            NOTICE_S,
            BOND_MICRO,
            council(self.signer_keys, 2, self.arbiter.address),
            by,
        )
        self.settling = Settling.deploy(by)
        self.sportsbook = Sportsbook.deploy(
            self.owner,
            self.token,
            self.results,
            self.settling,
            RECEIPT_WINDOW_S,
            EXIT_DELAY_S,
            by,
        )
        self.bankroll = Bankroll.deploy(
            self.token, self.sportsbook, commission_bps, self.partner, by
        )
        self.harness = LibraryHarness.deploy(by)
        self.results.setSportsbook(self.sportsbook, by)
        self.sportsbook.setBankroll(self.bankroll, by)
        self.sportsbook.setOperator(self.operator, True, by)
        self.sportsbook.setSigner(self.house_signer, True, by)
        self.sportsbook.setGuardian(self.guardian, by)
        self.token.mint(self.owner, 10**4 * BANKROLL_MICRO, by)
        self.token.approve(self.sportsbook, 2**255, by)
        self.token.approve(self.bankroll, 2**255, by)
        self.token.approve(self.results, 2**255, by)
        self.bankroll.deposit(BANKROLL_MICRO, self.owner, by)

    # -- People

    def open_account(self, index: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """An account of a funded key, from 10 on; opened when it is not yet."""
        return self.open_for(key_address(key(index)), key(index), deposit_micro)

    def open_for(self, address: str, key_: bytes, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        self.sportsbook.depositFor(address, deposit_micro, {"from": self.owner})
        return Bettor(self.sportsbook.accountOf(address), address, key_)

    def stranger(self, number: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """A bettor who never sends a transaction."""
        key_ = keccak(text=f"stranger {number}")
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

    def balance(self, bettor: Bettor) -> int:
        return self.sportsbook.accountAt(bettor.account)[1]

    def exclude(self, bettor: Bettor, until_s: int) -> Any:
        """The bettor shuts the account to bets."""
        return self.sportsbook.excludeSelf(until_s, self.sender(bettor))

    # -- Time

    def now(self) -> int:
        """Time of a new block: what happens next happens at this second or soon after."""
        chain.mine()
        return chain[-1].timestamp

    def at(self, timestamp_s: int) -> None:
        """The next block carries this time, to the second where the node can promise that."""
        answer = web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp_s])
        if "error" in answer:
            web3.provider.make_request("evm_setTime", [timestamp_s * 1000])

    def travel_to(self, timestamp_s: int) -> None:
        """A block of this time is mined; the clock goes on from there."""
        self.at(timestamp_s)
        chain.mine()
        assert chain[-1].timestamp >= timestamp_s

    # -- Slips

    @property
    def domain(self) -> Domain:
        return Domain(CHAIN_ID, self.sportsbook.address)

    @property
    def results_domain(self) -> Domain:
        return Domain(CHAIN_ID, self.results.address, RESULTS_NAME)

    def market(
        self,
        kind: Kind = Kind.MATCH_RESULT,
        line_q: int = 0,
        period: Period = Period.FULL_TIME,
        *,
        starts_at_s: int,
        in_play: bool = False,
        name: str = NAME,
    ) -> MarketId:
        return MarketId(fixture_id(name), starts_at_s, kind, period, line_q, in_play)

    def sign(
        self,
        bettor: Bettor,
        *picks: Pick,
        stake_micro: int = UNIT,
        accepted_at_s: int,
        nonce: int = 1,
        min_odds_e4: int = 10_001,
        deadline_s: int | None = None,
        key_: bytes | None = None,
        domain: Domain | None = None,
    ) -> Signed:
        """A slip that the bettor signed and the house accepted."""
        slip = Slip(
            account=bettor.account,
            stake_micro=stake_micro,
            min_odds_e4=min_odds_e4,
            nonce=nonce,
            deadline_s=accepted_at_s + 120 if deadline_s is None else deadline_s,
            legs=tuple(Leg(pick.name, pick.market, pick.outcome) for pick in picks),
        )
        digest = (domain or self.domain).digest(slip.struct_hash())
        signature = compact(sign(digest, key_ or bettor.key))
        return Signed(slip, picks, accepted_at_s, signature)

    def pack(self, *signed: Signed, base_s: int | None = None) -> bytes:
        """The argument of placeBatch."""
        base_s = min(s.accepted_at_s for s in signed) if base_s is None else base_s
        picks = [pick for s in signed for pick in s.picks]
        table = Table.build(base_s, [(fixture_name_hash(p.name), p.market) for p in picks])
        return pack_batch(table, [entry(s, table) for s in signed])

    def place(self, *signed: Signed, base_s: int | None = None) -> Placed:
        """Place a batch; returns what the event says."""
        return self.send_batch(self.pack(*signed, base_s=base_s))

    def send_batch(self, data: bytes) -> Placed:
        """Place a batch from its call data."""
        return placed(self.sportsbook.placeBatch(data, {"from": self.operator}))

    def receipt(self, signed: Signed, key_: bytes | None = None) -> Pair:
        """The house's signature on the acceptance."""
        odds = tuple(pick.odds_e4 for pick in signed.picks)
        receipt = Receipt(signed.slip.struct_hash(), signed.accepted_at_s, odds)
        return pair(sign(self.domain.digest(receipt.struct_hash()), key_ or key(2)))

    def enforce(self, signed: Signed, receipt: Pair | None = None) -> Placed:
        """A stranger places the slip by the house's receipt."""
        by = {"from": accounts[60]}
        return placed(
            self.sportsbook.enforce(self.pack(signed), receipt or self.receipt(signed), by)
        )

    def countersign(
        self, bettor: Bettor, amount_micro: int, deadline_s: int, sequence: int, by: int = 2
    ) -> Pair:
        """The house's consent to a withdrawal."""
        withdrawal = Withdrawal(bettor.account, amount_micro, deadline_s, sequence)
        return pair(sign(self.domain.digest(withdrawal.struct_hash()), key(by)))

    # -- Quotes

    def quote(
        self,
        *picks: Pick,
        deadline_s: int,
        max_stake_micro: int = UNIT,
        bettor: Bettor | None = None,
        nonce: int = 0,
    ) -> Quote:
        """An offer to this bettor for a slip of this nonce, or else to anyone."""
        return Quote(
            account=bettor.account if bettor else 0,
            nonce=nonce,
            max_stake_micro=max_stake_micro,
            deadline_s=deadline_s,
            odds_e4=tuple(pick.odds_e4 for pick in picks),
            legs=tuple(Leg(pick.name, pick.market, pick.outcome) for pick in picks),
        )

    def sign_quote(
        self, quote: Quote, key_: bytes | None = None, domain: Domain | None = None
    ) -> Pair:
        """The house's signature on a quote."""
        return pair(sign((domain or self.domain).digest(quote.struct_hash()), key_ or key(2)))

    def pack_unsigned(
        self,
        bettor: Bettor,
        *picks: Pick,
        stake_micro: int = UNIT,
        nonce: int = 1,
        min_odds_e4: int = 0,
        accepted_after_s: int = 0,
    ) -> bytes:
        """The argument of placeQuoted: one slip without a signature."""
        table = Table.build(0, [(fixture_name_hash(p.name), p.market) for p in picks])
        ids = [table.market_id(i) for i in range(len(table.markets))]
        legs = tuple(LegRecord(ids.index(p.market), p.outcome, p.odds_e4) for p in picks)
        record = BetRecord(bettor.account, nonce, stake_micro, accepted_after_s, legs)
        return pack_batch(table, [SlipEntry(record, min_odds_e4, 2**16 - 1, bytes(64))])[:-64]

    def place_quoted(
        self,
        bettor: Bettor,
        quote: Quote,
        data: bytes,
        signature: Pair | None = None,
    ) -> Any:
        """The bettor's own transaction."""
        terms = (quote.account, quote.nonce, quote.max_stake_micro, quote.deadline_s)
        return self.sportsbook.placeQuoted(
            data, terms, signature or self.sign_quote(quote), self.sender(bettor)
        )

    # -- Cash-out

    def cash_out(
        self,
        bettor: Bettor,
        number: int,
        batch: PlacedBatch,
        bet: int = 0,
        *,
        price_micro: int,
        stake_micro: int | None = None,
        deadline_s: int = 2**40 - 1,
        house: Pair | None = None,
        signature: bytes | None = None,
        run_: tuple[Any, ...] | None = None,
    ) -> Any:
        """House and bettor end a bet, or the part of it that staked `stake_micro`. What is given
        of signatures and run stands in for the right one."""
        if stake_micro is None:
            stake_micro = batch.records[bet].stake_micro
        offer = CashOut(bettor.account, number, bet, stake_micro, price_micro, deadline_s)
        return self.sportsbook.cashOut(
            run_ or run(number, batch, bet, 1),
            (stake_micro, price_micro, deadline_s),
            house or self.sign_cash_out(offer),
            compact(self.sign_raw(offer, bettor.key)) if signature is None else signature,
            {"from": accounts[60]},
        )

    def sign_cash_out(self, offer: CashOut, key_: bytes | None = None) -> Pair:
        """The house's signature on the end of a bet."""
        return pair(self.sign_raw(offer, key_ or key(2)))

    def sign_raw(
        self, message: Slip | Quote | CashOut | Withdrawal | Receipt, key_: bytes
    ) -> bytes:
        """A signature of 65 bytes, r | s | v, as wallets give it."""
        return sign(self.domain.digest(message.struct_hash()), key_)

    # -- Results

    def sheet(self, results: Sequence[Result], keys: Sequence[bytes]) -> list[Pair]:
        digest = self.results_domain.digest(result_sheet_hash(results))
        return [pair(sign(digest, key_)) for key_ in keys]

    def won_at_home(self, market: MarketId) -> Result:
        """1:0 in the market's fixture, over before two hours had gone."""
        return Result(market.fixture, 1, 0, 0, 1, 0, market.starts_at_s + 7_000)

    def publish(self, *results: Result) -> Any:
        signatures = self.sheet(results, self.signer_keys[:2])
        words = [result.word() for result in results]
        return self.results.publish(words, signatures, {"from": self.owner})

    def publish_final(self, *results: Result) -> None:
        """Publish and wait until it is final."""
        published = self.publish(*results)
        self.travel_to(published.timestamp + DISPUTE_WINDOW_S)

    def dispute(self, name: str = NAME, by: Any = None) -> Any:
        """Contest a result with the bond of somebody who is given the tokens for it."""
        by = by or accounts[20]
        self.token.mint(by, BOND_MICRO, {"from": self.owner})
        self.token.approve(self.results, BOND_MICRO, {"from": by})
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
        """pool_micro, open_stakes_micro, locked_micro, batch_count, paused."""
        names = ("pool_micro", "open_stakes_micro", "locked_micro", "batch_count", "paused")
        return dict(zip(names, self.sportsbook.book(), strict=True))


def entry(signed: Signed, table: Table) -> SlipEntry:
    """The slip as the batch call takes it."""
    ids = [table.market_id(i) for i in range(len(table.markets))]
    slip = signed.slip
    record = BetRecord(
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        accepted_after_s=signed.accepted_at_s - table.base_s,
        legs=tuple(LegRecord(ids.index(p.market), p.outcome, p.odds_e4) for p in signed.picks),
    )
    return SlipEntry(
        record,
        slip.min_odds_e4,
        slip.deadline_s - table.base_s,
        signed.signature,
        signed.contract_signature,
    )


def withdrawn(transaction: Any) -> tuple[int, int, int]:
    """Account, amount and deadline of a payment."""
    word = transaction.events["Withdrawn"]["withdrawal"]
    return word >> 104, word >> 40 & 2**64 - 1, word & 2**40 - 1


def placed(transaction: Any) -> Placed:
    """What a transaction says that placed a batch."""
    event = transaction.events["BatchPlaced"]
    return Placed(event["batch"], *unpack_placed(bytes(event["data"])))


def payouts(transaction: Any) -> dict[int, int]:
    """Payouts by bet of a transaction that settled one run."""
    # Read from the log: Brownie shows empty bytes as one zero.
    _, packed = decode(["uint256", "bytes"], bytes(transaction.logs[0]["data"]))
    return unpack_payouts(packed)


def settled_bets(transaction: Any) -> list[int]:
    bits = transaction.events["BatchSettled"]["settled"]
    return [i for i in range(256) if bits >> i & 1]


def run(
    number: int, batch: PlacedBatch, first: int = 0, bets: int | None = None
) -> tuple[Any, ...]:
    """A run as `settle` takes it; all bets from `first` on when `bets` is not given."""
    made = batch.part(first, bets)
    return (number, made.first, made.markets, made.records, list(made.proof))


def score(
    home_full: int,
    away_full: int,
    settled_at_s: int,
    *,
    home_half: int = 0,
    away_half: int = 0,
    name: str = NAME,
    status: int = 1,
) -> Result:
    return Result(
        fixture_id(name), status, home_half, away_half, home_full, away_full, settled_at_s
    )


def council(keys: Sequence[bytes], threshold: int, arbiter: str) -> tuple[Any, ...]:
    """A council as `propose` takes it."""
    return ([key_address(key_) for key_ in keys], threshold, arbiter)


def in_order(keys: Iterable[bytes]) -> list[bytes]:
    """Keys as their signatures must stand on a sheet: by ascending address."""
    return sorted(keys, key=lambda key_: int(key_address(key_), 16))


def set_code(address: str, code: bytes) -> None:
    """Puts code at an address whose key somebody holds, as a delegation by EIP-7702 does."""
    for method in ("anvil_setCode", "evm_setAccountCode"):
        answer = web3.provider.make_request(method, [address, "0x" + code.hex()])
        if "error" not in answer:
            return
    raise AssertionError("this node cannot set code")


def with_signature(signed: Signed, signature: bytes, *, contract: bool = False) -> Signed:
    return replace(signed, signature=signature, contract_signature=contract)


def flipped(signature: Pair) -> Pair:
    """The same r and s with the other parity."""
    r, vs = signature
    return r, bytes((vs[0] ^ 0x80,)) + vs[1:]


def signed_by_nobody(digest: bytes, s: int) -> tuple[str, bytes]:
    """A signature in the compact form with this s, and the address that it recovers to: nobody
    has a key of that address, and yet the curve says that it signed."""
    r = (0x9BC8B1D2).to_bytes(32, "big")
    while True:
        try:
            public = PublicKey.from_signature_and_message(
                r + s.to_bytes(32, "big") + b"\0", digest, hasher=None
            )
        except ValueError:
            r = (int.from_bytes(r, "big") + 1).to_bytes(32, "big")
            continue
        return address_of(public), r + s.to_bytes(32, "big")


def key_address(key_: bytes) -> str:
    return str(Account.from_key(key_).address)
