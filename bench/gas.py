"""Measures the gas of bets, results and payments; writes one JSON file.

    python -m bench.gas

Measured on Anvil with the deploy script's contracts, including the base cost of each transaction
(21,000). Steady state: accounts with money and used nonces, markets that have open bets already,
every slot written from one nonzero value to another. Figures of batches are gas per bet. Half of
the bets win.

- `place_n_…`, `settle_n_…`: one batch of n slips of n bettors, placed; settled whole in one run.
- `life_100_one_fixture`: place and settle 100 bets on one fixture's ten markets, and the share of
  that fixture's result, published alone.
- `life_100_fifty_fixtures`: 100 bets in a batch, two on each fixture, with its result one of 20 in
  a call. Each fixture is settled when it ends: ten at a time, as matches do that kick off
  together, and all that is open on them in one transaction, twenty bets of this batch and twenty
  of an earlier one. With `…_one_by_one`, every fixture's two bets of this batch are settled by a
  transaction of their own.
- `life_100_accumulators`: place and settle 100 bets of four legs, without results.
- `life_direct`: one bettor enforces a receipt and settles the bet alone.
- `result_…`: gas per fixture, signed by three of five.
- `calldata_bytes_per_bet`: of placing `place_100_one_market`; `rollup_bytes_per_bet` is the part of
  the signed transaction that an OP stack chain bills to each bet, `…_arbitrum` that an Arbitrum
  chain does (bench.data_fees). With `settle_…`, the same of settling that batch; with `direct_…`,
  of both transactions of `life_direct`. bench.rollup computes costs from these.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from eth_account import Account

from bench.data_fees import nitro_bytes, op_stack_micro_bytes
from bench.gas_house import OWNER, RESULT_KEYS, STAKE_MICRO, THRESHOLD, House, Placed, Sent
from bench.rollup import MICRO, RESULTS, cost_table
from protocol.signatures import pair, sign
from protocol.typed_data import Leg, Withdrawal
from scripts.command_help import no_arguments
from scripts.demo.wallet import Wallet
from scripts.deploy_settings import WITHDRAWAL_SIGNER
from scripts.devnet import Chain, DevnetError
from scripts.devnet.brownie import run_brownie
from scripts.devnet.chain import CHAIN_ID, private_key

BANKROLL_MICRO = 1_000_000_000_000
PAYER = 40


def batches(house: House) -> dict[str, float]:
    """Placing and settling batches, and the lives of their bets."""
    return (
        one_market(house)
        | ten_markets(house)
        | fifty_fixtures(house)
        | accumulators(house)
        | direct(house)
    )


def place_measured(house: House, bets: Sequence[Sequence[Leg]]) -> Placed:
    """The second of two equal batches, whose markets have open bets already."""
    house.place(bets)
    return house.place(bets)


def by_market(pick: Callable[[int, int], Leg], bets: int, markets: int) -> list[list[Leg]]:
    """Single bets on the first `markets` of a fixture's ten markets. At 1:0 one of a market's two
    picks wins: by halves."""
    return [[pick(i % markets, i // markets % 2)] for i in range(bets)]


def one_market(house: House) -> dict[str, float]:
    """1, 10 and 100 bets on one market."""
    found: dict[str, float] = {}
    for count in (1, 10, 100):
        pick = house.fixture(f"One market v {count}")
        placed = place_measured(house, by_market(pick, count, 1))
        found[f"place_{count}_one_market"] = placed.gas / count
        placing = house.last_sent()
        found["result_1"] = float(house.publish([pick(0, 0).fixture_name]))
        if count > 1:
            found[f"settle_{count}_one_market"] = house.settle_whole(placed) / count
    settling = house.last_sent()
    return found | data_per_bet("", count, placing) | data_per_bet("settle_", count, settling)


def data_per_bet(prefix: str, bets: int, *sent: Sent) -> dict[str, float]:
    """Bytes of these transactions per bet: of call data, and as rollups bill them."""
    op_stack = sum(op_stack_micro_bytes(each.signed) for each in sent) / MICRO
    return {
        f"{prefix}calldata_bytes_per_bet": sum(len(each.call_data) for each in sent) / bets,
        f"{prefix}rollup_bytes_per_bet": op_stack / bets,
        f"{prefix}rollup_bytes_per_bet_arbitrum": sum(nitro_bytes(s.signed) for s in sent) / bets,
    }


def ten_markets(house: House) -> dict[str, float]:
    """100 bets on ten markets of one fixture."""
    pick = house.fixture("Ten markets v Others")
    placed = place_measured(house, by_market(pick, 100, 10))
    result = house.publish([pick(0, 0).fixture_name])
    return {
        "place_100_ten_markets": placed.gas / 100,
        "life_100_one_fixture": (placed.gas + house.settle_whole(placed) + result) / 100,
    }


def fifty_fixtures(house: House) -> dict[str, float]:
    """100 bets, two on each of fifty fixtures."""
    fifty = [house.fixture(f"Fixture {i} v Others") for i in range(50)]
    bets = [[fifty[i // 2](0, i % 2)] for i in range(100)]
    earlier, placed = house.place(bets), house.place(bets)
    names = [pick(0, 0).fixture_name for pick in fifty]
    in_a_call = house.publish(names[:20]) / 20
    house.publish(names[20:])
    shared = placed.gas + 50 * in_a_call
    snapshot = house.chain.snapshot()
    alone = sum(house.settle((placed, first, 2)) for first in range(0, 100, 2))
    house.chain.revert(snapshot)
    # All that is open on ten fixtures: twenty bets of either batch.
    together = sum(
        house.settle((earlier, first, 20), (placed, first, 20)) for first in range(0, 100, 20)
    )
    return {
        "result_20_in_a_call": in_a_call,
        "life_100_fifty_fixtures_one_by_one": (shared + alone) / 100,
        "life_100_fifty_fixtures": (shared + together / 2) / 100,
    }


def accumulators(house: House) -> dict[str, float]:
    """100 bets of four legs."""
    four = [house.fixture(f"Accumulator {i} v Others") for i in range(4)]
    placed = place_measured(house, [[pick(0, i % 2) for pick in four] for i in range(100)])
    house.publish([pick(0, 0).fixture_name for pick in four])
    return {"life_100_accumulators": (placed.gas + house.settle_whole(placed)) / 100}


def direct(house: House) -> dict[str, float]:
    """One bet that its bettor enforces and settles."""
    pick = house.fixture("Direct v Others")
    house.place([[pick(0, 0)]])
    placed = house.enforce([pick(0, 0)])
    placing = house.last_sent()
    house.publish([pick(0, 0).fixture_name])
    gas = placed.gas + house.settle_whole(placed)
    return {"life_direct": float(gas)} | data_per_bet("direct_", 1, placing, house.last_sent())


def payments(house: House) -> dict[str, float]:
    """Deposits and withdrawals of one bettor who has done each before."""
    address = house.web3.eth.accounts[PAYER]
    token, book = house.token.functions, house.sportsbook.functions
    house.send(OWNER, token.mint(address, 1_000 * STAKE_MICRO))
    house.send(PAYER, token.approve(house.sportsbook.address, 2**256 - 1))
    house.send(PAYER, book.deposit(10 * STAKE_MICRO))
    account = book.accountOf(address).call()
    deposited = house.send(PAYER, book.deposit(STAKE_MICRO))["gasUsed"]
    deposit_with_permit(house)
    withdraw(house, account, sequence=0)
    return {
        "deposit": float(deposited),
        "deposit_with_permit": float(deposit_with_permit(house)),
        "withdraw": float(withdraw(house, account, sequence=1)),
    }


def deposit_with_permit(house: House) -> int:
    """Gas of a deposit with a signed permit."""
    wallet, token = Wallet(private_key(PAYER)), house.token.functions
    deadline_s = house.chain.timestamp_s() + 3_600
    signature = wallet.sign_permit(
        house.token.address,
        token.name().call(),
        CHAIN_ID,
        house.sportsbook.address,
        STAKE_MICRO,
        token.nonces(wallet.address).call(),
        deadline_s,
    )
    deposit = house.sportsbook.functions.depositWithPermit
    call = deposit(wallet.address, STAKE_MICRO, deadline_s, *signature)
    gas: int = house.send(PAYER, call)["gasUsed"]
    return gas


def withdraw(house: House, account: int, sequence: int) -> int:
    """Gas of a withdrawal with the house's signature."""
    deadline_s = house.chain.timestamp_s() + 3_600
    withdrawal = Withdrawal(account, STAKE_MICRO, deadline_s, sequence)
    digest = house.domain.digest(withdrawal.struct_hash())
    signature = pair(sign(digest, private_key(WITHDRAWAL_SIGNER)))
    call = house.sportsbook.functions.withdrawGranted(signature, withdrawal.word())
    gas: int = house.send(PAYER, call)["gasUsed"]
    return gas


def sizes(house: House) -> dict[str, float]:
    """Bytes of code on the chain; the most that a chain takes is 24,576."""
    found = {}
    for name in ("Sportsbook", "Settling", "SelfService", "Administration", "Results", "Bankroll"):
        address = house.web3.to_checksum_address(house.addresses[name])
        found[f"{name.lower()}_runtime_bytes"] = float(len(house.web3.eth.get_code(address)))
    return found


def measure() -> dict[str, float]:
    """Every figure by name."""
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        chain = Chain("anvil", state=Path(folder), persist=False)
        chain.start()
        try:
            deployment = Path(folder) / "deployment.json"
            signers = ",".join(str(Account.from_key(private_key(i)).address) for i in RESULT_KEYS)
            os.environ |= {
                "DEPLOYMENT_FILE": str(deployment),
                "RESULT_SIGNERS": signers,
                "RESULT_THRESHOLD": str(THRESHOLD),
                "BANKROLL_MICRO": str(BANKROLL_MICRO),
                "MARKET_CAP_MICRO": str(BANKROLL_MICRO),
                "FIXTURE_CAP_MICRO": str(BANKROLL_MICRO),
            }
            run_brownie("deploy", rpc_url=chain.url)
            house = House(chain, json.loads(deployment.read_text()))
            return batches(house) | payments(house) | sizes(house)
        finally:
            chain.stop()


def main() -> int:
    """Print the table and write the file."""
    try:
        found = measure()
    except DevnetError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print()
    for name, value in found.items():
        print(f"{name:<38}{value:>12,.0f}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(value) for name, value in sorted(found.items())}
    RESULTS.write_text(json.dumps(rounded, indent=2) + "\n")
    print("\n".join(["", *cost_table(rounded)]))
    return 0


if __name__ == "__main__":
    no_arguments("python -m bench.gas", __doc__)
    sys.exit(main())
