"""The rule of a life by which a receipt takes the place of the bet that was made of its slip."""

from __future__ import annotations

import copy
from dataclasses import replace

from protocol.batch_call import Table
from protocol.roles import Role
from tests.contracts.life_choices import Choices, HouseKey, markets_of
from tests.contracts.model import Model
from tests.contracts.model_values import Bet, By, SlipModel
from tests.support.batches import pack, run
from tests.support.slips import Pick, Signed
from tests.support.terms import RECEIPT_WINDOW_S

# What Brownie says of a panic in checked arithmetic.
OVERFLOW = "Integer overflow"


class ReplacementRules(Choices):
    """Whoever holds a receipt calls enforceInstead, for the right bet or for another one."""

    def rule_enforce_instead(self) -> None:
        found = self._any_bet()
        if found is None:
            return
        number, place, bet = found
        signed = self._like(bet)
        table = self._table(signed.accepted_at_s, signed)
        slip = self._as_model(signed, table, is_signed=True)
        signer = self._key(Role.RECEIPTS)
        call = (run(number, self.batches[number], place, 1), pack(signed))
        receipt = self.world.receipt(signed, signer.secret)
        is_owners = self.random.random() < 0.9
        by = self.world.sender_of(signed) if is_owners else self.world.by_stranger
        sent = self._send(lambda: self.world.sportsbook.enforceInstead(*call, receipt, by))
        after = copy.deepcopy(self.model)
        expected = self._refused_replacement(
            after, (number, place), table, slip, signer, is_owners=is_owners
        )
        if sent[0] == OVERFLOW:
            # What the book has on a market that is marked is not the sum of its bets any more, so
            # that it can overflow before the receipt is refused.
            assert is_owners
            assert bet.markets[0] in self.model.marked
            assert expected is not None
            return
        if not self._went(sent, expected):
            return
        self.model = after
        self._placed(sent[1], table, [slip], By.RECEIPT)
        self.model.replaced = None
        signer.model.spend(replacement_cost(slip, bet), self._clock())

    def _any_bet(self) -> tuple[int, int, Bet] | None:
        """An open one that is young mostly."""
        bets = [
            (number, place, bet)
            for number, batch in self.model.batches.items()
            for place, bet in enumerate(batch)
        ]
        earliest_s = self._clock() - RECEIPT_WINDOW_S
        young = [one for one in bets if one[2].accepted_at_s > earliest_s and not one[2].is_settled]
        if young and self.random.random() < 0.9:
            return self.random.choice(young)
        return self.random.choice(bets) if bets else None

    def _like(self, bet: Bet) -> Signed:
        """A slip for the same bet, mostly: at other odds, accepted at another time."""
        names = {game.id: game.name for game in self.games}
        picks = [
            Pick(market, leg.outcome, self._odds(leg.odds_e4), names[market.fixture])
            for market, leg in zip(bet.markets, bet.record.legs, strict=True)
        ]
        stake, nonce = bet.record.stake_micro, bet.record.nonce
        other = self.random.randrange(12)
        if other == 0:
            picks[0] = replace(picks[0], outcome=1 - min(1, picks[0].outcome))
        elif other == 1:
            stake += 1
        elif other == 2:
            nonce += 1
        bettor = next(b for b in self.bettors if b.account == bet.record.account)
        return self.world.sign(
            bettor,
            *picks,
            stake_micro=stake,
            accepted_at_s=bet.accepted_at_s - self.random.choice((0, 0, 1, 30, 400)),
            nonce=nonce,
        )

    def _odds(self, placed_e4: int) -> int:
        return self.random.choice((placed_e4, placed_e4, 10_001, placed_e4 + 1, 2 * placed_e4))

    def _refused_replacement(
        self,
        after: Model,
        place: tuple[int, int],
        table: Table,
        slip: SlipModel,
        signer: HouseKey,
        *,
        is_owners: bool,
    ) -> str | None:
        """Why the bet is not replaced, in the order in which reasons are looked for. `after` is
        left as it is between the end of the bet and the slip that replaces it."""
        now_s, base_s = self._clock(), table.base_s
        bet = self.model.batches[place[0]][place[1]]
        refused = after.take_back(*place)
        if refused is not None:
            return refused
        if not is_owners:
            return "NotOwnerOf"
        capacity = after.capacity(By.RECEIPT)
        reason = after.refusal(slip, markets_of(table), base_s, now_s, By.RECEIPT, capacity)
        if reason is not None:
            return f"SlipRefused: {int(reason)}"
        if not signer.model.from_s <= base_s <= signer.model.until_s:
            return "ReceiptInvalid"
        record, was = slip.record, bet.record
        if replacement_cost(slip, bet) > signer.model.left(now_s):
            return "BudgetExceeded"
        odds = [leg.odds_e4 for leg in record.legs]
        is_same = odds == [leg.odds_e4 for leg in was.legs] and base_s == bet.accepted_at_s
        picks = [leg.outcome for leg in record.legs] == [leg.outcome for leg in was.legs]
        terms = (record.account, record.nonce, record.stake_micro)
        is_other = terms != (was.account, was.nonce, was.stake_micro) or not picks
        return "NothingToReplace" if is_same or is_other else None


def replacement_cost(slip: SlipModel, bet: Bet) -> int:
    """What a replacement takes of its key's budget. In play another time of acceptance can make a
    lost bet void: there the stake that returns counts as well."""
    is_in_play = any(market.in_play for market in bet.markets)
    returned = bet.record.stake_micro if is_in_play else 0
    return slip.record.payout_max_micro - slip.record.stake_micro + returned
