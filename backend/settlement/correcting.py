"""Corrects a published result before it is final, by a ruling from the arbiter's key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.deployment import Deployment
from backend.errors import FatalError
from backend.settlement.judging import Judged
from backend.transactions.errors import NodeUnreachable
from backend.transactions.fees import first_fees
from backend.transactions.node import Call, Node, Receipt
from backend.transactions.signer import Payload, TransactionSigner
from protocol.calls import encode_call
from protocol.typed_data import Result

RULE_GAS = 400_000
_POLL_S = 0.5


class CorrectionRefused(FatalError):
    """There is nothing to correct, or it is too late; the message says which."""


@dataclass(frozen=True, slots=True)
class Correction:
    """The call that replaces a published result."""

    result: Result
    call: Call


def correction(judged: Judged, deployment: Deployment, now_s: int) -> Correction:
    """How to bring the published result of a fixture in line with the rules. Raises
    CorrectionRefused."""
    published = judged.published
    if published is None:
        raise CorrectionRefused(
            f"{judged.name} has no published result yet: correct the facts, and that is published"
        )
    wanted = judged.result(now_s)
    if wanted is None:
        raise CorrectionRefused(
            f"the facts decide nothing on {judged.name} ({judged.verdict.reason}): correct them,"
            " or use `void` or `abandon` first"
        )
    if published.says(wanted):
        raise CorrectionRefused(f"the published result of {judged.name} is what the facts say")
    if now_s >= published.final_at_s:
        raise CorrectionRefused(
            f"the result of {judged.name} has been final since {_time(published.final_at_s)}: it"
            " stands"
        )
    data = encode_call("Results", "rule", wanted.word())
    return Correction(wanted, Call(deployment.results, data, RULE_GAS))


def _time(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def send_correction(
    node: Node,
    signer: TransactionSigner,
    planned: Correction,
    max_fee_wei: int,
    timeout_s: float = 180.0,
) -> Receipt:
    """Send a correction from the arbiter's key and wait until it is mined. Raises CallReverted when
    the contract refuses it, for example because the key is not the arbiter's, and NodeUnreachable
    when it is not mined in time."""
    node.check_chain()
    node.simulate(signer.address, planned.call)
    fees = first_fees(node.head().base_fee_wei, node.tip_wei(), max_fee_wei)
    payload = Payload(
        chain_id=node.chain_id,
        nonce=node.nonce(signer.address),
        to_address=planned.call.to_address,
        data=planned.call.data,
        gas_limit=planned.call.gas_limit,
    )
    signed = signer.sign(payload, fees)
    node.send(signed.raw)
    give_up_s = time.monotonic() + timeout_s
    while (receipt := node.receipt(signed.hash)) is None:
        if time.monotonic() > give_up_s:
            raise NodeUnreachable(
                f"transaction 0x{signed.hash.hex()} was sent and is not mined after {timeout_s:g} s"
            )
        time.sleep(_POLL_S)
    return receipt
