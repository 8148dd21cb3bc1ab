"""Rules of a life that move an account's money or rule out its slips: by the owner's transaction,
or by a signature that somebody else sends."""

from __future__ import annotations

from collections.abc import Callable

from brownie import accounts

from protocol.signatures import compact
from protocol.typed_data import Action, Request, Withdrawal
from tests.contracts.life_choices import FORGED, Choices
from tests.contracts.token_signatures import FAR_S, authorization, permit
from tests.support.people import Bettor
from tests.support.signing import sign_raw
from tests.support.terms import EXIT_DELAY_S, UNIT

# Whoever sends what others signed.
RELAYER = 61
# An account that nobody has opened.
UNKNOWN = 2**32 - 1
ACTIONS = (*(Action.REQUEST_EXIT,) * 2, *(Action.EXIT,) * 3, Action.EXCLUDE, Action.CANCEL_NONCES)


class AccountRules(Choices):
    """What an owner does without a bet."""

    def rule_deposit(self) -> None:
        who, amount = self._who(), self._amount()
        account = self.model.accounts[self.bettors[who].account]
        deposit = self.world.sportsbook.depositFor
        owner = self.world.owner
        sent = self._send(lambda: deposit(self.bettors[who].address, amount, {"from": owner}))
        self._went(sent, account.deposit(amount, self._clock()))

    def rule_withdraw(self) -> None:
        who, amount = self._who(), self._amount()
        bettor = self.bettors[who]
        account = self.model.accounts[bettor.account]
        deadline_s = self._clock() + 3_600
        consent = self.world.countersign(bettor, amount, deadline_s, self.sequences[who])
        word = Withdrawal(bettor.account, amount, deadline_s, self.sequences[who]).word()
        withdraw = self.world.sportsbook.withdrawGranted
        sent = self._send(lambda: withdraw(consent, word, {"from": bettor.address}))
        if self._went(sent, "BalanceInsufficient" if amount > account.balance else None):
            account.balance -= amount
            self.sequences[who] += 1

    def rule_exit(self) -> None:
        """Announce, or take what was announced, with nobody's consent."""
        who, amount = self._who(), self._amount()
        by = {"from": self.bettors[who].address}
        if who not in self.exits:
            if self.random.random() < 0.3:
                # One that was paid is not paid again.
                sent = self._send(lambda: self.world.sportsbook.exit(by))
                self._went(sent, "ExitUnknown")
                return
            asked = self.world.sportsbook.requestExit(amount, by)
            self.exits[who] = (amount, asked.timestamp + EXIT_DELAY_S)
            return
        amount, unlocks_at_s = self.exits[who]
        sent = self._send(lambda: self.world.sportsbook.exit(by))
        if self._went(sent, "ExitLocked" if self._clock() < unlocks_at_s else None):
            account = self.model.accounts[self.bettors[who].account]
            account.balance -= min(amount, account.balance)
            del self.exits[who]

    def rule_exclude(self) -> None:
        bettor = self.bettors[self._who()]
        account = self.model.accounts[bettor.account]
        until_s = self._clock() + self.random.choice((590, 620, 7_200))
        sent = self._send(lambda: self.world.exclude(bettor, until_s))
        self._went(sent, account.exclude(until_s, self._clock()))

    def rule_cancel(self) -> None:
        """Take nonces back: none, some that are used, all that could be used, or too many."""
        bettor = self.bettors[self._who()]
        account = self.model.accounts[bettor.account]
        last = max(0, account.nonce + self.random.choice((-20, -3, 0, 1, 3, 9, 9, 10)))
        by = {"from": bettor.address}
        sent = self._send(lambda: self.world.sportsbook.cancelNonces(last, by))
        self._went(sent, account.cancel(last, self._clock()))

    # -- By somebody else

    def rule_relay(self) -> None:
        """A request that its owner signed or did not, in turn or not, in time or not, with or
        without a fee; for no account at times."""
        who = self._who()
        bettor, action = self.bettors[who], self.random.choice(ACTIONS)
        turn = self.random.choice((*(0,) * 10, 1, -1))
        is_open = self.random.random() < 0.95
        asked = Request(
            bettor.account if is_open else UNKNOWN,
            action,
            self._value_of(action, bettor),
            self._fee_of(action, who),
            max(0, self.relayed[who] + turn),
            self._clock() + self.random.choice((*(3_600,) * 10, -1)),
        )
        key = bettor.key if self.random.random() < 0.9 else FORGED
        signature = compact(sign_raw(self.world.domain, asked, key))
        by = {"from": accounts[RELAYER]}
        held = self._tokens(bettor)
        sent = self._send(lambda: self.world.sportsbook.relay(asked.arguments(), signature, by))
        expected, paid = self._relayed(asked, who, key)
        if self._went(sent, expected):
            self.relayed[who] += 1
        assert self._tokens(bettor) == (held[0] + paid[0], held[1] + paid[1])

    def _value_of(self, action: Action, bettor: Bettor) -> int:
        nonce = self.model.accounts[bettor.account].nonce
        values: dict[Action, Callable[[], int]] = {
            Action.REQUEST_EXIT: self._amount,
            Action.EXIT: lambda: 0,
            Action.EXCLUDE: lambda: self._clock() + self.random.choice((590, 620, 7_200)),
            Action.CANCEL_NONCES: lambda: max(0, nonce + self.random.choice((-3, 0, 1, 9, 10))),
        }
        return values[action]()

    def _fee_of(self, action: Action, who: int) -> int:
        """None, small, all that an exit pays, or one unit more."""
        if action is not Action.EXIT:
            return self.random.choice((0, 0, 0, 1, 20 * UNIT))
        most = self._payable(who)
        return self.random.choice((0, most // 3, most, most + 1))

    def _payable(self, who: int) -> int:
        balance = self.model.accounts[self.bettors[who].account].balance
        return min(self.exits.get(who, (0, 0))[0], balance)

    def _relayed(self, asked: Request, who: int, key: bytes) -> tuple[str | None, tuple[int, int]]:
        """The error, or None; and what owner and sender are paid."""
        now_s, bettor = self._clock(), self.bettors[who]
        account = self.model.accounts[bettor.account]
        nothing = (0, 0)
        if now_s > asked.deadline_s:
            return "RequestExpired", nothing
        is_open = asked.account != UNKNOWN
        if asked.number != (self.relayed[who] if is_open else 0):
            return "RequestOutOfTurn", nothing
        if key != bettor.key or not is_open:
            return "RequestUnsigned", nothing
        if asked.action is Action.EXIT:
            return self._relayed_exit(who, asked.fee_micro)
        if asked.fee_micro:
            return "FeeWithoutExit", nothing
        if asked.action is Action.EXCLUDE:
            return account.exclude(asked.value, now_s), nothing
        if asked.action is Action.CANCEL_NONCES:
            return account.cancel(asked.value, now_s), nothing
        self.exits[who] = (asked.value, now_s + EXIT_DELAY_S)
        return None, nothing

    def _relayed_exit(self, who: int, fee_micro: int) -> tuple[str | None, tuple[int, int]]:
        if who not in self.exits:
            return "ExitUnknown", (0, 0)
        if self._clock() < self.exits[who][1]:
            return "ExitLocked", (0, 0)
        leaving = self._payable(who)
        if fee_micro > leaving:
            return "FeeTooHigh", (0, 0)
        self.model.accounts[self.bettors[who].account].balance -= leaving
        del self.exits[who]
        return None, (leaving - fee_micro, fee_micro)

    def _tokens(self, bettor: Bettor) -> tuple[int, int]:
        """Of the owner and of who sends what the owner signed."""
        token = self.world.token
        return token.balanceOf(bettor.address), token.balanceOf(accounts[RELAYER])

    def rule_deposit_permitted(self) -> None:
        """By the owner or by somebody else, with the owner's permit or a forged one."""
        bettor, amount = self.bettors[self._who()], self._amount()
        self.world.token.mint(bettor.address, amount, {"from": self.world.owner})
        is_forged, is_owners = self.random.random() < 0.3, self.random.random() < 0.5
        key = FORGED if is_forged else bettor.key
        signature = permit(self.world, key, amount, bettor.address)
        by = {"from": bettor.address if is_owners else accounts[RELAYER]}
        deposit = self.world.sportsbook.depositWithPermit
        sent = self._send(lambda: deposit(bettor.address, amount, FAR_S, *signature, by))
        if is_forged:
            self._went(sent, "ERC20InsufficientAllowance" if is_owners else "PermitInvalid")
            return
        self._went(sent, self.model.accounts[bettor.account].deposit(amount, self._clock()))

    def rule_deposit_authorized(self) -> None:
        """By somebody else, for the fee that the owner signed or another one."""
        bettor, amount = self.bettors[self._who()], self._amount()
        self.world.token.mint(bettor.address, amount, {"from": self.world.owner})
        fee = self.random.choice((0, amount // 3, amount // 3, amount, amount + 1))
        stolen = self.random.choice((0, 0, 0, 1))
        key = bettor.key if self.random.random() < 0.8 else FORGED
        salt = self.random.randbytes(32)
        signature = authorization(self.world, key, amount, fee, salt, owner=bettor.address)
        terms = (bettor.address, amount, fee + stolen, 0, FAR_S, salt, *signature)
        by = {"from": accounts[RELAYER]}
        held = self._tokens(bettor)
        deposit = self.world.sportsbook.depositWithAuthorization
        sent = self._send(lambda: deposit(*terms, by))
        expected = None
        if stolen or key == FORGED:
            expected = "AuthorizationInvalid"
        elif fee >= amount:
            expected = "AmountZero" if fee == amount else "FeeTooHigh"
        else:
            account = self.model.accounts[bettor.account]
            expected = account.deposit(amount - fee, self._clock())
        if self._went(sent, expected):
            assert self._tokens(bettor) == (held[0] - amount, held[1] + fee)
