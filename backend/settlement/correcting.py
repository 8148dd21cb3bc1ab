"""Corrects a published result before it is final, by a ruling from the arbiter's key."""

from __future__ import annotations

import time
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from backend.deployment import Deployment
from backend.errors import FatalError
from backend.formatting import utc
from backend.settlement.judging import Judged
from backend.transactions.errors import FundsInsufficient, NodeUnreachable
from backend.transactions.fee_offer import first_fees
from backend.transactions.node import Call, Node, Receipt
from backend.transactions.signer import Payload, TransactionSigner
from protocol.calls import encode_call
from protocol.outcomes import ResultStatus
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
    verdict = judged.verdict
    counts = "the operator's decision counts" if verdict.ruled else "the facts count"
    if verdict.status is None:
        raise CorrectionRefused(
            f"the facts decide nothing on {judged.name} ({verdict.reason}): correct them, or use"
            " `void` or `abandon` first"
        )
    if now_s >= published.final_at_s:
        raise CorrectionRefused(
            f"the result of {judged.name} has been final since {utc(published.final_at_s)}: it"
            " stands"
        )
    wanted = judged.result(now_s)
    if wanted is None:
        raise CorrectionRefused(
            f"{counts} only from {utc(verdict.due_s)} ({verdict.reason}): {until_decided(judged)}"
        )
    if published.says(wanted):
        said = "what the operator decided" if verdict.ruled else "what the facts say"
        raise CorrectionRefused(f"the published result of {judged.name} is {said}")
    data = encode_call("Results", "rule", wanted.word())
    return Correction(wanted, Call(deployment.results, data, RULE_GAS))


def until_decided(judged: Judged) -> str:
    """What to do about a published result while the facts do not decide the fixture yet."""
    published, due_s = judged.published, judged.verdict.due_s
    assert published is not None, "without a published result there is nothing to replace"
    final = utc(published.final_at_s)
    if due_s and due_s < published.final_at_s:
        return f"`correct --send` replaces the published result then, before it is final at {final}"
    if published.status is ResultStatus.VOID:
        return (
            f"the published VOID is final at {final}; only a dispute (`Results.dispute`, for a"
            " bond) postpones that"
        )
    return f"the published result is final at {final}; use `void`, then `correct --send`, before"


def send_correction(
    node: Node,
    deployment: Deployment,
    signer: TransactionSigner,
    planned: Correction,
    max_fee_wei: int,
    timeout_s: float = 180.0,
) -> Receipt:
    """Send a correction from the arbiter's key and wait until it is mined. Raises CorrectionRefused
    when the key is not the arbiter's or cannot pay for gas, CallReverted when the contract refuses
    it for another reason, and NodeUnreachable when it is not mined in time."""
    node.check_chain()
    _check_arbiter(node, deployment, signer.address, planned.result.fixture)
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
    try:
        node.send(signed.raw)
    except FundsInsufficient:
        held, most = node.balance_wei(signer.address), RULE_GAS * fees.max_fee_wei
        raise CorrectionRefused(
            f"nothing was sent: the account of ARBITER_KEY, {signer.address}, has"
            f" {held / 10**18:.6f} of the chain's coin, and the transaction can cost up to"
            f" {most / 10**18:.6f}; send it some, then repeat the command"
        ) from None
    give_up_s = time.monotonic() + timeout_s
    while (receipt := node.receipt(signed.hash)) is None:
        if time.monotonic() > give_up_s:
            raise NodeUnreachable(
                f"transaction 0x{signed.hash.hex()} was sent and is not mined after {timeout_s:g} s"
            )
        time.sleep(_POLL_S)
    return receipt


def _check_arbiter(node: Node, deployment: Deployment, address: str, fixture: bytes) -> None:
    held = node.view("Sportsbook", deployment.sportsbook, "resultOf", fixture)
    _threshold, arbiter = node.view("Results", deployment.results, "councilOf", int(held[-1]))
    if arbiter.lower() != address.lower():
        raise CorrectionRefused(
            f"ARBITER_KEY is the key of {address}, but this fixture is decided by the council of"
            f" term {held[-1]}, whose arbiter is {to_checksum_address(arbiter)}"
        )
