"""Changes a devnet that runs: its clock, tokens, and its state by snapshots."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from backend.formatting import utc
from scripts.deployment_record import Record, RecordInvalid
from scripts.devnet.chain import Chain
from scripts.devnet.clock import travel_to
from scripts.devnet.devnet import DATABASE
from scripts.devnet.errors import DevnetError
from scripts.devnet.postgres import Postgres
from scripts.devnet.record import DevnetRecord, deployment_elsewhere
from scripts.devnet.rpc import RpcError
from scripts.devnet.tokens import balance_of, mint

_LENGTH = re.compile(r"\+?((?:\d+[smhd])+)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AMOUNT = re.compile(r"\d+(\.\d+)?")
_SNAPSHOT = re.compile(r"0x[0-9a-f]{1,8}")
_COPY = "fairline_snapshot_"
_NO_WAY_BACK = "its clock cannot go back: use `revert`, or `make devnet RESET=1`"


class Commands:
    """The commands on one devnet. Each returns the line to show, and raises DevnetError."""

    def __init__(self, record: DevnetRecord) -> None:
        self._record = record
        self._chain = Chain(external_url=record.rpc_url)
        try:
            self._chain.start()
        except DevnetError:
            raise DevnetError(
                f"The devnet's chain does not answer at {record.rpc_url}: look at the devnet's"
                " terminal, and try again when it runs."
            ) from None

    def travel(self, when: str) -> str:
        """Moves the clock by a length ("2h") or to a time in UTC."""
        now_s = self._chain.timestamp_s()
        target_s = target(when, now_s)
        if target_s < now_s:
            raise DevnetError(
                f"The chain is at {utc(now_s)}, after {utc(target_s)}, and {_NO_WAY_BACK}."
            )
        return f"The chain is at {utc(travel_to(self._chain, target_s))}."

    def mint(self, address: str, tokens: str) -> str:
        """Mints whole test tokens, or a decimal fraction of them, of the deployment that
        DEPLOYMENT_FILE names."""
        deployment = self._deployment()
        token, decimals = deployment.contracts["Token"], deployment.token_decimals
        mint(self._chain, token, address, units(tokens, decimals))
        held = balance_of(self._chain, token, address)
        return f"{address} has {held / 10**decimals:,.{min(decimals, 2)}f} test tokens."

    def _deployment(self) -> Record:
        """The deployment that DEPLOYMENT_FILE names, or else the devnet's own."""
        other = deployment_elsewhere()
        path = other or Path(self._record.deployment_file)
        try:
            found = Record.read(path)
        except RecordInvalid as error:
            raise DevnetError(str(error)) from error
        if found is None and other is None:
            raise DevnetError(f"{path} is gone: run `make devnet` again.")
        if found is None or found.genesis_hash != self._record.genesis_hash:
            is_what = "does not exist" if found is None else "is a deployment on another chain"
            raise DevnetError(
                f"DEPLOYMENT_FILE={path} {is_what}: name one on this devnet's chain, or unset it"
                " for the devnet's own."
            )
        return found

    def snapshot(self) -> str:
        """Remembers the state of chain and database."""
        name = self._save()
        return f"Snapshot {name}. Return to it: python -m scripts.devnet revert {name}"

    def revert(self, snapshot: str) -> str:
        """Returns chain and database to a snapshot, which can be returned to again under the name
        that the answer gives."""
        if not _SNAPSHOT.fullmatch(snapshot):
            raise DevnetError(f"{snapshot} is not a snapshot: `snapshot` prints one, such as 0x1.")
        with self._chain.clock_lock:
            try:
                self._chain.revert(snapshot)
            except RpcError as error:
                raise DevnetError(
                    f"The chain has no snapshot {snapshot} ({error}): it was never made, was used,"
                    " or the devnet was restarted since."
                ) from error
            # Nodes differ in what time it is then; here the clock goes on from the newest block.
            self._chain.set_clock(self._chain.timestamp_s() + 1)
        self._restore(snapshot)
        again = self._save()
        return (
            f"The chain is at block {self._chain.block_number()},"
            f" {utc(self._chain.timestamp_s())}. To return here again: revert {again}"
        )

    @property
    def _postgres(self) -> Postgres | None:
        """The server of the devnet's own database, None where it was started elsewhere."""
        own = urlsplit(self._record.database_url).path == f"/{DATABASE}"
        own = own and "host=" in self._record.database_url
        if not own:
            return None
        server = Postgres(external_url=self._record.database_url)
        return Postgres(external_url=server.url("postgres"))

    def _save(self) -> str:
        """Copies the database, then takes the chain's snapshot: the database may be behind it, but
        not ahead."""
        postgres = self._postgres
        if postgres:
            postgres.copy_database(f"{_COPY}new", DATABASE)
        name = self._chain.snapshot()
        if postgres:
            postgres.rename_database(f"{_COPY}new", f"{_COPY}{int(name, 16)}")
        return name

    def _restore(self, snapshot: str) -> None:
        postgres, number = self._postgres, int(snapshot, 16)
        if postgres is None:
            return
        copy = f"{_COPY}{number}"
        if copy in postgres.databases():
            postgres.copy_database(DATABASE, copy)
            postgres.set_note(DATABASE, self._record.genesis_hash)
        for name in postgres.databases():
            taken = name.removeprefix(_COPY)
            # A chain forgets the snapshots that were taken after the one it returns to.
            if name.startswith(_COPY) and taken.isdigit() and int(taken) >= number:
                postgres.drop_database(name)


def target(when: str, now_s: int) -> int:
    """The time that "90m", "+2h" or "2025-05-25T15:00:00Z" means. Raises DevnetError."""
    if _LENGTH.fullmatch(when.removeprefix("-")) and when.startswith("-"):
        raise DevnetError(f"{when} is in the past, and {_NO_WAY_BACK}.")
    length = _LENGTH.fullmatch(when)
    if length:
        parts = re.findall(r"(\d+)([smhd])", length[1])
        return now_s + sum(int(number) * _SECONDS[unit] for number, unit in parts)
    try:
        found = datetime.fromisoformat(when)
    except ValueError:
        raise DevnetError(
            f"{when} is not a time: give a length such as 90s, 10m, 1h30m or 1d, or a time in UTC"
            " such as 2025-05-25T15:00:00Z."
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def units(tokens: str, decimals: int) -> int:
    """Tokens as the token's units. Raises DevnetError."""
    text = tokens.replace("_", "").replace(",", "")
    whole, _, fraction = text.partition(".")
    if not _AMOUNT.fullmatch(text) or len(fraction) > decimals:
        raise DevnetError(
            f"{tokens} is not an amount: give tokens such as 1000 or 0.5, with at most {decimals}"
            " decimals."
        )
    return int(whole + fraction.ljust(decimals, "0"))
