"""Bets through the API as clients do that do not give up: whatever happens to a request, they ask
again with the same slip until an answer settles it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx

from scripts.chaos.house import House
from scripts.chaos.plan import Habit, Turn
from scripts.chaos.sent import SentSlip
from scripts.demo.api_client import ApiClient, Refused
from scripts.demo.betting import TOO_MANY_PENDING, Board
from scripts.demo.bots import Choice, Mistake
from scripts.demo.slips import AcceptedSlip, SignedSlip
from scripts.devnet import DevnetError
from scripts.devnet.rpc import RpcError

# No bettor waits longer for the answer to a slip, nor for what there is to bet on.
ANSWER_LIMIT_S = 120.0
_REQUEST_LIMIT_S = 10.0
_PAUSE_S = (0.1, 0.4)
_FOR_NOW = {TOO_MANY_PENDING, "rate-limited"}

Answer = TypeVar("Answer")


class Stopped(Exception):
    """The run ends."""


class Client:
    """One bettor of the house, with connections of its own."""

    def __init__(self, house: House, number: int, seed: int, ending: threading.Event) -> None:
        self._betting = house.day.betting
        self._chain = house.chain
        self._wallet = self._betting.wallets[number]
        self._bettor = self._betting.bettors[number]
        self._house = house
        self._random = random.Random(f"client {seed} {number}")
        self._ending = ending
        self._apis: dict[str, ApiClient] = {}
        self.sent: list[SentSlip] = []

    @property
    def _api(self) -> ApiClient:
        """An API of the house for the next request, whichever answered the last one."""
        url = self._random.choice(self._house.api_urls)
        self._house.requests[url] += 1
        return self._apis.setdefault(url, ApiClient(url, _REQUEST_LIMIT_S))

    def play(self, turns: tuple[Turn, ...]) -> None:
        """Takes the turns, each at its time or when the one before has ended. Raises DevnetError
        when an answer takes too long."""
        started = time.monotonic()
        try:
            for turn in turns:
                self._wait(started + turn.at_s - time.monotonic())
                self._take(turn)
        except Stopped:
            pass
        finally:
            for api in self._apis.values():
                api.close()

    def _take(self, turn: Turn) -> None:
        slip = self._until("what there is to bet on", self._signed)
        sent = SentSlip(slip)
        self.sent.append(sent)
        asked = time.monotonic()
        if turn.habit is Habit.IMPATIENT:
            self._ask(sent, turn.patience_s)
        if turn.habit is Habit.TWICE:
            with ThreadPoolExecutor(1) as pool:
                other = pool.submit(self._answer, sent)
                self._answer(sent)
                other.result()
        self._answer(sent)
        sent.waited_s = time.monotonic() - asked

    def _signed(self) -> SignedSlip | None:
        """A slip at the odds of now, with the account's next nonce."""
        account = self._api.get(f"/v1/accounts/{self._wallet.account}")
        self._wallet.nonce = int(account["next_nonce"]) - 1
        board = Board.read(self._api, self._chain)
        if not board.offers:
            return None
        choice = self._bettor.choose(board.offers)
        needs_node = choice.mistake is Mistake.STAKE_ABOVE_BALANCE
        if needs_node or (choice.mistake is Mistake.NONCE_USED and not self._wallet.nonce):
            # The node may be away, and the first slip has no nonce to use again.
            choice = Choice(choice.legs, choice.stake_micro, choice.min_odds_e4)
        return self._betting.signed(self._wallet, choice, board)

    def _answer(self, sent: SentSlip) -> None:
        """Asks until an answer settles the slip."""
        what = f"an answer to slip {sent.slip.nonce} of account {sent.slip.account}"
        self._until(what, lambda: self._ask(sent, _REQUEST_LIMIT_S) or None)

    def _ask(self, sent: SentSlip, patience_s: float) -> bool:
        """Sends a slip once; whether the answer settles what becomes of it."""
        sent.requests += 1
        was_accepted = bool(sent.receipts)
        try:
            body = self._api.post("/v1/slips", sent.slip.body(), patience_s)
        except httpx.TransportError:
            return False
        except Refused as refused:
            sent.internal_errors += refused.status == 500
            if refused.status >= 500 or refused.code in _FOR_NOW:
                sent.delays.add(refused.code)
                return False
            sent.refusals.append(refused.code)
            if was_accepted:
                sent.taken_back.append(refused.code)
            return True
        sent.receipts.append(AcceptedSlip.of(sent.slip, body))
        return True

    def _until(self, what: str, attempt: Callable[[], Answer | None]) -> Answer:
        until = time.monotonic() + ANSWER_LIMIT_S
        reason = "there is nothing on offer, or no answer"
        while time.monotonic() < until:
            try:
                found = attempt()
            except (httpx.TransportError, OSError, RpcError) as error:
                found, reason = None, repr(error)
            except Refused as refused:
                found, reason = None, str(refused)
            if found is not None:
                return found
            self._wait(self._random.uniform(*_PAUSE_S))
        raise DevnetError(
            f"A bettor waited {ANSWER_LIMIT_S:.0f} s for {what}; last reason: {reason}."
        )

    def _wait(self, seconds: float) -> None:
        if self._ending.wait(max(0.0, seconds)):
            raise Stopped
