"""Signs slips with a key, submits each until there is an answer, and follows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from eth_account import Account
from web3 import Web3

from fairline_client.messages import SLIP, Message, leg_of, signable
from fairline_client.receipts import check_receipt
from fairline_client.sportsbook import HouseDiffers, Refused, Sportsbook

# How long a slip may be signed ahead of the chain's time, at most what the house accepts.
DEADLINE_S = 60
_RETRY_S = 0.5
# A refusal that says nothing about the slip: it may be accepted at the next try.
_AGAIN = ("rate-limited",)
ENFORCE_GAS = 1_000_000
# What a receipt lets its holder send, and nothing else: the API chooses the call data.
ENFORCING = tuple(
    Web3.keccak(text=signature).to_0x_hex()[:10]
    for signature in (
        "enforce(bytes,(bytes32,bytes32))",
        "enforceInstead((uint256,uint256,bytes,bytes,bytes32[]),bytes,(bytes32,bytes32))",
    )
)

Pick = tuple[Message, Message, int]


@dataclass(frozen=True)
class SignedSlip:
    """A slip of this key. The house finds it by its hash."""

    slip: Message
    slip_hash: bytes
    signature: bytes


class Unanswered(TimeoutError):
    """There was no answer before the deadline of the slip. `Bettor.find(error.signed.slip_hash)`
    says later whether it was accepted."""

    def __init__(self, signed: SignedSlip, last: str) -> None:
        super().__init__(f"no answer before the deadline of the slip; last: {last}")
        self.signed = signed


class NotPlaced(Exception):
    """The bet is not on the chain in time."""


@dataclass(frozen=True)
class AcceptedBet(SignedSlip):
    """A slip that the house has accepted, and its receipt. Keep both."""

    id: str
    receipt: Message
    payout_max_micro: int


class Bettor:
    """The owner of an account. Raises HouseDiffers when it has none in the contract."""

    def __init__(self, sportsbook: Sportsbook, private_key: str | bytes) -> None:
        self.sportsbook = sportsbook
        self._signer: Any = Account.from_key(private_key)
        self.address = str(self._signer.address)
        self.account = int(sportsbook.view("accountOf", self.address))
        if not self.account:
            raise HouseDiffers(f"{self.address} has no account yet: deposit first")
        self._next_nonce = 0

    def bet(
        self,
        picks: Sequence[Pick],
        stake_micro: int,
        min_odds_e4: int,
        deadline_s: int | None = None,
    ) -> AcceptedBet:
        """Sign a slip on these picks (fixture, market, number of the outcome), submit it, and check
        its receipt. Raises Refused when the house refuses it, ReceiptInvalid when the receipt does
        not commit the house, and Unanswered when there was no answer before the deadline."""
        now_s = self.sportsbook.now_s()
        slip: Message = {
            "account": self.account,
            "stakeMicro": stake_micro,
            "minOddsE4": min_odds_e4,
            "nonce": self._take_nonce(),
            "deadline": deadline_s or now_s + DEADLINE_S,
            "legs": [leg_of(*pick) for pick in picks],
        }
        legs = [{"market": market["id"], "outcome": outcome} for _, market, outcome in picks]
        signable_slip = signable(self.sportsbook.domain, SLIP, slip)
        signature = bytes(self._signer.sign_message(signable_slip).signature)
        signed = SignedSlip(slip, bytes(signable_slip.body), signature)
        answer = self._submit(signed, legs, slip["deadline"] - now_s)
        check_receipt(self.sportsbook, answer["receipt"], slip, signed.slip_hash, now_s)
        return AcceptedBet(
            **vars(signed),
            id=answer["id"],
            receipt=answer["receipt"],
            payout_max_micro=int(answer["payout_max_micro"]),
        )

    def _take_nonce(self) -> int:
        """The lowest nonce above all that were used, also by other programs of this account.
        Raises HouseDiffers when the API names one that the contract does not accept."""
        named = int(self.sportsbook.get(f"/v1/accounts/{self.account}")["next_nonce"])
        nonce = max(named, self._next_nonce)
        if not self.sportsbook.view("isUsable", self.account, nonce):
            raise HouseDiffers(f"nonce {nonce} of account {self.account} is used, by the contract")
        self._next_nonce = nonce + 1
        return nonce

    def _submit(self, signed: SignedSlip, legs: list[Message], for_s: float) -> Message:
        """Submit the same slip until there is an answer: however often it is sent, it bets once."""
        slip = signed.slip
        body = {
            "account": slip["account"],
            "stake_micro": str(slip["stakeMicro"]),
            "min_odds_e4": slip["minOddsE4"],
            "nonce": slip["nonce"],
            "deadline_s": slip["deadline"],
            "legs": legs,
            "signature": f"0x{signed.signature.hex()}",
        }
        until = time.monotonic() + for_s
        while True:
            try:
                answer: Message = self.sportsbook.post("/v1/slips", body)
                return answer
            except Refused as refusal:
                # A server that failed may have accepted it.
                if refusal.status < 500 and refusal.code not in _AGAIN:
                    raise
                wait_s, last = float(refusal.retry_after_s or _RETRY_S), str(refusal)
            except httpx.TransportError as error:
                wait_s, last = _RETRY_S, f"{type(error).__name__}: {error}"
            if time.monotonic() + wait_s > until:
                raise Unanswered(signed, last)
            time.sleep(wait_s)

    def find(self, slip_hash: bytes) -> Message | None:
        """The accepted slip with this hash; None when the house has accepted none."""
        try:
            found: Message = self.sportsbook.get(f"/v1/slips/by-hash/0x{slip_hash.hex()}")
        except Refused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def status(self, bet: AcceptedBet) -> Message:
        """Where a bet is now."""
        found: Message = self.sportsbook.get(f"/v1/slips/{bet.id}")
        return found

    def wait_placed(self, bet: AcceptedBet, timeout_s: float) -> Message:
        """Wait until the bet is on the chain. Raises NotPlaced after so long, or when the contract
        has left it out: `enforce` may then place it."""
        until = time.monotonic() + timeout_s
        while (found := self.status(bet))["status"] != "placed":
            if found["status"] in ("refused", "expired") or time.monotonic() > until:
                raise NotPlaced(f"the bet is {found['status']}: {found.get('reason') or 'waiting'}")
            time.sleep(_RETRY_S)
        return found

    def enforce(self, bet: AcceptedBet) -> str:
        """Place the bet by its receipt, with a transaction of this key; returns its hash. Raises
        NotPlaced when it reverts, as when the operator was faster."""
        call = self.sportsbook.get(f"/v1/slips/{bet.id}/enforcement")
        if str(call["to"]).lower() != self.sportsbook.address.lower():
            raise HouseDiffers(f"the API names {call['to']} to send the transaction to")
        if not str(call["data"]).startswith(ENFORCING):
            raise HouseDiffers(f"the API wants {call['data'][:10]} called, which does not enforce")
        eth = self.sportsbook.web3.eth
        transaction = {
            "to": self.sportsbook.address,
            "data": call["data"],
            "chainId": self.sportsbook.chain_id,
            "gas": ENFORCE_GAS,
            "gasPrice": 2 * eth.gas_price,
            "nonce": eth.get_transaction_count(self._signer.address),
        }
        raw = self._signer.sign_transaction(transaction).raw_transaction
        sent = eth.send_raw_transaction(raw)
        if eth.wait_for_transaction_receipt(sent)["status"] != 1:
            raise NotPlaced(f"transaction {sent.to_0x_hex()} reverted")
        return str(sent.to_0x_hex())
