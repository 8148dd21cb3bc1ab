"""Plays the match day: bettors deposit, bet, are paid and leave.

Everything goes through the HTTP API and the contracts; the mirror is read only to wait until the
platform has done its part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eth_utils.crypto import keccak

from backend.feed.facts import MATCH_LENGTH_S
from protocol.signatures import pair
from scripts.demo.api_client import ApiClient, offers
from scripts.demo.betting import Betting
from scripts.demo.bots import Bettor
from scripts.demo.chain_reader import ChainReader
from scripts.demo.deposits import open_accounts
from scripts.demo.mirror import Mirror, wait_until
from scripts.demo.wallet import Fees, Wallet
from scripts.devnet import Chain
from scripts.devnet.clock import travel_to

MARKETS_WITH_ODDS = 4  # per fixture, before the bettors begin
LEAVING_EVERY = 10
WITHDRAWAL_LIFE_S = 300
_WITHDRAWAL_GAS = 200_000


class MatchDay:
    """One run, stage by stage; `betting` has the slips, `withdrawn` counts those who left."""

    def __init__(
        self,
        seed: int,
        chain: Chain,
        reader: ChainReader,
        api: ApiClient,
        mirror: Mirror,
        say: Callable[[str], None],
    ) -> None:
        self.chain = chain
        self.reader = reader
        self.api = api
        self.mirror = mirror
        self.betting = Betting(api, chain, reader, say)
        self.withdrawn = 0
        self._seed = seed
        self._say = say

    def wait_for_odds(self) -> None:
        """Waits until every fixture has odds, and reads what slips are signed with."""
        self.betting.typed = self.api.get("/v1/typed-data")

        def all_priced() -> bool:
            fixtures = self.api.fixtures()
            return bool(fixtures) and len(offers(fixtures)) >= MARKETS_WITH_ODDS * len(fixtures)

        wait_until("odds for every fixture", all_priced)

    def deposit(self, wallets: int) -> None:
        """New wallets deposit; each has a bettor with its own preferences."""
        bettors = [Bettor(self._seed, number) for number in range(wallets)]
        opened = [Wallet(keccak(text=f"demo wallet {self._seed}/{n}")) for n in range(wallets)]
        amounts = [bettor.deposit_micro() for bettor in bettors]
        deposits = list(zip(opened, amounts, strict=True))
        open_accounts(self.chain, self.reader, deposits, self._say)
        self.betting.wallets, self.betting.bettors = opened, bettors
        query = "SELECT count(*) FROM mirror.account"
        self.mirror.wait_for("the deposits in the mirror", query, wallets)

    def bet(self, bets: int) -> None:
        """Bettors take turns until `bets` slips are accepted, and all of them are on the chain."""
        self.betting.bet(bets)
        accepted = len(self.betting.accepted)
        self._say(f"{accepted} slips accepted, {len(self.betting.refused)} refused")
        placed = "SELECT (SELECT count(*) FROM mirror.bet) + (SELECT count(*) FROM mirror.skip)"
        self.mirror.wait_for("every accepted slip on the chain", placed, accepted)

    def play(self, kick_offs: Sequence[int], fixtures: int) -> None:
        """The clock moves past the kick-off, where a late bet is refused, past the final whistle,
        and past the dispute window. Results and settlement follow by themselves."""
        board = self.betting.board()
        travel_to(self.chain, max(kick_offs) + 60)
        self.mirror.wait_for_time(max(kick_offs) + 60)
        self.betting.bet_late(board)
        self._say("kick-off: a late bet was submitted")
        travel_to(self.chain, max(kick_offs) + MATCH_LENGTH_S + 1)
        results = "SELECT count(*) FROM mirror.result"
        self.mirror.wait_for("the results on the chain", results, fixtures)
        self._say("final whistle: the results are published")
        travel_to(self.chain, self.mirror.number("SELECT max(final_at_s) FROM mirror.result") + 1)

    def settle(self) -> None:
        """Waits until the platform has settled every bet."""
        bets = self.mirror.number("SELECT count(*) FROM mirror.bet")
        query = "SELECT count(*) FROM mirror.settlement"
        self.mirror.wait_for("every bet settled", query, bets)

    def withdraw(self) -> None:
        """Every tenth wallet leaves at once with the house's countersignature. One wallet leaves
        without it, after the exit delay."""
        wallets = self.betting.wallets
        self.leave_with_the_house(wallets[LEAVING_EVERY::LEAVING_EVERY])
        balances = self.reader.balances([wallet.account for wallet in wallets])
        alone = next((w for w, balance in zip(wallets, balances, strict=True) if balance), None)
        if alone is not None:
            self._leave_alone(alone)
        query = "SELECT count(*) FROM mirror.movement WHERE kind = 'withdrawal'"
        self.mirror.wait_for("the withdrawals in the mirror", query, self.withdrawn)

    def leave_with_the_house(self, wallets: Sequence[Wallet]) -> None:
        """The wallets withdraw all that they have, with the house's countersignature."""
        book, fees = self.reader.sportsbook, Fees.of(self.reader.web3)
        deadline = self.chain.timestamp_s() + WITHDRAWAL_LIFE_S
        nonces = self.reader.nonces([wallet.address for wallet in wallets])
        signed = []
        for wallet, nonce in zip(wallets, nonces, strict=True):
            account = self.reader.account(wallet.account)
            if account.balance_micro:
                granted = self._countersigned(
                    wallet, account.balance_micro, deadline, account.sequence
                )
                call = book.functions.withdrawGranted(*granted)
                signed.append(wallet.signed_call(call, _WITHDRAWAL_GAS, nonce, fees))
        self.reader.send(self.chain, signed)
        self.withdrawn += len(signed)

    def _leave_alone(self, wallet: Wallet) -> None:
        book, fees = self.reader.sportsbook, Fees.of(self.reader.web3)
        nonce = self.reader.nonces([wallet.address])[0]
        exit_all = book.functions.requestExit(self.reader.balance(wallet.account))
        self.reader.send(self.chain, [wallet.signed_call(exit_all, _WITHDRAWAL_GAS, nonce, fees)])
        travel_to(self.chain, book.functions.exitOf(wallet.account).call()[1])
        leave = wallet.signed_call(book.functions.exit(), _WITHDRAWAL_GAS, nonce + 1, fees)
        self.reader.send(self.chain, [leave])
        self.withdrawn += 1

    def _countersigned(
        self, wallet: Wallet, amount_micro: int, deadline_s: int, sequence: int
    ) -> tuple[tuple[bytes, bytes], int]:
        """The arguments of `withdrawGranted`, from the API."""
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
            "signature": wallet.sign_typed(self.betting.typed, ("Withdrawal",), message),
        }
        answer = self.api.post("/v1/withdrawals", body)
        signature = bytes.fromhex(answer["signature"].removeprefix("0x"))
        return pair(signature), int(answer["word"], 16)
