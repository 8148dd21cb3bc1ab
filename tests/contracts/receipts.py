"""Has receipts enforced, and bets replaced by them, on behalf of owners and contract wallets."""

from __future__ import annotations

from dataclasses import replace

from brownie import accounts

from protocol.calls import encode_call
from protocol.signatures import sign
from tests.contracts.events import placed
from tests.support.batches import pack, run
from tests.support.slips import with_signature


def instead(world, was, signed, bet=0, *, by=None, secret=None, proven=None):
    """The owner, or who is given, has the receipt enforced instead of a bet; `proven` stands in for
    the run of that bet alone."""
    return placed(
        world.sportsbook.enforceInstead(
            proven or run(was.number, was.batch, bet, 1),
            pack(signed),
            world.receipt(signed, secret),
            by or world.sender_of(signed),
        )
    )


def at_odds(signed, *odds_e4, later_s=0):
    """The same slip as an operator could state it."""
    picks = tuple(replace(p, odds_e4=o) for p, o in zip(signed.picks, odds_e4, strict=True))
    return replace(signed, picks=picks, accepted_at_s=signed.accepted_at_s + later_s)


def left(world, key_=None):
    """What is left of a key's budget."""
    return world.sportsbook.keyOf(key_ or world.receipt_signer)[4]


def final_at(world, market):
    return world.sportsbook.resultOf(market.fixture)[7]


def by_wallet(world, bettor, *picks, **terms):
    signed = world.sign(bettor, *picks, **terms)
    digest = world.domain.digest(signed.slip.struct_hash())
    return with_signature(signed, sign(digest, bettor.key), contract=True)


def through(world, wallet, function, *arguments):
    """The wallet's own call, asked for by its key."""
    data = encode_call("Sportsbook", function, *arguments)
    return wallet.execute(world.sportsbook, data, {"from": accounts[10]})
