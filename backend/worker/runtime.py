"""Builds the worker's services from its settings, once per process."""

from __future__ import annotations

import time
from functools import cache, cached_property

from coincurve import PrivateKey
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, PlacingWindows
from backend.cash_outs.relaying import CashOutRelayer
from backend.deployment import Deployment
from backend.errors import FatalError
from backend.feed.reading import FactsRead, changed_ns, read_facts
from backend.mirror.deployment import MirrorMissing, read_mirror
from backend.one_chain import other_chain
from backend.relays.relaying import Relayer
from backend.reports.checks import Found, HouseKeys, check_house
from backend.reports.reserves import reserve_faults
from backend.reports.writing import write_report
from backend.settings import CONNECT_ARGUMENTS, load_settings
from backend.settlement.facts_watch import FactsWatch
from backend.settlement.publishing import Publisher
from backend.settlement.settling import Settler
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.errors import CallReverted, NodeUnreachable, WrongChain
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from backend.worker.settings import WorkerSettings
from protocol.signatures import address_of

PROBE_TIMEOUT_S = 2.0
_POOL_SIZE = 3


class SettingsConflict(FatalError):
    """Two settings, or a setting and the contract, contradict each other."""


class Runtime:
    """The services of one worker process. The chain is asked only when its answer is first needed,
    so a worker can start before its node."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.engine: Engine = create_engine(
            settings.database_url,
            pool_size=_POOL_SIZE,
            pool_pre_ping=True,
            connect_args=CONNECT_ARGUMENTS,
        )
        self.node = Node(settings.first_rpc_url, settings.chain_id)
        # What is only looked at must not wait as long.
        self._probed = Node(settings.first_rpc_url, settings.chain_id, PROBE_TIMEOUT_S)
        self.deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        self._signer = LocalSigner(settings.operator_key_bytes)
        self._facts: tuple[tuple[int, int], FactsRead] = ((0, 0), FactsRead((), ()))

    def now_s(self) -> int:
        """The time in use: wall time, or the time of the mirror's head. Raises MirrorMissing."""
        if self.settings.clock == "wall":
            return int(time.time())
        return read_mirror(self.engine, self.deployment).head_timestamp_s

    def facts(self) -> FactsRead:
        """The facts file, read again after a change. Raises FactsInvalid when there is none; lines
        that cannot be used are left out."""
        path = self.settings.facts_file
        changed = changed_ns(path)
        if self._facts[0] != changed:
            self._facts = (changed, read_facts(path))
        return self._facts[1]

    @cached_property
    def facts_watch(self) -> FactsWatch:
        """Compares the facts with what was opened and published."""
        return FactsWatch(self.engine)

    @cached_property
    def delivery(self) -> Delivery:
        """Sends prepared transactions."""
        self._check_chain()
        policy = DeliveryPolicy(
            self.settings.confirmations,
            self.settings.fee_bump_after_s,
            self.settings.max_fee_wei,
            self.settings.fees_per_hour_wei,
        )
        return Delivery(self.engine, self.node, self._signer, policy)

    @cached_property
    def windows(self) -> PlacingWindows:
        """How long after acceptance the contract still accepts a slip. Raises SettingsConflict."""
        windows = PlacingWindows(
            batch_s=int(self._constant("BATCH_WINDOW")),
            receipt_s=int(self._constant("RECEIPT_WINDOW")),
        )
        if self.settings.batch_max_age_s * 2 > windows.batch_s:
            raise SettingsConflict(
                f"BATCH_MAX_AGE_S {self.settings.batch_max_age_s} is more than half of the"
                f" contract's BATCH_WINDOW of {windows.batch_s} s; slips would become too old for a"
                " batch while they wait"
            )
        return windows

    @cached_property
    def batcher(self) -> Batcher:
        """Prepares batches of waiting slips."""
        policy = BatchPolicy(
            self.settings.batch_max_slips,
            self.settings.batch_max_age_s,
            self.settings.max_transaction_gas,
        )
        return Batcher(
            self.engine,
            self.node,
            self.deployment,
            self._signer.address,
            policy,
            self.windows,
        )

    @cached_property
    def publisher(self) -> Publisher:
        """Prepares the results of finished fixtures."""
        return Publisher(
            self.engine,
            self.node,
            self.deployment,
            self._signer.address,
            self.settings.result_keys,
            self.settings.max_transaction_gas,
        )

    @cached_property
    def settler(self) -> Settler:
        """Prepares the settlement of decided bets."""
        void_after_s = int(self._constant("VOID_AFTER"))
        return Settler(
            self.engine,
            self.node,
            self.deployment,
            self._signer.address,
            void_after_s,
            self.settings.max_transaction_gas,
        )

    @cached_property
    def cash_out_relayer(self) -> CashOutRelayer:
        """Prepares the cash-outs that owners have signed."""
        return CashOutRelayer(
            self.engine,
            self.node,
            self.deployment,
            self._signer.address,
            self.settings.max_transaction_gas,
        )

    @cached_property
    def relayer(self) -> Relayer:
        """Prepares the deposits and requests that owners have signed for the house to send."""
        return Relayer(
            self.engine,
            self.node,
            self.deployment,
            self._signer.address,
            self.settings.max_transaction_gas,
        )

    def check(self) -> list[str]:
        """What is wrong with the chain, the key and the contracts now, one sentence each."""
        found = self._found()
        return [*found.faults, *found.delays]

    def report(self) -> None:
        """Report to the API what is wrong now."""
        found = self._found()
        try:
            batch_window_s = self.windows.batch_s
        except SettingsConflict as error:
            found.faults.append(f"{error}.")
            batch_window_s = 0
        except (NodeUnreachable, CallReverted, WrongChain):
            # The checks have said it.
            batch_window_s = 0
        else:
            window_s = self.windows.receipt_s
            found.faults += reserve_faults(self.engine, self.deployment, window_s)
        write_report(
            self.engine,
            self.deployment,
            self._signer.address,
            found,
            self.settings.batch_max_age_s,
            batch_window_s,
        )

    def _found(self) -> Found:
        signers = [address_of(PrivateKey(key).public_key) for key in self.settings.result_keys]
        keys = HouseKeys(self._signer.address, signers)
        try:
            mirrored = self._mirrored()
        except SQLAlchemyError:
            # What is wrong with the database is not for the chain's checks to say.
            mirrored = None
        return check_house(
            self._probed,
            self.deployment,
            keys,
            self.settings.max_fee_wei,
            int(time.time()),
            mirrored,
        )

    def _mirrored(self) -> bytes | None:
        """The hash of the deployment's first block in the mirror."""
        try:
            return read_mirror(self.engine, self.deployment).first_hash
        except MirrorMissing:
            return None

    def _check_chain(self) -> None:
        """Raises WrongChain unless node, deployment file and mirror are of one chain."""
        self.node.check_chain()
        hashes = self.node.hashes(self.deployment.first_block)
        if (reason := other_chain(self.deployment, hashes, self._mirrored())) is not None:
            raise WrongChain(reason)

    def _constant(self, name: str) -> int:
        self._check_chain()
        return int(self.node.view("Sportsbook", self.deployment.sportsbook, name))


@cache
def runtime() -> Runtime:
    """This process's services. Ends the process when a setting is missing."""
    return Runtime(load_settings(WorkerSettings, "worker"))
