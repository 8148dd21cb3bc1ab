"""Bets of a house that is played with by dice: batches, receipts and quotes, good and bad."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from eth_utils.crypto import keccak

from backend.slips.typed_data import Quote, compact
from indexer.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from indexer.packed import BetRecord, LegRecord, PlacedBatch, Table, pack_batch
from tests.contracts.life import Life
from tests.contracts.model import SlipModel
from tests.contracts.shadow import Shadow
from tests.contracts.world import RECEIPT_WINDOW_S, UNIT, Pick, Signed, World, entry, placed

FIXTURES = 3
SOMEBODY_ELSE = keccak(text="somebody else")
MARKETS = (
    (Kind.MATCH_RESULT, 0, Period.FULL_TIME, False),
    (Kind.MATCH_RESULT, 0, Period.FULL_TIME, True),
    (Kind.DOUBLE_CHANCE, 0, Period.FULL_TIME, False),
    (Kind.TOTAL_GOALS, 9, Period.FULL_TIME, False),
    (Kind.ASIAN_HANDICAP, -1, Period.FIRST_HALF, False),
    (Kind.CORRECT_SCORE, 8, Period.FULL_TIME, False),
    (Kind.PROPOSITION, 0, Period.FULL_TIME, False),
)


class Betting(Life):
    """Adds what places bets."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.offers: list[tuple[Quote, tuple[Pick, ...]]] = []

    def _open_fixtures(self, dice: Random) -> list[bytes]:
        """Three that have not started; at times all there ever were."""
        found = [f for f, start in self.starts.items() if start > self.now]
        while len(found) < FIXTURES:
            name = f"Home {len(self.names)} v Away, 2025-05-25"
            found.append(fixture_id(name))
            self.names[found[-1]] = name
            self.starts[found[-1]] = self.now + dice.randrange(300, 5_000)
        return list(self.starts) if dice.random() < 0.15 else found

    def _pick(self, dice: Random, fixture: bytes) -> Pick:
        kind, line_q, period, in_play = dice.choice(MARKETS)
        market = MarketId(fixture, self.starts[fixture], kind, period, line_q, in_play)
        # Most bets meet on few outcomes, so that markets fill up.
        outcome = dice.randrange(min(len(market.outcomes), dice.choice((1, 3, 99))))
        odds_e4 = dice.choice((10_001, 18_000, 25_000, 60_000, 400_000))
        return Pick(market, outcome, odds_e4, self.names[fixture])

    def _slip(self, dice: Random, *, flaws: float) -> tuple[Signed, bool]:
        """A slip that may have a flaw; and whether its owner signed it."""
        account = dice.choice(list(self.players))
        held = self.shadow.accounts[account]
        fixtures = self._open_fixtures(dice)
        chosen = dice.sample(fixtures, min(len(fixtures), dice.choice((1, 1, 1, 1, 2, 3))))
        flaw = dice.choice(("stake", "nonce", "early", "late", "expired", "odds", "key", "whose"))
        if dice.random() >= flaws:
            flaw = ""
        stake = dice.choice((1, UNIT, 3 * UNIT, 20 * UNIT, held.balance // 2))
        if flaw == "stake":
            stake = dice.choice((0, held.balance, held.balance + 1))
        nonce = held.nonce + dice.choice((1, 1, 1, 2, 3, 9))
        if flaw == "nonce":
            nonce = max(0, held.nonce - dice.randint(0, 10))
        back_s = dice.choice((0, 0, 1, 30, 200))
        if flaw in ("early", "late"):
            back_s = -1 if flaw == "early" else RECEIPT_WINDOW_S + dice.choice((0, 1))
        bettor = self.players[account]
        if flaw == "whose":
            bettor = replace(bettor, account=dice.choice((0, 10**6, 2**32 - 1)))
        accepted_at_s = self.now - back_s
        signed = self.world.sign(
            bettor,
            *(self._pick(dice, fixture) for fixture in chosen),
            stake_micro=stake,
            accepted_at_s=accepted_at_s,
            nonce=nonce,
            min_odds_e4=2**40 - 1 if flaw == "odds" else 0,
            deadline_s=accepted_at_s + (-1 if flaw == "expired" else dice.choice((0, 120))),
            key_=SOMEBODY_ELSE if flaw == "key" else None,
        )
        if account in self.wallets:
            raw = self.world.sign_raw(signed.slip, SOMEBODY_ELSE if flaw == "key" else bettor.key)
            signed = replace(signed, signature=raw, contract_signature=flaw != "whose")
            if flaw == "whose":
                signed = replace(signed, signature=compact(raw))
        return signed, flaw != "key"

    def _packed(
        self, slips: list[tuple[Signed, bool]]
    ) -> tuple[bytes, list[MarketId], int, list[SlipModel]]:
        """The call data; markets, base and slips as the model takes them."""
        base_s = min(min(s.accepted_at_s, s.slip.deadline_s) for s, _ in slips)
        picks = [pick for signed, _ in slips for pick in signed.picks]
        table = Table.build(base_s, [(fixture_name_hash(p.name), p.market) for p in picks])
        entries = [entry(signed, table) for signed, _ in slips]
        markets = [table.market_id(i) for i in range(len(table.markets))]
        models = [
            SlipModel(e.record, e.min_odds_e4, e.deadline_after_s, is_signed)
            for e, (_, is_signed) in zip(entries, slips, strict=True)
        ]
        return pack_batch(table, entries), markets, base_s, models

    def place(self, dice: Random, most: int, flaws: float) -> None:
        """A batch; with flaws, slips that were placed before are among them."""
        slips = []
        for _ in range(dice.randint(1, most)):
            slip = self._slip(dice, flaws=flaws)
            old = [s for s in self.signed if s.accepted_at_s >= self.now - RECEIPT_WINDOW_S]
            if old and dice.random() < flaws / 3:
                slip = dice.choice(old), True
            slips.append(slip)
        data, markets, base_s, models = self._packed(slips)
        expected: list[Any] = []

        def effect(shadow: Shadow, now: int) -> str | None:
            if shadow.paused:
                return "PlacingIsPaused"
            expected[:] = shadow.place_batch(markets, base_s, models, now)
            return None

        sent = self.send(
            "place", lambda: self.book.placeBatch(data, {"from": self.world.operator}), effect
        )
        if sent is None:
            return
        number, batch, skips = placed(sent)
        records, skipped = expected
        assert (number, list(batch.records), list(skips)) == (
            self.shadow.batch_count,
            records,
            skipped,
        )
        self._keep(number, batch)
        reasons = [skip.reason for skip in skips]
        self.done.update(f"skip {reason.name}" for reason in reasons)
        self.done["bet placed"] += len(records)
        self.signed += [s for s, is_signed in slips if is_signed]

    def _keep(self, number: int, batch: PlacedBatch) -> None:
        if batch.records:
            assert bytes(self.book.batches(number)) == batch.commitment
            self.batches[number] = batch

    def enforce(self, dice: Random) -> None:
        """By the house's receipt: a new slip, or one that went into a batch or did not."""
        slip = self._slip(dice, flaws=0.3)
        if self.signed and dice.random() < 0.3:
            slip = dice.choice(self.signed[-9:]), True
        signed, _ = slip
        data, markets, base_s, (model,) = self._packed([slip])
        receipt = self.world.receipt(signed)
        if dice.random() < 0.1:
            receipt = self.world.receipt(signed, SOMEBODY_ELSE)

            def effect(shadow: Shadow, now: int) -> str | None:
                return shadow.enforce(markets, base_s, model, now) or "ReceiptInvalid"

        else:

            def effect(shadow: Shadow, now: int) -> str | None:
                return shadow.enforce(markets, base_s, model, now)

        sent = self.send("enforce", lambda: self.book.enforce(data, receipt, self.stranger), effect)
        if sent is not None:
            number, batch, _ = placed(sent)
            self._keep(number, batch)

    def place_quoted(self, dice: Random) -> None:
        """A bettor's own transaction, by a quote for a slip of its own or for anyone."""
        account = self._somebody(dice)
        bettor, held = self.players[account], self.shadow.accounts[account]
        chosen = dice.sample(self._open_fixtures(dice), dice.choice((1, 1, 2)))
        picks = tuple(self._pick(dice, fixture) for fixture in chosen)
        stake = dice.choice((0, 1, UNIT, 5 * UNIT, held.balance + 1))
        nonce = max(0, held.nonce + dice.choice((-1, 0, 1, 1, 1, 1, 4)))
        quote = self.world.quote(
            *picks,
            deadline_s=self.now + dice.choice((-1, 0, 90, 90)),
            max_stake_micro=dice.choice((stake, stake, 2 * UNIT)),
            bettor=bettor if dice.random() < 0.6 else None,
            nonce=nonce if dice.random() < 0.8 else nonce + 1,
        )
        if self.offers and dice.random() < 0.4:
            quote, picks = dice.choice(self.offers[-3:])
        self.offers.append((quote, picks))
        data = self.world.pack_unsigned(bettor, *picks, stake_micro=stake, nonce=nonce)
        table, _ = Table.unpack(data)
        markets = [table.market_id(i) for i in range(len(table.markets))]
        legs = tuple(LegRecord(markets.index(p.market), p.outcome, p.odds_e4) for p in picks)
        slip = SlipModel(BetRecord(account, nonce, stake, 0, legs), 0, 2**16 - 1, is_signed=True)
        is_forged = dice.random() < 0.1
        signature = self.world.sign_quote(quote, SOMEBODY_ELSE if is_forged else None)

        def effect(shadow: Shadow, now: int) -> str | None:
            error = shadow.place_quoted(
                markets,
                slip,
                now,
                quote=quote.struct_hash(),
                for_account=quote.account,
                nonce=quote.nonce,
                max_stake=quote.max_stake_micro,
                deadline_s=quote.deadline_s,
            )
            # The signature is looked at behind the slip and before what the quote allows.
            is_early = error in ("PlacingIsPaused", "QuoteExpired", "SlipRefused")
            return "QuoteInvalid" if is_forged and not is_early else error

        sent = self.send(
            "place quoted",
            lambda: self.world.place_quoted(bettor, quote, data, signature),
            effect,
        )
        if sent is not None:
            number, batch, _ = placed(sent)
            self._keep(number, batch)
