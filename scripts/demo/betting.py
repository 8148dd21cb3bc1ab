"""Lets bettors take turns: each chooses a bet from what is on offer, signs it, and submits it.

A round is one turn each of several wallets at the same odds, submitted at the same time. A wallet
has one turn in a round, so that its nonces stay in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from eth_account import Account

from scripts.demo.api_client import ApiClient, Refused, leg_words, offers
from scripts.demo.bots import Bettor, Choice, Mistake, Offer
from scripts.demo.chain_reader import ChainReader
from scripts.demo.slips import AcceptedSlip, RefusedSlip, SignedSlip, SlipLeg
from scripts.demo.wallet import Wallet
from scripts.devnet import Chain, DevnetError

SLIP_LIFE_S = 90
ROUND = 20
AT_ONCE = 4
MAX_TURNS_PER_BET = 4
TOO_MANY_PENDING = "too-many-pending"
_PENDING_PAUSE_S = 0.2
_SAY_EVERY = 100


@dataclass(frozen=True)
class Board:
    """What is on offer at one moment: markets with odds, and the words of every leg."""

    offers: list[Offer]
    words: dict[tuple[str, int], dict[str, Any]]
    now_s: int

    @classmethod
    def read(cls, api: ApiClient, chain: Chain) -> Board:
        fixtures = api.fixtures()
        return cls(offers(fixtures), leg_words(fixtures), chain.timestamp_s())


class Betting:
    """The wallets' bets, and what the API answered."""

    def __init__(
        self, api: ApiClient, chain: Chain, reader: ChainReader, say: Callable[[str], None]
    ) -> None:
        self.wallets: list[Wallet] = []
        self.bettors: list[Bettor] = []
        self.accepted: list[AcceptedSlip] = []
        self.refused: list[RefusedSlip] = []
        self.typed: dict[str, Any] = {}
        self._api = api
        self._chain = chain
        self._reader = reader
        self._say = say
        self._turns = 0

    def board(self) -> Board:
        """What is on offer now."""
        return Board.read(self._api, self._chain)

    def bet(self, bets: int) -> None:
        """Rounds until `bets` slips are accepted. Raises DevnetError when too many are refused."""
        said = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while len(self.accepted) < bets:
                if self._turns >= bets * MAX_TURNS_PER_BET:
                    raise DevnetError(f"Too few slips were accepted: {self.refusals()}.")
                size = min(ROUND, len(self.wallets), bets - len(self.accepted))
                self._round(pool, size)
                if self._turns // _SAY_EVERY > said:
                    said = self._turns // _SAY_EVERY
                    self._say(f"{len(self.accepted)} slips accepted, {len(self.refused)} refused")

    def bet_once(self) -> None:
        """The next bettor's turn, if anything is on offer."""
        board = self.board()
        if board.offers:
            self._keep(self._turn(self._turns, board))
            self._turns += 1

    def bet_late(self, board: Board) -> None:
        """The first wallet bets on what was on offer before the kick-off."""
        choice = self.bettors[0].choose(board.offers)
        late = Choice(choice.legs, choice.stake_micro, 10_001)
        now = Board(board.offers, board.words, self._chain.timestamp_s())
        self._keep(self._submit(self.wallets[0], late, now))

    def refusals(self) -> dict[str, int]:
        """Refused slips by code, the most frequent first."""
        counts: dict[str, int] = {}
        for refusal in self.refused:
            counts[refusal.code] = counts.get(refusal.code, 0) + 1
        return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    def _round(self, pool: ThreadPoolExecutor, size: int) -> None:
        board = self.board()
        turns: Sequence[int] = range(self._turns, self._turns + size)
        for answer in pool.map(lambda turn: self._turn(turn, board), turns):
            self._keep(answer)
        self._turns += size

    def _turn(self, turn: int, board: Board) -> AcceptedSlip | RefusedSlip:
        number = turn % len(self.wallets)
        choice = self.bettors[number].choose(board.offers)
        return self._submit(self.wallets[number], choice, board)

    def _keep(self, answer: AcceptedSlip | RefusedSlip) -> None:
        if isinstance(answer, AcceptedSlip):
            self.accepted.append(answer)
        else:
            self.refused.append(answer)

    def _submit(self, wallet: Wallet, choice: Choice, board: Board) -> AcceptedSlip | RefusedSlip:
        slip = self.signed(wallet, choice, board)
        while True:
            try:
                answer = self._api.post("/v1/slips", slip.body())
                break
            except Refused as refusal:
                if refusal.code != TOO_MANY_PENDING:
                    return RefusedSlip(slip, refusal.code, refusal.status)
                time.sleep(_PENDING_PAUSE_S)
        wallet.nonce = max(wallet.nonce, slip.nonce)
        return AcceptedSlip.of(slip, answer)

    def signed(self, wallet: Wallet, choice: Choice, board: Board) -> SignedSlip:
        """The wallet's next slip, with the mistake of the choice."""
        stake, nonce = choice.stake_micro, wallet.nonce + 1
        deadline, min_odds = board.now_s + SLIP_LIFE_S, choice.min_odds_e4
        signer = wallet
        match choice.mistake:
            case Mistake.STAKE_ABOVE_BALANCE:
                stake = self._reader.balance(wallet.account) + 1
            case Mistake.NONCE_USED if wallet.nonce:
                nonce = wallet.nonce
            case Mistake.ODDS_TOO_HIGH:
                min_odds = min_odds * 3 // 2
            case Mistake.EXPIRED:
                deadline -= 2 * SLIP_LIFE_S
            case Mistake.OTHER_KEY:
                signer = Wallet(bytes(Account.create().key))
            case _:
                pass
        unsigned = SignedSlip(
            account=wallet.account,
            nonce=nonce,
            stake_micro=stake,
            min_odds_e4=min_odds,
            deadline_s=deadline,
            legs=tuple(SlipLeg(m, outcome, board.words[m, outcome]) for m, outcome in choice.legs),
            signature="",
            mistake=choice.mistake,
        )
        return unsigned.with_signature(
            signer.sign_typed(self.typed, ("Slip", "Leg"), unsigned.message())
        )
