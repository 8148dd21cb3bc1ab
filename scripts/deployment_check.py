"""Compares a deployment on the chain with the settings, and with its own history.

What can never change must be as the settings say; so must everything with which the deployment
began. What those who may have changed since is listed, not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import brownie
from eth_utils.abi import event_abi_to_log_topic

from protocol.scale import Scale
from scripts import deployment_history as history
from scripts.deploy_settings import Settings
from scripts.deployment_history import Event, Standing
from scripts.deployment_record import Record, same_creation
from scripts.deployment_steps import (
    PARTS,
    DeploymentRefused,
    containers,
    is_ours,
    results_arguments,
    sportsbook_arguments,
)

# Below so many blocks an endpoint's limit on a query is no reason to try fewer.
MIN_BLOCKS = 100

# Brownie's network objects are made at run time, out of reach of a type checker.
web3: Any = brownie.web3


@dataclass(frozen=True)
class Findings:
    """Sentences without a full stop: why this is not the deployment that the settings describe,
    how it was changed since, and what its owner has still to do."""

    refused: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def genesis_hash() -> str:
    """Hash of the chain's first block, 0x and 64 hex digits: another for a chain that was wiped."""
    return "0x" + bytes(web3.eth.get_block(0)["hash"]).hex()


def compare(settings: Settings, record: Record) -> Findings:
    """Compares a recorded deployment with the settings. Raises DeploymentRefused when the node does
    not return the events."""
    refused = other_file(settings, record) or other_code(settings, record)
    refused = refused or other_constants(settings, record)
    if refused:
        return Findings(refused)
    events = read_events(record)
    asked = history.asked_for(settings, record.deployer, record.contracts["Sportsbook"])
    begun = history.beginning(events, asked)
    refused = history.not_as_asked(settings, record.deployer, begun)
    if begun.missing:
        return Findings(refused)
    held = Standing().follow(events)
    refused = refused or other_creation(settings, record, events)
    refused += other_views(record, held)
    now_s = int(web3.eth.get_block("latest")["timestamp"])
    return Findings(
        refused,
        history.changes(settings, record.deployer, held, now_s),
        history.notes(settings, record.deployer, held),
    )


def other_file(settings: Settings, record: Record) -> list[str]:
    """How a deployment file is one of another chain or of other parameters."""
    if record.chain_id != settings.chain_id:
        return [f"it is on chain {record.chain_id}, not on chain {settings.chain_id}"]
    if record.genesis_hash != genesis_hash():
        return [
            f"it is on a chain with the genesis hash {record.genesis_hash}, and this chain's is"
            f" {genesis_hash()}"
        ]
    differing = settings.differences(record.parameters)
    return [f"it has other parameters: {', '.join(differing)}"] if differing else []


def other_code(settings: Settings, record: Record) -> list[str]:
    """Which contracts are not on the chain with the code that was compiled here."""
    project = containers()
    ours = {name: project[name] for name in ("Results", *PARTS, "Sportsbook", "Bankroll")}
    if settings.token is None:
        ours["Token"] = project.TestToken
    return [
        f"there is no {name} of this version on the chain"
        for name, container in ours.items()
        if name not in record.contracts or not is_ours(record.contracts[name], container)
    ]


def other_constants(settings: Settings, record: Record) -> list[str]:
    """Which values differ that nobody can change."""
    project, at = containers(), record.contracts
    sportsbook = project.Sportsbook.at(at["Sportsbook"], persist=False)
    results = project.Results.at(at["Results"], persist=False)
    bankroll = project.Bankroll.at(at["Bankroll"], persist=False)
    constants = {
        "Sportsbook.TOKEN": (sportsbook.TOKEN(), settings.token or at["Token"]),
        "Sportsbook.SCALE": (sportsbook.SCALE(), Scale.of_decimals(record.token_decimals).word()),
        "Sportsbook.RESULTS": (sportsbook.RESULTS(), at["Results"]),
        "Sportsbook.SETTLING": (sportsbook.SETTLING(), at["Settling"]),
        "Sportsbook.SELF_SERVICE": (sportsbook.SELF_SERVICE(), at["SelfService"]),
        "Sportsbook.ADMINISTRATION": (sportsbook.ADMINISTRATION(), at["Administration"]),
        "Sportsbook.BATCH_WINDOW": (sportsbook.BATCH_WINDOW(), settings.batch_window_s),
        "Sportsbook.RECEIPT_WINDOW": (sportsbook.RECEIPT_WINDOW(), settings.receipt_window_s),
        "Sportsbook.EXIT_DELAY": (sportsbook.EXIT_DELAY(), settings.exit_delay_s),
        "Sportsbook.CASH_OUT_AGE": (sportsbook.CASH_OUT_AGE(), settings.cash_out_age_s),
        "Sportsbook.NOTICE": (sportsbook.NOTICE(), settings.notice_s),
        "Sportsbook.HORIZON": (sportsbook.HORIZON(), settings.horizon_s),
        "Sportsbook.BANKROLL": (sportsbook.BANKROLL(), at["Bankroll"]),
        "Results.TOKEN": (results.TOKEN(), at["Token"]),
        "Results.DISPUTE_WINDOW": (results.DISPUTE_WINDOW(), settings.dispute_window_s),
        "Results.NOTICE": (results.NOTICE(), settings.council_notice_s),
        "Results.BOND": (results.BOND(), settings.dispute_bond_micro),
        "Bankroll.COMMISSION_BPS": (bankroll.COMMISSION_BPS(), settings.commission_bps),
        "Bankroll.COMMISSION_TO": (bankroll.COMMISSION_TO(), settings.commission_to),
        "Bankroll.SPORTSBOOK": (bankroll.SPORTSBOOK(), at["Sportsbook"]),
        "Bankroll.asset": (bankroll.asset(), at["Token"]),
    }
    return _differing(constants)


def other_creation(settings: Settings, record: Record, events: Sequence[Event]) -> list[str]:
    """Which contracts were not created by sending their code with the settings as arguments. Other
    code could have emitted the same events, granted keys besides, and left the same code."""
    wanted = creations(settings, record)
    last = next(event.block for event in events if event.contract == "Sportsbook")
    for block in range(record.first_block, last + 1):
        for sent in web3.eth.get_block(block, full_transactions=True)["transactions"]:
            named = next(
                (name for name in wanted if same_creation(sent["input"], wanted[name])), ""
            )
            if named and sent.get("to") is None:
                receipt = web3.eth.get_transaction_receipt(sent["hash"])
                if receipt["contractAddress"] == record.contracts[named]:
                    del wanted[named]
        if not wanted:
            break
    return [
        f"{name} was not created by sending its code with these settings: what created it may have"
        " done anything"
        for name in wanted
    ]


def creations(settings: Settings, record: Record) -> dict[str, bytes]:
    """The data of the transactions that create the contracts, by name."""
    project, at = containers(), record.contracts
    created: dict[str, tuple[Any, ...]] = {
        "Results": results_arguments(settings, record.deployer, at),
        **dict.fromkeys(PARTS, ()),
        "Sportsbook": sportsbook_arguments(settings, record.deployer, at),
    }
    return {
        name: bytes.fromhex(project[name].deploy.encode_input(*arguments).removeprefix("0x"))
        for name, arguments in created.items()
    }


def other_views(record: Record, held: Standing) -> list[str]:
    """Which values the contracts show that their events do not add up to: a node has lost some."""
    project, at = containers(), record.contracts
    sportsbook = project.Sportsbook.at(at["Sportsbook"], persist=False)
    results = project.Results.at(at["Results"], persist=False)
    views = {
        "Sportsbook.guardian": (sportsbook.guardian(), held.guardian),
        "Sportsbook.limits": (tuple(sportsbook.limits()), held.limits),
        "Sportsbook.placingPaused": (sportsbook.placingPaused(), held.is_paused),
        "Results.term": (results.term(), held.term),
    }
    for contract in (sportsbook, results):
        name = contract._name
        views[f"{name}.owner"] = (contract.owner(), held.owners[name])
        views[f"{name}.pendingOwner"] = (contract.pendingOwner(), held.offers[name])
    return [f"{sentence} as the node's events say" for sentence in _differing(views)]


def _differing(values: dict[str, tuple[Any, Any]]) -> list[str]:
    return [
        f"{name} is {held}, not {expected}"
        for name, (held, expected) in values.items()
        if held != expected
    ]


def read_events(record: Record) -> list[Event]:
    """The events of a deployment that history judges, in order. Raises DeploymentRefused."""
    project = containers()
    decoders: dict[tuple[str, bytes], tuple[str, str, Any]] = {}
    for contract, names in history.EVENTS.items():
        address = record.contracts[contract]
        abi = project[contract].abi
        events = web3.eth.contract(address=address, abi=abi).events
        for entry in abi:
            if entry["type"] == "event" and entry["name"] in names:
                key = (address, event_abi_to_log_topic(entry))
                decoders[key] = (contract, entry["name"], events[entry["name"]]())
    query = {
        "address": sorted({address for address, _ in decoders}),
        "topics": [sorted({"0x" + topic.hex() for _, topic in decoders})],
    }

    def fetch(first: int, last: int) -> Sequence[Any]:
        found = web3.eth.get_logs({**query, "fromBlock": first, "toBlock": last})
        return list(found)

    found = []
    for log in logs_between(fetch, record.first_block, web3.eth.block_number):
        contract, name, decoder = decoders[log["address"], bytes(log["topics"][0])]
        values = decoder.process_log(log)["args"]
        plain = {key: _plain(value) for key, value in values.items()}
        found.append(Event(contract, name, plain, int(log["blockNumber"])))
    return found


def logs_between(fetch: Callable[[int, int], Sequence[Any]], first: int, last: int) -> list[Any]:
    """What `fetch` finds in a range of blocks, in parts as small as the endpoint wants them.
    Raises DeploymentRefused when even few blocks are too many."""
    found: list[Any] = []
    size = max(last - first + 1, 1)
    while first <= last:
        until = min(first + size - 1, last)
        try:
            found += fetch(first, until)
        except (ValueError, OSError) as error:
            if size <= MIN_BLOCKS:
                raise DeploymentRefused(
                    f"the node does not return the events of blocks {first} to {until}, with which"
                    f" a deployment is checked ({error}): use one that does."
                ) from error
            size = (size + 1) // 2
            continue
        first = until + 1
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(value.values())
    return tuple(value) if isinstance(value, list | tuple) else value
