"""Judges the history of a deployment by its events: how it began, and what was changed since.

It asks no chain: scripts/deployment_check.py reads the events. The contracts' code is known, so
nothing that a deployer or an owner chooses is changed without an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from backend.formatting import utc
from protocol.roles import Role
from scripts.deploy_settings import Settings

NOBODY = "0x" + "0" * 40

# What is read, by contract. Anybody may deposit into the bankroll: only one deposit is looked for.
_OWNED = ("OwnershipTransferStarted", "OwnershipTransferred")
EVENTS = {
    "Results": (*_OWNED, "CouncilProposed", "CouncilAppointed", "SportsbookSet"),
    "Sportsbook": (
        *_OWNED,
        "KeyGranted",
        "KeyRetired",
        "LimitsProposed",
        "LimitsSet",
        "GuardianSet",
        "PlacingPaused",
    ),
    "Bankroll": ("Deposit",),
}
# What only an owner can do. Guardians retire keys, and anybody applies what was proposed.
_BY_OWNERS = (
    "OwnershipTransferStarted",
    "KeyGranted",
    "LimitsProposed",
    "GuardianSet",
    "CouncilProposed",
)
_LIMITS = ("market cap", "fixture cap", "cap of accumulators", "reserve for receipts")


class Event(NamedTuple):
    """An event by its contract and name, and its values by the names of the ABI: addresses
    checksummed, lists and structs as tuples. `block` is the number of its block."""

    contract: str
    name: str
    values: Mapping[str, Any]
    block: int = 0

    def is_as(self, expected: Event) -> bool:
        """Whether it is what was expected, which leaves out values that nobody can foresee."""
        return self[:2] == expected[:2] and all(
            self.values[name] == value for name, value in expected.values.items()
        )

    def __str__(self) -> str:
        values = ", ".join(f"{name} {_shown(name, value)}" for name, value in self.values.items())
        return f"{self.name} ({values}) of {self.contract}"


@dataclass
class GrantedKey:
    """A key that was granted, in micro-units per day and unix seconds."""

    role: Role
    budget_micro: int
    from_s: int
    is_retired: bool = False


@dataclass
class Standing:
    """What holds after some events; proposals with the time from which they can be applied."""

    owners: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    guardian: str = NOBODY
    is_paused: bool = False
    keys: dict[str, GrantedKey] = field(default_factory=dict)
    limits: tuple[int, ...] = ()
    proposed_limits: tuple[tuple[int, ...], int] | None = None
    term: int = 0
    council: tuple[Any, ...] = ()
    proposed_council: tuple[tuple[Any, ...], int] | None = None

    def follow(self, events: Iterable[Event]) -> Standing:
        """The same after `events`."""
        for event in events:
            self._apply(event.contract, event.name, event.values)
        return self

    def _apply(self, contract: str, name: str, values: Mapping[str, Any]) -> None:
        match name:
            case "OwnershipTransferStarted":
                self.offers[contract] = values["newOwner"]
            case "OwnershipTransferred":
                self.owners[contract] = values["newOwner"]
                self.offers[contract] = NOBODY
            case "KeyGranted":
                role = Role(values["role"])
                self.keys[values["key"]] = GrantedKey(role, values["budget"], values["from"])
            case "KeyRetired":
                # A node that lost the grant must not hide the key.
                held = self.keys.setdefault(values["key"], GrantedKey(Role.NONE, 0, 0))
                held.is_retired = True
            case "LimitsProposed":
                self.proposed_limits = values["limits"], values["from"]
            case "LimitsSet":
                self.limits, self.proposed_limits = values["limits"], None
            case "GuardianSet":
                self.guardian = values["guardian"]
            case "PlacingPaused":
                self.is_paused = values["paused"]
            case "CouncilProposed":
                self.proposed_council = _council(values), values["fromTime"]
            case "CouncilAppointed":
                self.council, self.proposed_council = _council(values), None
                self.term = values["term"]


@dataclass(frozen=True)
class Beginning:
    """The events up to the last one of a deployment, as far as they differ from what its settings
    ask for, and the events after it."""

    unexpected: list[Event]
    missing: list[Event]
    since: list[Event]


def asked_for(settings: Settings, deployer: str, sportsbook: str) -> list[Event]:
    """The events of a deployment with these settings, none of which may be missing."""

    def begins(contract: str) -> Event:
        owners = {"previousOwner": NOBODY, "newOwner": deployer}
        return Event(contract, "OwnershipTransferred", owners)

    council = {
        "signers": settings.result_signers,
        "threshold": settings.result_threshold,
        "arbiter": settings.arbiter,
        "term": 1,
    }
    keys = [
        Event("Sportsbook", "KeyGranted", {"key": key, "role": role, "budget": budget_micro})
        for key, role, budget_micro in settings.keys
    ]
    asked = [
        begins("Results"),
        Event("Results", "CouncilAppointed", council),
        begins("Sportsbook"),
        Event("Sportsbook", "LimitsSet", {"limits": settings.limits}),
        *keys,
        Event("Sportsbook", "GuardianSet", {"guardian": settings.guardian}),
        Event("Results", "SportsbookSet", {"sportsbook": sportsbook}),
    ]
    if settings.bankroll_micro:
        deposit = {"owner": settings.owner, "assets": settings.bankroll_micro}
        asked.append(Event("Bankroll", "Deposit", deposit))
    if settings.owner != deployer:
        offer = {"previousOwner": deployer, "newOwner": settings.owner}
        asked += [
            Event(contract, "OwnershipTransferStarted", offer)
            for contract in ("Sportsbook", "Results")
        ]
    return asked


def beginning(events: Sequence[Event], asked: Iterable[Event]) -> Beginning:
    """Compares how a deployment began with the events that its settings ask for.

    It ends with the last of those. If one is missing it has not ended, and all belongs to it.
    """
    missing = list(asked)
    unexpected: list[Event] = []
    for i, event in enumerate(events):
        if not missing:
            since = [later for later in events[i:] if later.contract != "Bankroll"]
            return Beginning(unexpected, [], since)
        found = next((one for one in missing if event.is_as(one)), None)
        if found is not None:
            missing.remove(found)
        elif event.contract != "Bankroll":
            unexpected.append(event)
    return Beginning(unexpected, missing, [])


def not_as_asked(settings: Settings, deployer: str, begun: Beginning) -> list[str]:
    """Why this is not the deployment that the settings describe: a sentence for each reason.

    What a deployer did after it, while another was to be the owner, was not the owner's either.
    """
    sentences = [
        f"it began with {event}, which the settings do not name" for event in begun.unexpected
    ]
    sentences += [f"it did not begin with {event}" for event in begun.missing]
    if settings.owner == deployer:
        return sentences
    accepted: set[str] = set()
    for event in begun.since:
        taken = event.name == "OwnershipTransferred" and event.values["newOwner"] == settings.owner
        offered = event.values.get("newOwner") == settings.owner
        if taken:
            accepted.add(event.contract)
        elif event.name in _BY_OWNERS and not offered and event.contract not in accepted:
            sentences.append(
                f"{event} was done by {deployer}, who deployed it, before {settings.owner} owned it"
            )
    return sentences


def changes(settings: Settings, deployer: str, held: Standing, now_s: int) -> list[str]:
    """How what holds now differs from the settings: a sentence for each difference."""
    return [
        *_changes_of_owner(settings, deployer, held),
        *_changes_of_keys(settings, held),
        *_changes_of_limits(settings, held, now_s),
        *_changes_of_council(settings, held, now_s),
    ]


def notes(settings: Settings, deployer: str, held: Standing) -> list[str]:
    """What the owner has still to do: a sentence for each contract."""
    return [
        f"{settings.owner} must call acceptOwnership() on {contract}, which {deployer} owns until"
        " then"
        for contract, offered_to in held.offers.items()
        if offered_to == settings.owner
    ]


def _changes_of_owner(settings: Settings, deployer: str, held: Standing) -> list[str]:
    sentences = []
    for contract, owner in held.owners.items():
        offered_to = held.offers[contract]
        if owner != settings.owner and (owner, offered_to) != (deployer, settings.owner):
            sentences.append(f"the owner of {contract} is {owner}, not {settings.owner}")
        if offered_to not in (NOBODY, settings.owner):
            sentences.append(f"the ownership of {contract} is offered to {offered_to}")
    if held.guardian != settings.guardian:
        sentences.append(f"the guardian is {held.guardian}, not {settings.guardian}")
    if held.is_paused:
        sentences.append("placing is paused")
    return sentences


def _changes_of_keys(settings: Settings, held: Standing) -> list[str]:
    named = {address for address, *_ in settings.keys}
    sentences = []
    for address, key in held.keys.items():
        what = f"key {address} of role {key.role.name}"
        if address not in named:
            end = ", and was retired" if key.is_retired else ""
            sentences.append(
                f"{what}, which the settings do not name, has a budget of {key.budget_micro} micro"
                f" a day from {utc(key.from_s)}{end}"
            )
        elif key.is_retired:
            sentences.append(f"{what} was retired")
    return sentences


def _changes_of_limits(settings: Settings, held: Standing, now_s: int) -> list[str]:
    pairs = zip(_LIMITS, held.limits, settings.limits, strict=True)
    sentences = [
        f"the {name} is {value} micro, not {asked} micro"
        for name, value, asked in pairs
        if value != asked
    ]
    if held.proposed_limits is not None:
        limits, from_s = held.proposed_limits
        if now_s < from_s + settings.notice_s:
            values = ", ".join(
                f"{name} {value} micro" for name, value in zip(_LIMITS, limits, strict=True)
            )
            sentences.append(
                f"other limits are proposed ({values}): anybody can apply them"
                f" {_between(from_s, settings.notice_s)}"
            )
    return sentences


def _changes_of_council(settings: Settings, held: Standing, now_s: int) -> list[str]:
    asked = (settings.result_signers, settings.result_threshold, settings.arbiter)
    sentences = []
    if held.council != asked:
        sentences.append(
            f"the council of term {held.term} is {_members(held.council)}, not {_members(asked)}"
        )
    if held.proposed_council is not None:
        council, from_s = held.proposed_council
        if now_s < from_s + settings.council_notice_s:
            sentences.append(
                f"another council is proposed, {_members(council)}: anybody can appoint it"
                f" {_between(from_s, settings.council_notice_s)}"
            )
    return sentences


def _council(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return values["signers"], values["threshold"], values["arbiter"]


def _members(council: tuple[Any, ...]) -> str:
    signers, threshold, arbiter = council
    return f"{threshold} of {', '.join(signers)} with the arbiter {arbiter}"


def _between(from_s: int, notice_s: int) -> str:
    return f"from {utc(from_s)} until {utc(from_s + notice_s)}"


def _shown(name: str, value: Any) -> str:
    if name == "role":
        return Role(value).name
    if name in ("from", "fromTime"):
        return utc(value)
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)
