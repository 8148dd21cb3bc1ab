"""Owns what happens on the match day: bettors deposit, bet, watch, are paid and leave.

Everything goes through the HTTP API and the contracts; the mirror is read only to know when the
platform has done its part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from eth_account import Account
from eth_utils.crypto import keccak

from protocol.signatures import pair
from scripts.demo.api_client import ApiClient, Refused, leg_words, offers
from scripts.demo.bots import Bettor, Choice, Mistake
from scripts.demo.chain_reader import ChainReader
from scripts.demo.promises import AcceptedSlip, RefusedSlip, SignedSlip, SlipLeg
from scripts.demo.settings import DemoSettings
from scripts.demo.wallet import Wallet
from scripts.devnet import Chain, DevnetError
from scripts.devnet.chain import account_key
from scripts.devnet.clock import travel_to
from scripts.devnet.postgres import plain_url

FUNDER = 8
GAS_MONEY_WEI = 10**18
SLIP_LIFE_S = 90
REFRESH_EVERY = 20
ATTEMPTS_A_BET = 4
TOO_MANY_PENDING = "too-many-pending"
MATCH_LENGTH_S = 2 * 60 * 60
WAIT_LIMIT_S = 180.0


@dataclass
class MatchDay:
    """One run, stage by stage; what came of it is in its fields."""

    settings: DemoSettings
    chain: Chain
    reader: ChainReader
    api: ApiClient
    database_url: str
    say: Callable[[str], None]
    wallets: list[Wallet] = field(default_factory=list)
    accepted: list[AcceptedSlip] = field(default_factory=list)
    refused: list[RefusedSlip] = field(default_factory=list)
    withdrawn: int = 0
    typed: dict[str, Any] = field(default_factory=dict)
    _bettors: list[Bettor] = field(default_factory=list)
    _fixtures: list[dict[str, Any]] = field(default_factory=list)

    def deposit(self, wallets: int) -> None:
        """Wallets get gas money and test tokens from a faucet, and deposit with a permit."""
        faucet = Wallet(bytes.fromhex(account_key(FUNDER)[2:]))
        web3, book, token = self.reader.web3, self.reader.sportsbook, self.reader.token
        name = token.functions.name().call()
        for number in range(wallets):
            wallet = Wallet(keccak(text=f"demo wallet {self.settings.seed}/{number}"))
            bettor = Bettor(self.settings.seed, number)
            amount = bettor.deposit_micro()
            faucet.pay(web3, wallet.address, GAS_MONEY_WEI)
            faucet.send(web3, token.functions.mint(wallet.address, amount))
            deadline = self.chain.timestamp_s() + 3_600
            v, r, s = wallet.sign_permit(token, name, book.address, amount, deadline)
            wallet.send(web3, book.functions.depositWithPermit(amount, deadline, v, r, s))
            wallet.account = book.functions.accountOf(wallet.address).call()
            self.wallets.append(wallet)
            self._bettors.append(bettor)
            if (number + 1) % 20 == 0 and number + 1 < wallets:
                self.say(f"{number + 1} of {wallets} wallets have deposited")
        self._wait(
            "the deposits in the mirror",
            "SELECT count(*) FROM mirror.account",
            len(self.wallets),
        )

    def wait_for_odds(self) -> None:
        """Until every fixture has odds; then bettors know what to sign."""
        self.typed = self.api.get("/v1/typed-data")

        def priced() -> bool:
            fixtures = self.api.fixtures()
            return bool(fixtures) and len(offers(fixtures)) >= 4 * len(fixtures)

        self._until("odds for every fixture", priced)

    def bet(self) -> None:
        """Bettors take turns until enough slips are accepted; then all are on the chain."""
        attempts = 0
        while len(self.accepted) < self.settings.bets:
            if attempts >= self.settings.bets * ATTEMPTS_A_BET:
                raise DevnetError(f"Too few slips were accepted: {self.refusals()}.")
            if attempts % REFRESH_EVERY == 0:
                self._fixtures = self.api.fixtures()
            self._take_turn(attempts)
            attempts += 1
            if attempts % 100 == 0:
                self.say(f"{len(self.accepted)} slips accepted, {len(self.refused)} refused")
        self._wait_until_placed()

    def bet_once(self) -> None:
        """The next bettor's turn at the odds of now, if there are any."""
        self._fixtures = self.api.fixtures()
        if offers(self._fixtures):
            self._take_turn(len(self.accepted) + len(self.refused))

    def play(self, kick_offs: Sequence[int], fixtures_played: int) -> None:
        """The clock moves past the kick-off (a late bet is refused), past the final whistle, and
        past the dispute window; results and settlement follow by themselves."""
        fixtures = self.api.fixtures()
        late = self._bettors[0].choose(offers(fixtures))
        travel_to(self.chain, max(kick_offs) + 60)
        self._wait_for_clock(max(kick_offs) + 60)
        self._place(self.wallets[0], Choice(late.legs, late.stake_micro, 10_001), fixtures)
        self.say("kick-off: a late bet was tried")
        travel_to(self.chain, max(kick_offs) + MATCH_LENGTH_S + 1)
        results = "SELECT count(*) FROM mirror.result"
        self._wait("the results on the chain", results, fixtures_played)
        self.say("final whistle: results are published")
        final_s = self._one("SELECT max(final_at_s) FROM mirror.result")
        travel_to(self.chain, final_s + 1)

    def settle(self) -> None:
        """Waits until the platform has settled every bet."""
        bets = self._one("SELECT count(*) FROM mirror.bet")
        self._wait("every bet settled", "SELECT count(*) FROM mirror.settlement", bets)

    def withdraw(self) -> None:
        """Every tenth wallet leaves at once with the house's countersignature; one leaves alone,
        after the exit delay, asking nobody."""
        book, web3 = self.reader.sportsbook, self.reader.web3
        leaving = self.wallets[::10]
        for wallet in leaving[1:]:
            balance = book.functions.accountAt(wallet.account).call()[1]
            if balance == 0:
                continue
            deadline = self.chain.timestamp_s() + 300
            granted = self._countersigned(wallet, balance, deadline)
            wallet.send(web3, book.functions.withdrawGranted(*granted))
            self.withdrawn += 1
        alone = next((w for w in self.wallets if self._balance(w) > 0), None)
        if alone is not None:
            alone.send(web3, book.functions.requestExit(self._balance(alone)))
            travel_to(self.chain, book.functions.exitOf(alone.account).call()[1])
            alone.send(web3, book.functions.exit())
            self.withdrawn += 1
        self._wait(
            "the withdrawals in the mirror",
            "SELECT count(*) FROM mirror.movement WHERE kind = 'withdrawal'",
            self.withdrawn,
        )

    def refusals(self) -> dict[str, int]:
        """Refused slips by code, the most frequent first."""
        counts: dict[str, int] = {}
        for refusal in self.refused:
            counts[refusal.code] = counts.get(refusal.code, 0) + 1
        return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the demo's database."""
        with psycopg.connect(plain_url(self.database_url)) as connection:
            return connection.execute(query.encode()).fetchall()

    def wait_for_mirror(self, head: int) -> None:
        """Until the mirror has followed the chain to a block."""
        self._wait("the mirror", "SELECT max(head_block) FROM mirror.deployment", head)

    def _take_turn(self, number: int) -> None:
        turn = number % len(self.wallets)
        choice = self._bettors[turn].choose(offers(self._fixtures))
        self._place(self.wallets[turn], choice, self._fixtures)

    def _place(self, wallet: Wallet, choice: Choice, fixtures: Sequence[dict[str, Any]]) -> None:
        slip = self._signed(wallet, choice, fixtures)
        while True:
            try:
                answer = self.api.post("/v1/slips", slip.body())
                break
            except Refused as refusal:
                if refusal.code == TOO_MANY_PENDING:
                    time.sleep(0.2)
                    continue
                self.refused.append(RefusedSlip(slip, refusal.code, refusal.status))
                return
        wallet.nonce = max(wallet.nonce, slip.nonce)
        self.accepted.append(
            AcceptedSlip(
                slip=slip,
                id=answer["id"],
                slip_hash=answer["slip_hash"],
                accepted_at_s=answer["accepted_at_s"],
                odds_e4=tuple(answer["odds_e4"]),
                payout_max_micro=int(answer["payout_max_micro"]),
                receipt_signature=answer["receipt"]["signature"],
            )
        )

    def _signed(
        self, wallet: Wallet, choice: Choice, fixtures: Sequence[dict[str, Any]]
    ) -> SignedSlip:
        words = leg_words(list(fixtures))
        stake, nonce = choice.stake_micro, wallet.nonce + 1
        deadline, min_odds = self.chain.timestamp_s() + SLIP_LIFE_S, choice.min_odds_e4
        signer = wallet
        match choice.mistake:
            case Mistake.STAKE_ABOVE_BALANCE:
                stake = self._balance(wallet) + 1
            case Mistake.NONCE_USED if wallet.nonce:
                nonce = wallet.nonce
            case Mistake.ODDS_TOO_HIGH:
                min_odds = min_odds * 3 // 2
            case Mistake.EXPIRED:
                deadline -= 2 * SLIP_LIFE_S
            case Mistake.OTHER_KEY:
                signer = Wallet(bytes(Account.create().key))
            case _:
                choice = Choice(choice.legs, choice.stake_micro, choice.min_odds_e4)
        unsigned = SignedSlip(
            account=wallet.account,
            nonce=nonce,
            stake_micro=stake,
            min_odds_e4=min_odds,
            deadline_s=deadline,
            legs=tuple(SlipLeg(m, outcome, words[m, outcome]) for m, outcome in choice.legs),
            signature="",
            mistake=choice.mistake,
        )
        return unsigned.with_signature(
            signer.sign_typed(self.typed, ("Slip", "Leg"), unsigned.message())
        )

    def _countersigned(
        self, wallet: Wallet, amount_micro: int, deadline_s: int
    ) -> tuple[tuple[bytes, bytes], int]:
        sequence = self.reader.sportsbook.functions.accountAt(wallet.account).call()[4]
        message = {
            "account": wallet.account,
            "amountMicro": amount_micro,
            "deadline": deadline_s,
            "sequence": sequence,
        }
        body = {
            "account": wallet.account,
            "amount_micro": str(amount_micro),
            "deadline_s": deadline_s,
            "sequence": sequence,
            "signature": wallet.sign_typed(self.typed, ("Withdrawal",), message),
        }
        answer = self.api.post("/v1/withdrawals", body)
        signature = bytes.fromhex(answer["signature"].removeprefix("0x"))
        return pair(signature), int(answer["word"], 16)

    def _balance(self, wallet: Wallet) -> int:
        return int(self.reader.sportsbook.functions.accountAt(wallet.account).call()[1])

    def _wait_for_clock(self, timestamp_s: int) -> None:
        self._wait(
            "the mirror's clock", "SELECT max(head_timestamp_s) FROM mirror.deployment", timestamp_s
        )

    def _wait_until_placed(self) -> None:
        placed = "SELECT (SELECT count(*) FROM mirror.bet) + (SELECT count(*) FROM mirror.skip)"
        self._wait("every accepted slip on the chain", placed, len(self.accepted))

    def _wait(self, what: str, query: str, least: int) -> None:
        self._until(what, lambda: (self._one(query) or 0) >= least)

    def _one(self, query: str) -> int:
        found: int = self.select(query)[0][0]
        return found

    @staticmethod
    def _until(what: str, check: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_LIMIT_S
        while not check():
            if time.monotonic() > until:
                raise DevnetError(
                    f"Waited {WAIT_LIMIT_S:.0f} s in vain for {what}: see .devnet/logs/all.log."
                )
            time.sleep(0.1)
