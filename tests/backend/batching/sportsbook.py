"""The real contracts on a real node, with bettors who sign, and a house that accepts."""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy import Engine, text
from web3.exceptions import ContractLogicError

from backend.deployment import Deployment
from backend.transactions.contracts import decode_error
from protocol.market_id import Kind, MarketId, fixture_id
from protocol.signatures import sign
from protocol.typed_data import Leg, Slip
from tests.backend.transactions.harness import CHAIN_ID, ROOT, TestNode, key

SOLC = ROOT / ".devnet" / "solc" / "solc-v0.8.30"
CACHE = ROOT / ".devnet" / "cache"
OWNER, OPERATOR, HOUSE = key(0), key(1), key(2)
RESULT_SIGNERS = (key(4), key(5))
RECEIPT_WINDOW_S, EXIT_DELAY_S, DISPUTE_WINDOW_S, NOTICE_S = 600, 1_200, 60, 1_800
UNIT = 1_000_000
BOND_MICRO = 100 * UNIT
COMMISSION_BPS = 1_000
BANKROLL_MICRO = 1_000_000 * UNIT
DEPOSIT_MICRO = 1_000 * UNIT
# Of the contract tests alone, and slow to compile.
_UNUSED = frozenset(
    {
        *("FeeToken", "GenerousToken", "HookToken", "IHooked", "Intruder", "LibraryHarness"),
        *("OutcomeGrid", "ShrinkingToken", "SilentToken"),
    }
)
GAS = {"gas": 6_000_000, "maxFeePerGas": 20 * 10**9, "maxPriorityFeePerGas": 10**9}


@cache
def compiled() -> dict[str, Any]:
    """ABI and bytecode by contract, compiled once for each state of the sources."""
    files = sorted(f for f in (ROOT / "contracts").rglob("*.sol") if f.stem not in _UNUSED)
    sources = {str(file.relative_to(ROOT)): {"content": file.read_text()} for file in files}
    settings = {
        "viaIR": True,
        "evmVersion": "shanghai",
        "optimizer": {"enabled": True, "runs": 1_500},
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
    }
    task = json.dumps({"language": "Solidity", "sources": sources, "settings": settings})
    cached = CACHE / f"contracts-{hashlib.sha256(task.encode()).hexdigest()[:16]}.json"
    if not cached.exists():
        assert SOLC.exists(), "the compiler is missing; run python3 scripts/setup.py"
        done = subprocess.run(
            [SOLC, "--standard-json"], input=task, capture_output=True, text=True, cwd=ROOT
        )
        output = json.loads(done.stdout)
        errors = [e["formattedMessage"] for e in output.get("errors", []) if "error" in e.values()]
        assert not errors, errors
        found = {n: c for file in output["contracts"].values() for n, c in file.items()}
        CACHE.mkdir(parents=True, exist_ok=True)
        cached.write_text(json.dumps(found))
    loaded: dict[str, Any] = json.loads(cached.read_text())
    return loaded


@dataclass
class Bettor:
    """Somebody with an account; `key` signs."""

    account: int
    key: bytes
    nonce: int = 0

    @property
    def address(self) -> str:
        return str(Account.from_key(self.key).address)


@dataclass
class Book:
    """A deployed sportsbook with money in it."""

    node: TestNode
    deployment: Deployment
    contracts: dict[str, Any]
    folder: Path
    bettors: list[Bettor] = field(default_factory=list)

    def transact(self, sender: bytes, call: Any) -> Any:
        account: Any = Account.from_key(sender)
        web3 = self.node.web3
        built = call.build_transaction(
            {
                **GAS,
                "from": account.address,
                "nonce": web3.eth.get_transaction_count(account.address),
                "chainId": CHAIN_ID,
            }
        )
        sent = web3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
        assert receipt["status"] == 1, self._why(call, account.address)
        return receipt

    def _why(self, call: Any, sender: str) -> str:
        """What a call that failed says when it is asked again."""
        try:
            call.call({"from": sender})
        except ContractLogicError as error:
            data = bytes.fromhex(str(error.data).removeprefix("0x"))
            return f"{call.fn_name} reverts with {decode_error(data) or error}"
        return f"{call.fn_name} failed, and would not now"

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        return getattr(self.contracts[contract].functions, function)(*arguments).call()

    def open_account(self, deposit_micro: int = DEPOSIT_MICRO, address: str = "") -> Bettor:
        bettor_key = keccak(text=f"bettor {len(self.bettors)}")
        address = address or Account.from_key(bettor_key).address
        sportsbook = self.contracts["Sportsbook"].functions
        self.transact(OWNER, sportsbook.depositFor(address, deposit_micro))
        bettor = Bettor(sportsbook.accountOf(address).call(), bettor_key)
        self.bettors.append(bettor)
        return bettor

    def now_s(self) -> int:
        return int(self.node.web3.eth.get_block("latest")["timestamp"])

    def travel(self, seconds: int) -> None:
        self.node.rpc("evm_increaseTime", seconds)
        self.node.mine()


def deploy(node: TestNode, folder: Path) -> Book:
    """Contracts as a deployment would have them, a bankroll, and the file that names them."""
    contracts: dict[str, Any] = {}
    book = Book(node, Deployment(CHAIN_ID, "", ""), contracts, folder)

    def create(name: str, *arguments: Any) -> str:
        made = compiled()[name]
        factory: Any = node.web3.eth.contract(
            abi=made["abi"], bytecode=made["evm"]["bytecode"]["object"]
        )
        receipt = book.transact(OWNER, factory.constructor(*arguments))
        contracts[name] = node.web3.eth.contract(receipt["contractAddress"], abi=made["abi"])
        return str(receipt["contractAddress"])

    owner, operator = (str(Account.from_key(k).address) for k in (OWNER, OPERATOR))
    signers = [str(Account.from_key(k).address) for k in RESULT_SIGNERS]
    token = create("TestToken")
    results = create(
        *("Results", owner, token, DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO),
        (signers, 2, owner),
    )
    settling = create("Settling")
    sportsbook = create(
        "Sportsbook", owner, token, results, settling, RECEIPT_WINDOW_S, EXIT_DELAY_S
    )
    bankroll = create("Bankroll", token, sportsbook, COMMISSION_BPS, operator)
    money, core = contracts["TestToken"].functions, contracts["Sportsbook"].functions
    for call in (
        contracts["Results"].functions.setSportsbook(sportsbook),
        core.setBankroll(bankroll),
        core.setOperator(operator, True),
        core.setSigner(Account.from_key(HOUSE).address, True),
        money.mint(owner, 100 * BANKROLL_MICRO),
        money.approve(bankroll, 2**255),
        money.approve(sportsbook, 2**255),
        money.approve(results, 2**255),
        contracts["Bankroll"].functions.deposit(BANKROLL_MICRO, owner),
    ):
        book.transact(OWNER, call)
    book.deployment = Deployment(CHAIN_ID, sportsbook, results)
    file = {
        "chain_id": CHAIN_ID,
        "first_block": 0,
        "contracts": {
            "Token": token,
            "Sportsbook": sportsbook,
            "Results": results,
            "Bankroll": bankroll,
        },
        "parameters": {"commission_bps": COMMISSION_BPS},
    }
    (folder / "deployment.json").write_text(json.dumps(file))
    return book


@dataclass(frozen=True)
class Game:
    """A fixture for tests and a market on it."""

    name: str
    starts_at_s: int

    @property
    def market(self) -> MarketId:
        return MarketId(fixture_id(self.name), self.starts_at_s, Kind.MATCH_RESULT)

    def open(self, engine: Engine) -> Game:
        with engine.begin() as connection:
            connection.execute(
                text("""INSERT INTO backend.fixture (id, name, home, away, competition,
                     starts_at_s, created_s, status) VALUES (:id, :name, 'H', 'A', 'Test',
                     :starts_at_s, 0, 'scheduled')"""),
                {
                    "id": fixture_id(self.name),
                    "name": self.name,
                    "starts_at_s": self.starts_at_s,
                },
            )
            connection.execute(
                text("""INSERT INTO backend.market (id, fixture, kind, period, line_q, in_play,
                     status) VALUES (:id, :fixture, 1, 0, 0, false, 'open')"""),
                {"id": self.market.pack(), "fixture": fixture_id(self.name)},
            )
        return self


def accept(
    engine: Engine,
    book: Book,
    bettor: Bettor,
    picks: list[tuple[Game, int]],
    *,
    stake_micro: int = UNIT,
    odds_e4: int = 20_000,
    accepted_at_s: int = 0,
    nonce: int = 0,
    signature: bytes = b"",
) -> uuid.UUID:
    """Insert a slip as the API would have accepted it."""
    accepted_at_s = accepted_at_s or book.now_s()
    nonce = nonce or bettor.nonce + 1
    bettor.nonce = max(nonce, bettor.nonce)
    slip = Slip(
        account=bettor.account,
        stake_micro=stake_micro,
        min_odds_e4=10_001,
        nonce=nonce,
        deadline_s=accepted_at_s + 120,
        legs=tuple(Leg(game.name, game.market, outcome) for game, outcome in picks),
    )
    digest = book.deployment.slip_domain.digest(slip.struct_hash())
    signature = signature or sign(digest, bettor.key)
    slip_id = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO backend.slip (id, account, nonce, idempotency_key, stake_micro,
                 min_odds_e4, deadline_s, struct_hash, signature, accepted_at_s,
                 receipt_signature, payout_max_micro) VALUES (:id, :account, :nonce, :key,
                 :stake_micro, :min_odds_e4, :deadline_s, :struct_hash, :signature,
                 :accepted_at_s, '', :stake_micro)"""),
            {
                "id": slip_id,
                "account": slip.account,
                "nonce": slip.nonce,
                "key": str(slip_id),
                "stake_micro": slip.stake_micro,
                "min_odds_e4": slip.min_odds_e4,
                "deadline_s": slip.deadline_s,
                "struct_hash": slip.struct_hash(),
                "signature": signature,
                "accepted_at_s": accepted_at_s,
            },
        )
        for number, (game, outcome) in enumerate(picks):
            connection.execute(
                text("INSERT INTO backend.slip_leg VALUES (:slip, :leg, :market, :outcome, :odds)"),
                {
                    "slip": slip_id,
                    "leg": number,
                    "market": game.market.pack(),
                    "outcome": outcome,
                    "odds": odds_e4,
                },
            )
        connection.execute(text("SELECT pg_notify('slips', '')"))
    return slip_id
