"""Runs a devnet: servers, a chain with the contracts, and on request the five services."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.deploy_settings import is_local
from scripts.deployment_claim import DeploymentUsed, claimed
from scripts.deployment_record import Record, RecordInvalid, default_path, progress_path
from scripts.devnet import env_file
from scripts.devnet.accounts import BETTOR_TOKENS, BETTORS, LocalAccount, local_accounts, table
from scripts.devnet.brownie import deploy_command
from scripts.devnet.chain import BALANCE_ETHER, MNEMONIC, Chain, kind_from_environment
from scripts.devnet.clock import Heartbeat
from scripts.devnet.devnet_settings import NOW, DevnetSettings, start_s
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, choose_port, preferred_port
from scripts.devnet.postgres import Postgres
from scripts.devnet.processes import Process
from scripts.devnet.record import FOLDER, DevnetRecord, wait_for_leftovers
from scripts.devnet.redis_server import Redis
from scripts.devnet.services import Services, need_api_port
from scripts.devnet.supervisor import Supervisor
from scripts.devnet.tokens import balance_of, mint

DATABASE = "fairline"
RPC_PORT = 8545
REDIS_PORT = 6379
COPY_EVERY_S = 10.0
ABI_FOLDER = ROOT / "contracts" / "abi"
# Exit code of the deploy script for a deployment that was changed since, which is kept.
_CHANGED = 3


class Devnet:
    """One run in the folder `settings.state`, which it is the only user of."""

    def __init__(
        self,
        settings: DevnetSettings,
        supervisor: Supervisor,
        say: Callable[[str], None] = print,
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._say = say
        self._left = DevnetRecord.read(settings.state)
        self._continues = self._is_deployed_anew = False
        self._copied_at = time.monotonic()
        self._claim = contextlib.ExitStack()
        self._postgres: Postgres
        self._redis: Redis
        self.chain: Chain
        self.record: DevnetRecord
        self.deployment: Record

    def start(self) -> None:
        """Starts everything, and says how to reach it. Raises DevnetError."""
        wait_for_leftovers(self._left)
        self._prepare()
        self._say("Starting PostgreSQL, Redis and the chain …")
        for server in (self._postgres, self._redis, self.chain):
            self._supervisor.own(server)
            self._note_pids()
        self._check_chain()
        self._start_database()
        self._deploy()
        self._supervisor.own(Heartbeat(self.chain))
        self._give_tokens()
        self.record.write(self._settings.state)
        path = env_file.write(self._settings.state, self._variables())
        self._tell(path)

    def watch(self) -> None:
        """Waits for Ctrl-C. A server of its own that ends meanwhile is named and started again."""
        self._supervisor.wait(self._look_after)

    def close(self) -> None:
        """Notes that this run has ended in order, after everything was stopped."""
        self._claim.close()
        if hasattr(self, "record"):
            self.record.pids = []
            self.record.write(self._settings.state)

    def _prepare(self) -> None:
        """Chooses what to start, from the settings and from what an earlier run left."""
        settings, left = self._settings, self._left
        if settings.services:
            need_api_port(_api_port())
        if settings.reset:
            self._say("Removing what the last run left …")
            self._remove_leftovers()
            left = self._left = None
        if left is not None and not settings.rpc_url and left.kind:
            self._refuse_another(left)
            self._continues = True
            kind, start = left.kind, left.start
        else:
            kind, start = settings.kind or kind_from_environment(), settings.start or NOW
        before = left or DevnetRecord(kind, start)
        self._postgres = Postgres(state=settings.state, external_url=settings.database_url)
        redis_port = _port("REDIS_PORT", before.redis_url, REDIS_PORT)
        self._redis = Redis.from_environment(state=settings.state, port=redis_port)
        self.chain = Chain(
            "anvil" if kind == "anvil" else "ganache",
            state=settings.state,
            start_s=start_s(start),
            fresh=not self._continues,
            port=None if settings.rpc_url else _port("RPC_PORT", before.rpc_url, RPC_PORT),
            external_url=settings.rpc_url,
        )
        outside = settings.rpc_url is not None
        self.record = DevnetRecord("" if outside else kind, "" if outside else start)
        self.record.genesis_hash = before.genesis_hash

    def _refuse_another(self, left: DevnetRecord) -> None:
        """Raises DevnetError when a chain is kept, and another one is asked for."""
        asked = (
            ("CHAIN", self._settings.kind, left.kind),
            ("START", self._settings.start, left.start),
        )
        for name, wanted, found in asked:
            if wanted is not None and wanted != found:
                raise DevnetError(
                    f"{self._settings.state} has a chain of {name}={found}: add RESET=1 to start a"
                    f" new one with {name}={wanted}, or leave {name} out to go on with it."
                )

    def _remove_leftovers(self) -> None:
        """Removes chain, database and deployment file of an earlier run; nothing of others."""
        state = self._settings.state
        for name in ("chain", "postgres"):
            shutil.rmtree(state / name, ignore_errors=True)
        path = self._left and self._left.deployment_file
        for file in (Path(path), progress_path(Path(path))) if path else ():
            with contextlib.suppress(RecordInvalid, OSError):
                found = Record.read(file)
                if found and self._left and found.genesis_hash == self._left.genesis_hash:
                    file.unlink()
        (state / "devnet.json").unlink(missing_ok=True)

    def _note_pids(self) -> None:
        """Writes which servers run, for the run after one that is killed."""
        servers = (self._postgres, self._redis, self.chain)
        started = [server for server in servers if server.was_started]
        self.record.pids = [server.process.pid for server in started]
        self.record.write(self._settings.state)

    def _check_chain(self) -> None:
        """Raises DevnetError for a chain that is not local, and for another one than before."""
        self.chain_id = int(self.chain.call("eth_chainId"), 16)
        if not is_local(self.chain_id):
            raise DevnetError(
                f"The node at {self.chain.url} serves chain {self.chain_id}, and a devnet deploys"
                " to local chains only (1337 and 31337): unset RPC_URL to have one started here."
            )
        genesis = str(self.chain.call("eth_getBlockByNumber", "0x0", False)["hash"])
        before = self.record.genesis_hash
        if before not in ("", genesis):
            raise DevnetError(
                f"{self._settings.state} is of the chain with the genesis hash {before}, and the"
                f" chain at {self.chain.url} has {genesis}: add RESET=1 to begin again, or set"
                " STATE_FOLDER to a folder for this chain."
            )
        self.record.genesis_hash = genesis

    def _start_database(self) -> None:
        """The database with its tables, which belongs to this chain only. Raises DevnetError."""
        self.record.redis_url, self.record.rpc_url = self._redis.url(), self.chain.url
        if self._settings.database_url:
            self.record.database_url = self._settings.database_url
        else:
            self.record.database_url = self._postgres.create_database(DATABASE, replace=False)
            noted = self._postgres.note(DATABASE)
            if noted not in ("", self.record.genesis_hash):
                raise DevnetError(
                    f"The database {DATABASE} in {self._settings.state} is of another chain"
                    f" (genesis hash {noted}): add RESET=1 to replace it."
                )
            self._postgres.set_note(DATABASE, self.record.genesis_hash)
        self._say("Making the tables of the database …")
        env = {**_inherited(), "DATABASE_URL": self.record.database_url}
        for arguments in (["-m", "indexer", "migrate"], ["-m", "backend.migrate"]):
            argv = [sys.executable, *arguments]
            _finish(self._supervisor.once("migrate", argv, env), " ".join(arguments[1:]))

    def _deploy(self) -> None:
        """Deploys the contracts, or checks those that are deployed. Raises DevnetError."""
        path = self._deployment_path()
        try:
            self._claim.enter_context(claimed(path, self._settings.state))
        except DeploymentUsed as error:
            raise DevnetError(str(error)) from None
        before: Record | None = None
        with contextlib.suppress(RecordInvalid):
            before = Record.read(path)
            self._announce(before, path)
        extra = {"DEPLOYMENT_FILE": str(path)}
        own = self._settings.state / "brownie"
        argv, env, project = deploy_command(self.chain.url, extra, own)
        process = self._supervisor.once("deploy", argv, env, cwd=project)
        if process.exit_code == _CHANGED:
            self._say(f"The deployment was changed since; {process.log_path} lists how.")
        else:
            _finish(process, "brownie run deploy")
        found = Record.read(path)
        if found is None:
            raise DevnetError(f"The deploy script wrote no {path}: see {process.log_path}.")
        self.deployment, self.record.deployment_file = found, str(path)
        self._is_deployed_anew = before is None or not before.is_same(found)
        if self._is_deployed_anew and self._continues:
            self._say("The contracts are new ones on the chain of the last run.")

    def _deployment_path(self) -> Path:
        """The file that is asked for, that of the chain which goes on, or the folder's own."""
        if self._settings.deployment_file:
            return self._settings.deployment_file
        with contextlib.suppress(RecordInvalid):
            before = self._left and self._left.deployment_file
            found = Record.read(Path(before)) if before else None
            if before and found and found.genesis_hash == self.record.genesis_hash:
                return Path(before)
        usual = default_path(self.chain_id)
        if self._settings.state == FOLDER.resolve():
            return usual
        return self._settings.state / "deployments" / usual.name

    def _announce(self, found: Record | None, path: Path) -> None:
        if found is None:
            self._say("Deploying the contracts with Brownie …")
        elif found.genesis_hash == self.record.genesis_hash:
            self._say("Checking the contracts that are deployed …")
        else:
            self._say(
                f"{_shown(path)} is of another chain (genesis hash {found.genesis_hash[:10]}…):"
                " it is renamed, and the contracts are deployed on this one …"
            )

    def _give_tokens(self) -> None:
        """Test tokens for the bettors, where the test token is new."""
        if self.deployment.parameters.get("token") is not None or not self._is_deployed_anew:
            return
        token, unit = self.deployment.contracts["Token"], 10**self.deployment.token_decimals
        for account in local_accounts(self.deployment.deployer, self.deployment.parameters):
            if account.number in BETTORS:
                missing = BETTOR_TOKENS * unit - balance_of(self.chain, token, account.address)
                if missing > 0:
                    mint(self.chain, token, account.address, missing)

    def _variables(self) -> dict[str, str]:
        return env_file.variables(self.record, self.chain_id, _api_port())

    def _tell(self, env: Path) -> None:
        accounts = local_accounts(self.deployment.deployer, self.deployment.parameters)
        for line in self._lines(env, accounts):
            self._say(line)

    def _lines(self, env: Path, accounts: list[LocalAccount]) -> list[str]:
        """What a tester needs, in the order in which it is needed."""
        now = datetime.fromtimestamp(self.chain.timestamp_s(), UTC)
        version = str(self.chain.call("web3_clientVersion")).split("/")
        rows = {
            "chain": f"{'/'.join(version[:2])}, chain id {self.chain_id}, a block per second",
            "chain time": f"{now:%Y-%m-%d %H:%M:%S} UTC{self._about_start()}",
            "genesis hash": self.record.genesis_hash,
            "RPC_URL": self.chain.url,
            "REDIS_URL": self.record.redis_url,
            "DATABASE_URL": self.record.database_url,
            "deployment": _shown(Path(self.record.deployment_file)),
            "ABI": f"{_shown(ABI_FOLDER)}/",
            "logs": _shown(self._supervisor.logs / "all.log"),
        }
        lines = ["", *(f"  {name:<12}  {value}" for name, value in rows.items()), ""]
        lines += [f"  {name:<14}  {at}" for name, at in self.deployment.contracts.items()]
        lines += [
            "",
            f"Accounts, each with {BALANCE_ETHER:,} coins; bettors {self._have}"
            f" {BETTOR_TOKENS:,} test tokens. Their keys are known to everybody:",
            *table(accounts),
            f"Mnemonic: {MNEMONIC}",
            "",
            f"In another terminal:  source {_shown(env)}",
            "Then the commands of README work, and these (--help says more):",
            "  python -m scripts.devnet travel 2h          move the clock, also to a UTC time",
            "  python -m scripts.devnet mint 0x… 1000      test tokens, and coins for gas",
            "  python -m scripts.devnet snapshot           then: revert SNAPSHOT",
            "",
            f"Ctrl-C stops everything. `make devnet{self._same()}` then resumes from here; RESET=1"
            " begins again.",
        ]
        return lines

    @property
    def _have(self) -> str:
        return "began with" if self._continues else "have"

    def _same(self) -> str:
        """What `make devnet` needs to find this devnet again, and start as much of it."""
        folder = f" STATE_FOLDER={shlex.quote(str(self._settings.state))}"
        own = folder if self._settings.state != FOLDER.resolve() else ""
        return f"{own} SERVICES=1" if self._settings.services else own

    def _about_start(self) -> str:
        if self._continues:
            return ", going on from the last run"
        if self.record.start != "eve":
            return ""
        from scripts.devnet.sample import MATCHDAY, SEASON, first_kick_off_s

        kick_off = datetime.fromtimestamp(first_kick_off_s(), UTC)
        return f"; match day {MATCHDAY} of {SEASON} begins {kick_off:%Y-%m-%d %H:%M}"

    def serve(self) -> None:
        """Starts the five services and opens the match day, where SERVICES=1 asks for it."""
        if self._settings.services:
            Services(self._supervisor, self._variables(), self._say).start(self.record.start)

    def _look_after(self) -> bool:
        for name, server in (
            ("PostgreSQL", self._postgres),
            ("Redis", self._redis),
            (self.chain.kind, self.chain),
        ):
            if server.was_started and not server.process.is_alive:
                self._restart(name, server)
        if self.chain.kind == "anvil" and time.monotonic() > self._copied_at + COPY_EVERY_S:
            self.chain.copy_saved()
            self._copied_at = time.monotonic()
        return False

    def _restart(self, name: str, server: Any) -> None:
        ended: Process = server.process
        ended.reaped()
        self._warn(f"{name} ended ({_how(ended)})")
        server.start()
        self._note_pids()
        self._warn(f"{name} was started again at the same address")

    @staticmethod
    def _warn(line: str) -> None:
        print(f"devnet: {line}", file=sys.stderr, flush=True)


def _api_port() -> int:
    """API_PORT, or the usual port. Raises DevnetError when it is not a port."""
    asked = os.environ.get("API_PORT", "").strip()
    if not asked:
        return env_file.API_PORT
    if not asked.isdigit() or not 0 < int(asked) < 65536:
        raise DevnetError(f"API_PORT={asked} is not a port: give a number from 1 to 65535.")
    return int(asked)


def _port(variable: str, url: str, usual: int) -> int:
    """The port that the variable names, else the one before, the usual one, or any free one."""
    if os.environ.get(variable, "").strip():
        return choose_port(variable)
    return preferred_port(urlsplit(url).port or 0, usual)


def _inherited() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _finish(process: Process, command: str) -> None:
    if process.exit_code != 0:
        raise DevnetError(
            process.disk_full()
            or f"`{command}` ended with exit code {process.exit_code} ({process.last_line[:300]}):"
            f" see {process.log_path}."
        )


def _how(process: Process) -> str:
    code = process.exit_code
    if code is not None and code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}; last line: {process.last_line[:160]}"


def _shown(path: Path) -> str:
    """A path as it is typed in the clone's folder."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(ROOT))
    return str(path)
