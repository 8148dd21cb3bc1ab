"""Computes what a bet costs on a rollup from bench/results/gas.json; prints a table.

    python -m bench.rollup

A bet pays for its share of the gas of two transactions, placing and settling, and for its share of
their data. Prices are assumptions, stated here; gas and bytes are measured by bench.gas.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import partial

from bench.data_fees import NITRO_UNITS_PER_BYTE, nitro_fee_wei, op_stack_fee_wei
from scripts.command_help import no_arguments
from scripts.devnet.paths import ROOT

RESULTS = ROOT / "bench" / "results" / "gas.json"
GWEI = 10**9
MICRO = 10**6

# OP Mainnet's scalars after Fjord, x 10^6 (block 124,665,056, August 2024).
BASE_FEE_SCALAR = 5_227
BLOB_BASE_FEE_SCALAR = 1_014_213

# Of OffchainLabs/nitro: a batch fills half of the blobs that a block of L1 may hold, nine since
# Prague (arbnode/batch_poster.go); later forks allow more, which makes it cheaper. A blob holds 254
# bits in each of 4,096 field elements (util/blobs/blobs.go). ArbOS charges 210,000 L1 gas for
# posting a batch (arbos/l1pricing/l1pricing.go).
_BLOB_GAS = 2**17
_BLOB_BYTES = 254 * 4_096 // 8
_NITRO_BATCH_BYTES = 9 * _BLOB_BYTES // 2
_NITRO_BATCH_GAS = 210_000


@dataclass(frozen=True, slots=True)
class FeeLevel:
    """Prices that are assumed, not measured: chosen in November 2026."""

    name: str
    l2_gas_price_wei: int
    l1_base_fee_wei: int
    blob_base_fee_wei: int
    ether_usd: int

    @property
    def nitro_unit_price_wei(self) -> int:
        """The price of a unit at which an Arbitrum chain's poster breaks even, to which ArbOS
        steers it: blob gas, and a share of posting the batch."""
        blob = self.blob_base_fee_wei * _BLOB_GAS // _BLOB_BYTES
        posting = self.l1_base_fee_wei * _NITRO_BATCH_GAS // _NITRO_BATCH_BYTES
        return (blob + posting) // NITRO_UNITS_PER_BYTE


# At the low and the usual level blobs cost a sixteenth of the base fee, the minimum of EIP-7918.
LEVELS = (
    FeeLevel("low", GWEI // 100, GWEI // 10, GWEI // 160, 2_000),
    FeeLevel("usual", GWEI // 50, GWEI, GWEI // 16, 3_000),
    FeeLevel("spike", GWEI // 2, 50 * GWEI, 20 * GWEI, 4_000),
)


@dataclass(frozen=True, slots=True)
class Bet:
    """What a bet takes to be placed and settled: gas, and bytes as either kind of rollup bills
    them."""

    gas: int
    op_stack_bytes: int
    nitro_bytes: int

    def op_stack_wei(self, level: FeeLevel) -> int:
        """Its cost on an OP stack chain; few set the operator fee, which is left out."""
        data_wei = op_stack_fee_wei(
            self.op_stack_bytes * MICRO,
            level.l1_base_fee_wei,
            level.blob_base_fee_wei,
            BASE_FEE_SCALAR,
            BLOB_BASE_FEE_SCALAR,
        )
        return self.gas * level.l2_gas_price_wei + data_wei

    def nitro_wei(self, level: FeeLevel) -> int:
        """Its cost on an Arbitrum chain."""
        data_wei = nitro_fee_wei(self.nitro_bytes, level.nitro_unit_price_wei)
        return self.gas * level.l2_gas_price_wei + data_wei


def in_a_batch(results: Mapping[str, int]) -> Bet:
    """One of 100 single bets on one market, without its share of the result."""
    return Bet(
        results["place_100_one_market"] + results["settle_100_one_market"],
        results["rollup_bytes_per_bet"] + results["settle_rollup_bytes_per_bet"],
        results["rollup_bytes_per_bet_arbitrum"] + results["settle_rollup_bytes_per_bet_arbitrum"],
    )


def direct(results: Mapping[str, int]) -> Bet:
    """A bet that its bettor enforces and settles alone."""
    return Bet(
        results["life_direct"],
        results["direct_rollup_bytes_per_bet"],
        results["direct_rollup_bytes_per_bet_arbitrum"],
    )


def cents(wei: int, ether_usd: int) -> str:
    """Wei in US cents, to two significant digits."""
    rounded = Context(prec=2, rounding=ROUND_HALF_UP).divide(wei * ether_usd * 100, 10**18)
    return f"{rounded:f}"


def cost_table(results: Mapping[str, int]) -> list[str]:
    """US cents per bet at each level, and the level's prices: the lines of a Markdown table."""
    batched, alone = in_a_batch(results), direct(results)
    rows: list[tuple[str, Callable[[FeeLevel], str]]] = [
        ("US cents per bet, placed and settled", lambda level: level.name),
        ("---", lambda _: "---"),
    ]
    for name, cost in (
        ("OP stack, one of 100 in a batch", batched.op_stack_wei),
        ("OP stack, alone by its receipt", alone.op_stack_wei),
        ("Arbitrum, one of 100 in a batch", batched.nitro_wei),
        ("Arbitrum, alone by its receipt", alone.nitro_wei),
    ):
        rows.append((name, partial(_cents_at, cost)))
    rows += [
        ("assumed: L2 gas price, gwei", lambda level: _gwei(level.l2_gas_price_wei)),
        ("assumed: L1 base fee, gwei", lambda level: _gwei(level.l1_base_fee_wei)),
        ("assumed: blob base fee, gwei", lambda level: _gwei(level.blob_base_fee_wei)),
        ("assumed: USD per ETH", lambda level: f"{level.ether_usd:,}"),
    ]
    return [f"| {' | '.join([name, *map(cell, LEVELS)])} |" for name, cell in rows]


def _cents_at(cost_wei: Callable[[FeeLevel], int], level: FeeLevel) -> str:
    return cents(cost_wei(level), level.ether_usd)


def _gwei(wei: int) -> str:
    return f"{(Decimal(wei) / GWEI).normalize():f}"


def main() -> int:
    """Print the table for the figures on file."""
    print("\n".join(cost_table(json.loads(RESULTS.read_text()))))
    return 0


if __name__ == "__main__":
    no_arguments("python -m bench.rollup", __doc__)
    sys.exit(main())
