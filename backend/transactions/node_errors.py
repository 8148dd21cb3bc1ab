"""Sorts what nodes say when they refuse a transaction into what to do about it; pure.

The first row whose phrase is in the message counts. A message of no row is waited out: an answer
that nobody knows must never make us give up a transaction.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from backend.transactions.gas import is_gas_limit_refusal

WEI_PER_ETHER = 10**18


class Remedy(StrEnum):
    """What to do about a refusal. DONE: nothing, the transaction is at the node or on the chain.
    WAIT: send it again later. OUTBID: replace what the node has by a higher price. REPRICE: pay
    what the chain asks now. FUND: wait until the sender has money. LOWER_FEE: offer less, wait for
    lower prices, or send less. SHRINK: send less in one transaction. CANCEL: no node will take this
    payload. STOP: no transaction of this key would be taken, not even an empty one."""

    DONE = "done"
    WAIT = "wait"
    OUTBID = "outbid"
    REPRICE = "reprice"
    FUND = "fund"
    LOWER_FEE = "lower fee"
    SHRINK = "shrink"
    CANCEL = "cancel"
    STOP = "stop"


class Row(NamedTuple):
    """A phrase of a refusal in lower case, the remedy, and where the phrase is from."""

    phrase: str
    remedy: Remedy
    source: str


# Sources, as of 2026: geth is core/txpool/errors.go, core/error.go and internal/ethapi/api.go,
# which op-geth and Arbitrum Nitro share; erigon is txnprovider/txpool/txpoolcfg/txpoolcfg.go;
# nethermind is Nethermind.TxPool/TxPoolErrorMessages.cs; besu is RpcErrorType.java; anvil and
# ganache are the versions that this project installs. The first row that matches counts.
TABLE = (
    Row("already known", Remedy.DONE, "geth, op-geth, nitro, erigon, nethermind"),
    Row("known transaction", Remedy.DONE, "besu"),
    Row("already imported", Remedy.DONE, "anvil"),
    Row("already exists", Remedy.DONE, "ganache"),
    Row("existing txn with same hash", Remedy.DONE, "erigon"),
    Row("nonce too low", Remedy.DONE, "geth, op-geth, nitro, erigon, nethermind, besu, anvil"),
    Row("nonce is too low", Remedy.DONE, "ganache"),
    Row("correct nonce", Remedy.DONE, "ganache"),
    Row("exceeds the configured cap", Remedy.LOWER_FEE, "geth, op-geth, nitro, erigon, reth"),
    Row("transaction fee cap exceeded", Remedy.LOWER_FEE, "besu"),
    Row("replacement transaction underpriced", Remedy.OUTBID, "all but ganache and erigon"),
    Row("could not replace existing tx", Remedy.OUTBID, "erigon"),
    Row("transaction underpriced", Remedy.REPRICE, "geth, op-geth, nitro, nethermind"),
    Row("underpriced", Remedy.REPRICE, "erigon, ganache"),
    Row("less than block base fee", Remedy.REPRICE, "geth, op-geth, nitro, anvil"),
    Row("fee cap less than", Remedy.REPRICE, "geth before 1.11, nitro"),
    Row("below current base fee", Remedy.REPRICE, "besu"),
    Row("below configured minimum gas price", Remedy.REPRICE, "besu"),
    Row("basefeepergas", Remedy.REPRICE, "ganache"),
    Row("fee too low", Remedy.REPRICE, "erigon"),
    Row("insufficient funds", Remedy.FUND, "geth, op-geth, nitro, erigon, nethermind, anvil"),
    Row("enough funds", Remedy.FUND, "ganache"),
    Row("upfront cost exceeds account balance", Remedy.FUND, "besu"),
    Row("oversized data", Remedy.SHRINK, "geth, op-geth, nitro, erigon"),
    Row("rlptoolong", Remedy.SHRINK, "erigon"),
    Row("transaction too large", Remedy.SHRINK, "nethermind"),
    Row("pool is full", Remedy.WAIT, "geth, op-geth, erigon (sub-pool)"),
    Row("account limit exceeded", Remedy.WAIT, "geth, op-geth"),
    Row("nonce too high", Remedy.WAIT, "geth, op-geth, nitro, nethermind, besu, anvil"),
    Row("nonce too far in future", Remedy.WAIT, "nethermind"),
    Row("too distant from current sender nonce", Remedy.WAIT, "besu"),
    Row("lower nonce exists", Remedy.WAIT, "besu"),
    Row("future transaction tries to replace pending", Remedy.WAIT, "geth, op-geth"),
    Row("already reserved", Remedy.WAIT, "geth, op-geth, erigon"),
    Row("delegated accounts", Remedy.WAIT, "geth, op-geth"),
    Row("initial sync", Remedy.WAIT, "besu"),
    Row("syncing", Remedy.WAIT, "nethermind"),
    Row("invalid chain id", Remedy.STOP, "geth, op-geth, nitro, anvil"),
    Row("wrong chainid", Remedy.STOP, "besu"),
    Row("incompatible eip-155", Remedy.STOP, "anvil, ganache"),
    Row("invalid sender", Remedy.STOP, "geth, op-geth, nitro, erigon"),
    Row("failed to recover sender", Remedy.STOP, "nethermind"),
    Row("sender not an eoa", Remedy.STOP, "geth, op-geth, nitro, nethermind"),
    Row("not authorized to send", Remedy.STOP, "besu"),
    Row("transaction type not supported", Remedy.STOP, "geth, op-geth, nitro"),
    Row("invalid transaction type", Remedy.STOP, "besu"),
    Row("intrinsic gas", Remedy.CANCEL, "geth, op-geth, nitro, nethermind, besu, anvil, ganache"),
    Row("intrinsicgas", Remedy.CANCEL, "erigon"),
    Row("max initcode", Remedy.CANCEL, "geth, op-geth, nitro, anvil"),
)

_ETHER = re.compile(r"cap \((\d+(?:\.\d+)?) ether\)")
_WEI = re.compile(r"cap \((\d+) wei\)")


def remedy(message: str) -> Remedy:
    """What to do about a refusal with this message."""
    words = message.lower()
    for row in TABLE:
        if row.phrase in words:
            # "intrinsic gas too high" is Anvil's answer to too much gas.
            if row.remedy is Remedy.CANCEL and is_gas_limit_refusal(words):
                return Remedy.SHRINK
            return row.remedy
    return Remedy.SHRINK if is_gas_limit_refusal(words) else Remedy.WAIT


def fee_cap_wei(message: str, fee_wei: int) -> int:
    """The cap on a transaction's whole fee that follows from the refusal of one of `fee_wei`: the
    one that the node names, which geth rounds to a hundredth of an ether, or half of the fee."""
    words = message.lower()
    if found := _WEI.search(words):
        named = int(found[1])
    elif found := _ETHER.search(words):
        named = int(Decimal(found[1]) * WEI_PER_ETHER)
    else:
        named = 0
    return named if 0 < named < fee_wei else fee_wei // 2
