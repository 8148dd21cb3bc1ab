"""Plays the operator, the house's signer, the arbiter, the result signers and the owner."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.placed_event import PlacedBatch, unpack_batch, unpack_placed
from protocol.records import with_stake
from protocol.scale import MICRO_DECIMALS, Scale
from protocol.typed_data import RESULTS_NAME, CashOut, Domain, Result, Withdrawal
from tests.support import calls
from tests.support.batch_table import table_length
from tests.support.batches import pack, pack_unsigned, run
from tests.support.deployment import Roles, deploy_house
from tests.support.nodes import CHAIN_ID, TestNode, key
from tests.support.people import (
    CASH_OUT_SIGNER,
    WITHDRAWAL_SIGNER,
    Bettor,
    in_order,
    key_address,
    stranger_key,
)
from tests.support.signing import quote_of, receipt_of, sign_pair
from tests.support.slips import Pick, Signed, sign_slip
from tests.support.terms import DEPOSIT_MICRO, DISPUTE_WINDOW_S, EXIT_DELAY_S, UNIT
from tests.support.web3_contracts import Web3Contracts

OWNER, OPERATOR, RECEIPT_SIGNER = key(0), key(1), key(2)
RESULT_SIGNERS = (key(4), key(5))
COMMISSION_BPS = 1_000
_VALID_S = 600


@dataclass(frozen=True)
class Wanted:
    """A slip to be placed. A `nonce` of 0 is the bettor's next one; `signer` is another key than
    the bettor's."""

    bettor: Bettor
    picks: tuple[Pick, ...]
    stake_micro: int = UNIT
    nonce: int = 0
    signer: bytes = b""


@dataclass(frozen=True)
class SavedChain:
    """A state of the chain, with the bettors and their nonces."""

    snapshot: str
    nonces: dict[Bettor, int]


class House:
    """Deployed contracts on a node, and everybody who has a role in them."""

    def __init__(self, node: TestNode, folder: Path, decimals: int = MICRO_DECIMALS) -> None:
        self.scale = Scale.of_decimals(decimals)
        self.node = node
        self.folder = folder
        self.contracts = Web3Contracts(node, OWNER)
        self.batches: dict[int, PlacedBatch] = {}
        self._nonces: dict[Bettor, int] = {}
        owner = key_address(OWNER)
        roles = Roles(
            owner=owner,
            operator=key_address(OPERATOR),
            receipt_signer=key_address(RECEIPT_SIGNER),
            cash_out_signer=key_address(CASH_OUT_SIGNER),
            withdrawal_signer=key_address(WITHDRAWAL_SIGNER),
            arbiter=owner,
            partner=key_address(OPERATOR),
            signer_keys=RESULT_SIGNERS,
        )
        token = "TestToken" if decimals == MICRO_DECIMALS else "ScaledToken"
        deploy_house(
            self.contracts,
            roles,
            commission_bps=COMMISSION_BPS,
            token_contract=token,
            decimals=decimals,
        )
        addresses = {name: found.address for name, found in self.contracts.by_name.items()}
        self.slip_domain = Domain(CHAIN_ID, addresses["Sportsbook"])
        self.result_domain = Domain(CHAIN_ID, addresses["Results"], RESULTS_NAME)
        names = ("Sportsbook", "Results", "Bankroll")
        file = {
            "chain_id": CHAIN_ID,
            "first_block": 0,
            "token_decimals": decimals,
            "contracts": {
                "Token": addresses[token],
                **{name: addresses[name] for name in names},
            },
            "parameters": {"commission_bps": COMMISSION_BPS},
        }
        self.deployment_file.write_text(json.dumps(file))

    @property
    def deployment_file(self) -> Path:
        """The file that the deploy script would write."""
        return self.folder / "deployment.json"

    @property
    def bettors(self) -> list[Bettor]:
        """The bettors in the order of their accounts."""
        return list(self._nonces)

    def now_s(self) -> int:
        """The time of the newest block."""
        return int(self.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def travel(self, seconds: int) -> None:
        """Move the chain's clock, and mine a block."""
        self.node.rpc("evm_increaseTime", seconds)
        self.node.mine()

    def save(self) -> SavedChain:
        """The state of the chain, for `revert_to`."""
        return SavedChain(self.node.rpc("evm_snapshot"), dict(self._nonces))

    def revert_to(self, saved: SavedChain) -> None:
        """Set the chain back; a saved state serves once."""
        self.node.rpc("evm_revert", saved.snapshot)
        self._nonces = dict(saved.nonces)
        self.resume_clock()

    def resume_clock(self) -> None:
        """Let the chain's clock continue from its newest block, whenever that was mined."""
        if self.node.kind == "anvil":
            self.node.rpc("anvil_setTime", self.now_s())
        else:
            self.node.rpc("evm_setTime", self.now_s() * 1_000)

    def reload_nonces(self) -> None:
        """Read the bettors' nonces from the chain, after a reorg."""
        for bettor in self._nonces:
            self._nonces[bettor] = self.call("Sportsbook", "accountAt", bettor.account)[2]

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        """The answer of a view."""
        return self.contracts.call(contract, function, *arguments)

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """Call a function as the owner; returns the receipt."""
        return self.contracts.send(contract, function, *arguments)

    def open_account(self, deposit_micro: int = DEPOSIT_MICRO, address: str = "") -> Bettor:
        """Open an account with a deposit, owned by a key of its own or by an `address`."""
        bettor_key = stranger_key(len(self._nonces))
        address = address or key_address(bettor_key)
        self.send("Sportsbook", "depositFor", address, deposit_micro)
        bettor = Bettor(self.call("Sportsbook", "accountOf", address), address, bettor_key)
        self._nonces[bettor] = 0
        return bettor

    def place(self, *wanted: Wanted) -> int:
        """Place slips in one batch; returns its number."""
        return self._placed(self._operate("placeBatch", self._pack(*wanted)))

    def place_signed(self, *signed: Signed) -> int:
        """Place slips that bettors signed, at the terms that are given; returns the batch."""
        return self._placed(self._operate("placeBatch", pack(*signed)))

    def place_with_junk_market(self, wanted: Wanted) -> int:
        """Place a slip in a batch whose table also lists a market of a kind that does not exist;
        returns the batch's number."""
        batch = self._pack(wanted)
        end = table_length(batch)
        data = bytearray(batch[:end])
        fixtures_end = 6 + 37 * data[5]
        data[fixtures_end] += 1
        data += bytes((0, 200, 9, 0, 0, 7))
        receipt = self._operate("placeBatch", bytes(data) + batch[end:])
        return int(self._event(receipt, "BatchPlaced")["batch"])

    def place_quoted(self, bettor: Bettor, pick: Pick, stake_micro: int) -> int:
        """A bettor places a bet at odds that the house quoted to anyone; returns its batch."""
        nonce = self.next_nonce(bettor)
        deadline_s, max_stake = self.now_s() + _VALID_S, 10 * stake_micro
        quote = quote_of(pick, deadline_s=deadline_s, max_stake_micro=max_stake)
        slip = pack_unsigned(bettor, pick, stake_micro=stake_micro, nonce=nonce, min_odds_e4=10_001)
        signature = sign_pair(self.slip_domain, quote, RECEIPT_SIGNER)
        arguments = calls.place_quoted(slip, quote, signature)
        return self._placed(self._send_as_bettor(bettor, "placeQuoted", *arguments))

    def enforce_instead(self, bettor: Bettor, batch: int, *picks: Pick) -> int:
        """A bettor has a receipt enforced in place of the only bet of a batch, with its nonce and
        its stake; returns the batch of the new bet."""
        bet = self.batches[batch].records[0]
        signed = sign_slip(
            self.slip_domain,
            bettor,
            *picks,
            accepted_at_s=self.now_s(),
            nonce=bet.nonce,
            stake_micro=bet.stake_micro,
        )
        receipt = sign_pair(self.slip_domain, receipt_of(signed), RECEIPT_SIGNER)
        return self.replace(bettor, batch, 0, signed, receipt)

    def replace(
        self, bettor: Bettor, batch: int, bet: int, signed: Signed, receipt: tuple[bytes, bytes]
    ) -> int:
        """A bettor has a receipt enforced in place of a bet; returns the batch of the new bet."""
        was = run(batch, self.batches[batch], bet, 1)
        arguments = (was, pack(signed), receipt)
        return self._placed(self._send_as_bettor(bettor, "enforceInstead", *arguments))

    def cash_out(self, bettor: Bettor, batch: int, bet: int, stake: int, price: int) -> int:
        """End a bet, or the part of it that staked `stake`; returns the batch of the remainder, or
        0."""
        offered_at_s = self.now_s()
        deadline_s = offered_at_s + _VALID_S
        offer = CashOut(bettor.account, batch, bet, stake, price, offered_at_s, deadline_s)
        placed = self.batches[batch]
        terms = calls.cash_out(self.slip_domain, offer, placed, CASH_OUT_SIGNER, bettor.key)
        receipt = self._operate("cashOut", *terms)
        event = self._event(receipt, "CashedOut")
        if event["next"]:
            self.batches[event["next"]] = unpack_batch(
                event["markets"], with_stake(event["record"], event["rest"])
            )
        return int(event["next"])

    def settle(self, *runs: tuple[int, int, int]) -> None:
        """Settle runs (batch, first bet, bets) in one transaction."""
        self._operate("settle", [run(n, self.batches[n], first, bets) for n, first, bets in runs])

    def publish(self, *results: Result) -> None:
        """Publish results, signed by the council that decides them: each fixture's own, or the one
        that stands if it was never bet on."""
        (term,) = {
            self.call("Sportsbook", "resultOf", result.fixture)[-1] or self.call("Results", "term")
            for result in results
        }
        keys = in_order(RESULT_SIGNERS)
        arguments = calls.publish(self.result_domain, results, keys, term=term)
        self.send("Results", "publish", *arguments)

    def rule(self, result: Result) -> None:
        """Correct a disputed result as the arbiter."""
        self.send("Results", "rule", result.word())

    def pass_dispute_window(self) -> None:
        """Travel until published results are final."""
        self.travel(DISPUTE_WINDOW_S + 1)

    def withdraw(self, bettor: Bettor, amount_micro: int) -> None:
        """A bettor withdraws with the house's countersignature."""
        sequence = self.call("Sportsbook", "accountAt", bettor.account)[4]
        wanted = Withdrawal(bettor.account, amount_micro, self.now_s() + _VALID_S, sequence)
        signature = sign_pair(self.slip_domain, wanted, WITHDRAWAL_SIGNER)
        self._send_as_bettor(bettor, "withdrawGranted", signature, wanted.word())

    def request_exit(self, bettor: Bettor, amount_micro: int) -> None:
        """A bettor announces an exit."""
        self._send_as_bettor(bettor, "requestExit", amount_micro)

    def exit(self, bettor: Bettor) -> None:
        """A bettor leaves after the exit delay, without a countersignature."""
        self.travel(EXIT_DELAY_S + 1)
        self._send_as_bettor(bettor, "exit")

    def exclude(self, bettor: Bettor, seconds: int) -> None:
        """A bettor closes the account to bets for some time."""
        self._send_as_bettor(bettor, "excludeSelf", self.now_s() + seconds)

    def cancel_nonces(self, bettor: Bettor, last: int) -> None:
        """A bettor cancels the slips with nonces up to `last`."""
        self._send_as_bettor(bettor, "cancelNonces", last)

    def nonce_of(self, bettor: Bettor) -> int:
        """The bettor's highest nonce so far."""
        return self._nonces[bettor]

    def next_nonce(self, bettor: Bettor, nonce: int = 0) -> int:
        """The nonce of the bettor's next slip: `nonce`, or the next one when that is 0."""
        nonce = nonce or self._nonces[bettor] + 1
        self._nonces[bettor] = max(self._nonces[bettor], nonce)
        return nonce

    def _pack(self, *wanted: Wanted) -> bytes:
        now_s = self.now_s()
        return pack(*[self._sign(slip, now_s) for slip in wanted])

    def _sign(self, wanted: Wanted, accepted_at_s: int) -> Signed:
        return sign_slip(
            self.slip_domain,
            wanted.bettor,
            *wanted.picks,
            stake_micro=wanted.stake_micro,
            accepted_at_s=accepted_at_s,
            nonce=self.next_nonce(wanted.bettor, wanted.nonce),
            key_=wanted.signer or None,
        )

    def _placed(self, receipt: Any) -> int:
        event = self._event(receipt, "BatchPlaced")
        number = int(event["batch"])
        self.batches[number], _ = unpack_placed(event["data"])
        return number

    def _event(self, receipt: Any, name: str) -> Any:
        return self.contracts.events("Sportsbook", name, receipt)[0]

    def _operate(self, function: str, *arguments: Any) -> Any:
        return self.contracts.send_as(OPERATOR, "Sportsbook", function, *arguments)

    def _send_as_bettor(self, bettor: Bettor, function: str, *arguments: Any) -> Any:
        """Call the sportsbook as a bettor, who first gets what a transaction costs."""
        self.node.set_balance(bettor.address, 10**20)
        return self.contracts.send_as(bettor.key, "Sportsbook", function, *arguments)
