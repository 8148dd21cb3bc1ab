"""Checks a house at rest: what was answered, the slips table, the mirror and the chain agree."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine

from backend.deployment import Deployment
from backend.settlement.reconciliation import reconcile
from protocol.placed_event import SkipReason
from scripts.chaos.house import House
from scripts.chaos.sent import SentSlip
from scripts.demo import audit
from scripts.demo.audit import Check
from scripts.demo.chain_reader import History
from scripts.demo.slips import AcceptedSlip
from scripts.devnet import process_tree
from scripts.devnet.chain import CHAIN_ID
from scripts.devnet.sample import FACTS_FILE

# A receipt does not help against what the owner does, nor after the result: see docs/backend.md.
LAWFUL_SKIPS = {
    SkipReason.BALANCE_INSUFFICIENT,
    SkipReason.MARKET_CLOSED,
    SkipReason.EXCLUDED,
    SkipReason.NONCE_CANCELLED,
}
# The number r of a signature tells which slip it is: it is drawn from key and message.
_SLIPS = """SELECT encode(substring(s.signature for 32), 'hex'), s.id::text,
        encode(s.struct_hash, 'hex'), s.accepted_at_s,
        (SELECT array_agg(odds_e4 ORDER BY leg) FROM backend.slip_leg l WHERE l.slip = s.id),
        s.payout_max_micro, encode(s.receipt_signature, 'hex')
    FROM backend.slip s"""
_STATES = ("placed", "refused")
# Refusals of an accepted slip that was taken for another one.
_WITH_ITSELF = {"nonce-used", "idempotency-conflict"}

# Account and nonce of a slip.
Key = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """The checks, and account and nonce of accepted slips and of bets."""

    checks: list[Check]
    accepted: set[Key]
    placed: set[Key]

    @property
    def left_out(self) -> set[Key]:
        """Accepted slips that are no bets."""
        return self.accepted - self.placed


def check(house: House) -> Found:
    """Every check. The house must be well, and nobody may bet meanwhile."""
    reader, mirror = house.day.reader, house.day.mirror
    head = int(reader.web3.eth.block_number)
    mirror.wait_for_block(head)
    history = reader.history(head)
    rows = slips_of_table(house.sent, mirror.select(_SLIPS))
    accepted = [slip for slip in rows.values() if slip is not None]
    signer = str(reader.parameters["receipt_signer"])
    checks = [
        audit.solvent(reader, history, each_block=False),
        audit.mirrored(reader, history, mirror.select),
        audit.slips_placed(history, accepted, house.day.betting.typed, signer),
        answered(house.sent, rows),
        skipped_lawfully(history, accepted),
        shown(house, accepted),
        verified(house),
        reconciled(house),
        no_strays(house),
    ]
    if house.played:
        slips = {_key(one): one.slip for one in accepted}
        checks.append(audit.paid_once(history, slips, audit.read_scores(FACTS_FILE)))
    return Found(checks, {_key(one) for one in accepted}, _placed(history))


def slips_of_table(
    sent: Sequence[SentSlip], rows: Sequence[tuple[Any, ...]]
) -> dict[str, AcceptedSlip | None]:
    """The rows of backend.slip by id, each with the slip that was signed; None for a row that
    nobody has signed."""
    signed = {one.slip.signature[2:66]: one.slip for one in sent}
    found: dict[str, AcceptedSlip | None] = {}
    for r, number, slip_hash, accepted_at_s, odds, payout, receipt in rows:
        receipt_of = (f"0x{slip_hash}", accepted_at_s, tuple(odds), payout, f"0x{receipt}")
        found[number] = AcceptedSlip(signed[r], number, *receipt_of) if r in signed else None
    return found


def answered(sent: Sequence[SentSlip], rows: dict[str, AcceptedSlip | None]) -> Check:
    """Every receipt is a row, every row was signed by a bettor, every answer to a slip is the same,
    what should be refused was refused, and no request ended in an internal error."""
    found = Check(8, "every slip has one answer, and every receipt is a row of the slips table")
    for one in sent:
        slip = one.slip
        name = f"slip {slip.nonce} of account {slip.account}"
        if any(receipt != one.receipts[0] for receipt in one.receipts):
            found.differ(f"{name} has different receipts")
        for receipt in one.receipts[:1]:
            found.same(f"{name}: row in backend.slip", rows.get(receipt.id), receipt)
        confused = _WITH_ITSELF & set(one.refusals) if one.receipts else set()
        for code in (*one.taken_back, *sorted(confused)):
            found.differ(f"{name} has a receipt, and was refused for {code}")
        if not one.receipts and not one.refusals:
            found.differ(f"{name} has no answer")
        if one.receipts and slip.mistake is not None:
            found.differ(f"{name} was accepted in spite of {slip.mistake}")
        if one.internal_errors:
            found.differ(f"{name}: {one.internal_errors} requests ended in an internal error")
    for number, row in rows.items():
        if row is None:
            found.differ(f"row {number} of backend.slip was signed by nobody")
    twice = Counter(_key(row) for row in rows.values() if row is not None)
    for (account, nonce), times in twice.items():
        if times > 1:
            found.differ(f"slip {nonce} of account {account} is {times} rows of backend.slip")
    found.looked_at = (
        f"{len(sent)} slips, {sum(s.requests for s in sent)} requests, {len(rows)} rows"
    )
    return found


def skipped_lawfully(history: History, accepted: Sequence[AcceptedSlip]) -> Check:
    """An accepted slip without a bet was left out for a reason against which its receipt does not
    help."""
    found = Check(8, "an accepted slip that the chain refused was refused lawfully")
    placed = _placed(history)
    reasons: dict[Key, list[int]] = {}
    for skip in history.skips:
        reasons.setdefault((skip.account, skip.nonce), []).append(skip.reason)
    refused = [key for key in map(_key, accepted) if key not in placed]
    for account, nonce in refused:
        why = reasons.get((account, nonce), [])
        if not LAWFUL_SKIPS & set(why):
            found.differ(f"slip {nonce} of account {account} is no bet; left out for {why}")
    found.looked_at = f"{len(refused)} refused of {len(accepted)} accepted"
    return found


def shown(house: House, accepted: Sequence[AcceptedSlip]) -> Check:
    """The API shows each accepted slip in a state that is final."""
    found = Check(8, "nobody waits: the API shows every accepted slip as placed or refused")
    for one in accepted:
        state = house.day.api.get(f"/v1/slips/{one.id}")["status"]
        if state not in _STATES:
            found.differ(f"slip {one.slip.nonce} of account {one.slip.account} is {state}")
    found.looked_at = f"{len(accepted)} slips"
    return found


def verified(house: House) -> Check:
    """`python -m indexer verify` finds no difference."""
    found = Check(7, "python -m indexer verify: the mirror equals the contracts")
    process = house.platform.run_to_end("verify", "-m", "indexer", "verify")
    found.looked_at = process.last_line
    if process.exit_code != 0:
        found.differ(f"exit code {process.exit_code}: {process.last_line}")
    return found


def reconciled(house: House) -> Check:
    """The backend's own reconciliation counts nothing."""
    found = Check(8, "the reconciliation counts no difference")
    deployment = Deployment.read(house.platform.deployment_file, CHAIN_ID)
    windows = deployment.windows(None, None)
    engine = create_engine(house.platform.database_url)
    try:
        now_s = house.chain.timestamp_s()
        for difference in reconcile(engine, deployment, now_s, windows.receipt_window_s):
            found.differ(f"{difference.check}: {difference.count}")
    finally:
        engine.dispose()
    found.looked_at = f"at {now_s}"
    return found


def no_strays(house: House) -> Check:
    """Every process of the house was started by this one, or by one that still runs."""
    found = Check(8, "no process is left over")
    for stray in process_tree.strays(house.folder, os.getpid()):
        found.differ(stray[:200])
    seen = process_tree.naming(house.folder)
    if not seen:
        found.differ("not even the services were found: this reads /proc, which Linux has")
    found.looked_at = f"{len(seen)} processes"
    return found


def _key(accepted: AcceptedSlip) -> Key:
    return accepted.slip.account, accepted.slip.nonce


def _placed(history: History) -> set[Key]:
    return {(bet.account, bet.nonce) for bet in history.bets.values()}
