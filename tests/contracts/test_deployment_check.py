"""What the deploy script finds when it checks a deployment against the settings.

compare, deploy
├── given a finished deployment with another owner, council, receiver, limits, bond or keys, or
│   contracts that other code created: refuses it, naming each
├── given what the deployer did before the owner took over: refuses it, naming each
├── given what owner and guardian did since: keeps it, names each
├── given another deployer while the owner has not accepted: names both
└── given a run cut short, and anything that the settings do not name since: refuses, writes no file
history
├── names proposals only while they can be applied
└── finds a sportsbook that lost an event
logs_between
└── asks for fewer blocks where the node refuses, up to a point
same_code, same_creation
└── overlook metadata, and immutables in code on a chain, and nothing else
"""

from dataclasses import replace

import pytest
from brownie import Results, Sportsbook, accounts, project, web3
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from protocol.roles import Role
from scripts import deploy as script
from scripts import deploy_settings
from scripts import deployment_history as history
from scripts.deploy import DeploymentChanged
from scripts.deployment_check import compare, genesis_hash, logs_between
from scripts.deployment_history import Event, Standing
from scripts.deployment_record import Record, progress_path, same_code, same_creation
from scripts.deployment_steps import PARTS, DeploymentRefused
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.deploying import TRANSACTIONS, Cut, cut, deploy, sent, settings

DAY_S = 86_400
FORGED = {"OWNER": deploy_settings.local_address(5), "BANKROLL_MICRO": "0"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"{CHAIN_ID}.json"


def by_name(asked):
    """The arguments of the contracts' constructors that a test changes, by name."""
    return {
        "owner": accounts[0],
        "bond": asked.dispute_bond_micro,
        "council": (asked.result_signers, asked.result_threshold, asked.arbiter),
        "limits": asked.limits,
        "keys": [*asked.keys],
        "commission_to": asked.commission_to,
    }


def made_by_code(container, arguments):
    """A contract that other code created, which could have done more."""
    created = bytes.fromhex(container.deploy.encode_input(*arguments))
    head = bytes.fromhex(f"61{len(created):04x}80600c5f395f5ff000")
    creating = accounts[90].transfer(data="0x" + (head + created).hex()).contract_address
    address = keccak(b"\xd6\x94" + bytes.fromhex(creating[2:]) + b"\x01")[12:]
    return container.at(to_checksum_address(address), persist=False)


def forged(world, by_code=None, **others):
    """The settings FORGED, and the record of a deployment in which these arguments are others, or
    the contract `by_code` was created by other code. Token and parts are the world's."""
    asked = settings(**FORGED)
    by, given = {"from": accounts[90]}, by_name(asked) | others
    at = {
        "Token": world.token.address,
        "Settling": world.sportsbook.SETTLING(),
        "SelfService": world.sportsbook.SELF_SERVICE(),
        "Administration": world.sportsbook.ADMINISTRATION(),
    }
    times = asked.dispute_window_s, asked.council_notice_s, given["bond"]
    arguments = given["owner"], at["Token"], *times, given["council"]
    results = Results.deploy(*arguments, by)
    if by_code == "Results":
        results = made_by_code(Results, arguments)
    elif by_code:
        at[by_code] = made_by_code(project.get_loaded_projects()[0][by_code], ()).address
    book = Sportsbook.deploy(
        given["owner"],
        at["Token"],
        results,
        [at[name] for name in PARTS],
        asked.rules,
        given["limits"],
        given["keys"],
        asked.commission_bps,
        given["commission_to"],
        by,
    )
    by = {"from": given["owner"]}
    book.setGuardian(asked.guardian, by)
    results.setSportsbook(book, by)
    for contract in (book, results):
        contract.transferOwnership(asked.owner, by)
    at |= {"Results": results.address, "Sportsbook": book.address, "Bankroll": book.BANKROLL()}
    return asked, Record(CHAIN_ID, genesis_hash(), 0, accounts[0].address, asked.parameters(), at)


def test_deployment_that_is_as_asked_is_not_refused(world):
    found = compare(*forged(world))
    assert (found.refused, found.changed, len(found.notes)) == ([], [], 2)


@pytest.mark.parametrize("name", ["Results", "Settling"])
def test_deployment_that_other_code_created_is_refused(world, name):
    (reason,) = compare(*forged(world, by_code=name)).refused
    assert reason.startswith(f"{name} was not created by sending its code with these settings")


def test_deployment_without_its_first_events_is_refused(path):
    record = deploy(path)
    reasons = compare(settings(), replace(record, first_block=web3.eth.block_number)).refused
    assert len([reason for reason in reasons if "did not begin with" in reason]) >= 10


def test_deployment_with_other_people_in_it_is_refused(world, path, monkeypatch):
    evil, most = accounts[90], 2**56 - 1
    more = [(accounts[91], Role.RECEIPTS, most), (accounts[92], Role.CASH_OUTS, most)]
    asked, record = forged(
        world,
        owner=evil,
        council=([evil.address], 1, evil.address),
        limits=(most, most, most, 0),
        keys=[*settings(**FORGED).keys, *more],
    )
    record.write(path)
    reasons = "\n".join(compare(asked, record).refused)
    for named in (
        f"OwnershipTransferred (previousOwner {'0x' + '0' * 40}, newOwner {evil})",
        f"CouncilAppointed (signers {evil}, threshold 1, arbiter {evil}, term 1)",
        f"LimitsSet (limits {most}/{most}/{most}/0)",
        f"KeyGranted (key {accounts[91]}, role RECEIPTS, budget {most}",
        f"KeyGranted (key {accounts[92]}, role CASH_OUTS, budget {most}",
    ):
        assert f"it began with {named}" in reasons
    held, before = path.read_bytes(), sent()
    monkeypatch.setattr(script, "is_local", lambda _: False)
    with pytest.raises(DeploymentRefused, match="is not the deployment that the settings describe"):
        deploy(path, **FORGED)
    assert (path.read_bytes(), sent()) == (held, before)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("bond", 1, "Results.BOND is 1, not 100000000"),
        ("commission_to", "{90}", "Bankroll.COMMISSION_TO is {90}, not {0}"),
        ("council", (["{4}", "{5}", "{6}"], 3, "{7}"), "CouncilAppointed (signers {4}/{5}/{6}, "),
        ("council", (["{4}", "{5}", "{6}"], 2, "{90}"), "arbiter {90}, term 1)"),
        ("limits", (250_000 * 10**6, 500_000 * 10**6, 250_000 * 10**6, 0), "/0) of Sportsbook"),
    ],
)
def test_deployment_that_differs_in_one_choice_is_refused(world, name, value, said):
    def filled(given):
        if isinstance(given, str):
            return given.format(*accounts)
        return type(given)(map(filled, given)) if isinstance(given, list | tuple) else given

    reasons = compare(*forged(world, **{name: filled(value)})).refused
    assert any(filled(said) in reason for reason in reasons), reasons


def test_what_the_deployer_did_before_the_owner_took_over_is_refused(path):
    owner, by = accounts[5].address, {"from": accounts[0]}
    record = deploy(path, OWNER=owner)
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    book.grantKey((accounts[91], Role.CASH_OUTS, 5), by)
    book.acceptOwnership({"from": owner})
    book.grantKey((accounts[92], Role.RECEIPTS, 5), {"from": owner})
    (reason,) = compare(settings(OWNER=owner), record).refused
    assert f"KeyGranted (key {accounts[91]}, role CASH_OUTS, budget 5" in reason
    assert f"was done by {accounts[0]}" in reason


def test_what_owner_and_guardian_did_since_is_listed_and_kept(path, world):
    record, asked, by = deploy(path), settings(), {"from": accounts[0]}
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    results = Results.at(record.contracts["Results"], persist=False)
    book.retireKey(asked.cash_out_signer, {"from": asked.guardian})
    book.grantKey((accounts[91], Role.CASH_OUTS, 5), by)
    book.grantKey((accounts[92], Role.RECEIPTS, 6), by)
    book.retireKey(accounts[92], by)
    applied = (7, *asked.limits[1:])
    book.proposeLimits(applied, by)
    world.travel_to(world.now() + asked.notice_s + 1)
    book.applyLimits(applied, by)
    book.proposeLimits((8, *asked.limits[1:]), by)
    council = [[accounts[70].address], 1, accounts[71].address]
    results.propose(council, by)
    world.travel_to(world.now() + asked.council_notice_s + 1)
    results.appoint(council, by)
    results.propose([[accounts[72].address], 1, accounts[73].address], by)
    book.proposeLimits((9, *asked.limits[1:]), by)
    book.setGuardian(accounts[74], by)
    book.pausePlacing(True, by)
    book.transferOwnership(accounts[75], by)
    results.transferOwnership(accounts[76], by)
    results.acceptOwnership({"from": accounts[76]})
    held, before = path.read_bytes(), sent()
    with pytest.raises(DeploymentChanged) as changed:
        deploy(path)
    said = str(changed.value)
    for sentence in (
        f"key {asked.cash_out_signer} of role CASH_OUTS was retired",
        f"key {accounts[91]} of role CASH_OUTS, which the settings do not name, has a budget of 5",
        f"key {accounts[92]} of role RECEIPTS, which the settings do not name, has a budget of 6",
        "the market cap is 7 micro, not 250000000000 micro",
        "other limits are proposed (market cap 9 micro",
        f"the council of term 2 is 1 of {accounts[70]} with the arbiter {accounts[71]}, not 2 of",
        f"another council is proposed, 1 of {accounts[72]} with the arbiter {accounts[73]}",
        f"the guardian is {accounts[74]}, not {asked.guardian}",
        "placing is paused",
        f"the ownership of Sportsbook is offered to {accounts[75]}",
        f"the owner of Results is {accounts[76]}, not {accounts[0]}",
    ):
        assert said.count(f"- {sentence}") == 1, sentence
    assert said.count("\n  - ") == 11
    assert (path.read_bytes(), sent()) == (held, before)


def test_deployment_of_another_account_is_not_kept_silently_until_its_owner_owns_it(path):
    record = deploy(path, OWNER=accounts[5].address)
    asked = settings(OWNER=accounts[5].address)
    with pytest.raises(DeploymentChanged, match=f"{accounts[0]} deployed it, not {accounts[8]}"):
        script.deploy(asked, accounts[8], path)
    for contract in (Sportsbook, Results):
        owned = contract.at(record.contracts[contract._name], persist=False)
        owned.acceptOwnership({"from": accounts[5]})
    assert script.deploy(asked, accounts[8], path) == record


def test_deploy_refuses_what_was_done_to_an_unfinished_deployment(path, monkeypatch):
    with cut(monkeypatch, TRANSACTIONS - 1, after=True), pytest.raises(Cut):
        deploy(path)
    at = Record.read(progress_path(path)).contracts
    by = {"from": accounts[0]}
    Sportsbook.at(at["Sportsbook"], persist=False).grantKey((accounts[91], Role.RECEIPTS, 5), by)
    with pytest.raises(DeploymentRefused, match=f"key {accounts[91]} of role RECEIPTS"):
        deploy(path)
    assert not path.exists()


def test_history_names_proposals_only_while_they_can_be_applied():
    asked, now_s, me = settings(), 10 * DAY_S, accounts[0].address
    council = {"signers": (me,), "threshold": 1, "arbiter": me, "fromTime": now_s}
    events = [
        *history.asked_for(asked, me, me),
        Event("Results", "CouncilProposed", council),
        Event("Sportsbook", "LimitsProposed", {"limits": (1, 2, 3, 4), "from": now_s}),
    ]
    for i, event in enumerate(events):
        if event.name == "KeyGranted":
            events[i] = event._replace(values={**event.values, "from": 0})
    held = Standing().follow(events)

    def named(at_s):
        return len(history.changes(asked, me, held, at_s))

    assert [named(now_s + after_s) for after_s in (-DAY_S, 0, asked.notice_s - 1)] == [2, 2, 2]
    assert named(now_s + asked.notice_s) == 0


def test_views_that_events_do_not_explain_are_refused(path, monkeypatch):
    record = deploy(path)
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    book.pausePlacing(True, {"from": accounts[0]})
    monkeypatch.setitem(history.EVENTS, "Sportsbook", history.EVENTS["Sportsbook"][:-1])
    (reason,) = compare(settings(), record).refused
    assert reason == "Sportsbook.placingPaused is True, not False as the node's events say"


@pytest.mark.parametrize(("most", "queries"), [(10**6, 1), (500, 4), (250, 8)])
def test_logs_between_asks_for_fewer_blocks(most, queries):
    asked = []

    def fetch(first, last):
        if last - first + 1 > most:
            raise ValueError("too many blocks")
        asked.append((first, last))
        return range(first, last + 1)

    assert logs_between(fetch, 1, 1_001) == list(range(1, 1_002))
    assert len(asked) == queries


def test_logs_between_refuses_a_node_that_answers_nothing():
    def fetch(first, last):
        raise ConnectionError("no route")

    with pytest.raises(DeploymentRefused, match="events of blocks 5 to "):
        logs_between(fetch, 5, 5_000)


def test_same_code_overlooks_immutables_and_metadata_only(world):
    held = bytes(web3.eth.get_code(world.sportsbook.address))
    compiled = bytes.fromhex(Sportsbook._build["deployedBytecode"])
    assert held != compiled
    assert same_code(held, compiled)
    metadata = int.from_bytes(compiled[-2:], "big") + 2
    assert same_code(held, compiled[:-metadata] + b"\1" * (metadata - 2) + compiled[-2:])
    at = 100
    assert not same_code(held[:at] + bytes((held[at] ^ 1,)) + held[at + 1 :], compiled)
    assert not same_code(held + b"\0", compiled)
    assert not same_code(b"", compiled)
    assert not same_code(bytes(web3.eth.get_code(world.results.address)), compiled)


def test_same_creation_overlooks_metadata_only():
    code = bytes.fromhex(Sportsbook._build["bytecode"])
    sent = code + b"arguments"
    assert same_creation(sent, sent)
    assert not same_creation(code + b"argument", sent)
    assert not same_creation(code + b"argumentz", sent)
    at = code.rindex(b"ipfs") + 20
    assert same_creation(code[:at] + bytes((code[at] ^ 1,)) + code[at + 1 :] + b"arguments", sent)
    # Metadata that was added would shift the arguments.
    assert not same_creation(code + code[at - 22 : at + 31] + b"arguments", sent)
    assert not same_creation(code[:100] + bytes((code[100] ^ 1,)) + code[101:] + b"arguments", sent)
