"""The deploy script, run in this process, and the files that it and others leave.

deploy
├── deploys contracts that work, gives the roles out, writes the file in one move
├── given a second run: sends nothing, keeps the file
├── given a run cut short before or after any of its transactions: goes on, doubles nothing
├── given the file of a chain that was wiped, or other parameters: deploys again on a local chain,
│   and sets the file aside; refuses on another chain
├── given the file of a wiped chain and a run cut short on the next one: goes on, skips nothing
├── given another owner: offers ownership, keeps working
├── given a token: uses it, records its decimals, refuses an address without code and a token that
│   cannot be counted
├── given a finished deployment with another owner, council, receiver, limits, bond or keys:
│   refuses it, naming each
├── given what the deployer did before the owner took over: refuses it, naming each
├── given what owner and guardian did since: keeps it, names each, ends with a code of its own
└── given a run cut short, and anything that the settings do not name since: refuses, writes no file
history
├── names proposals only while they can be applied
└── finds a sportsbook that lost an event
logs_between
└── asks for fewer blocks where the node refuses, up to a point
deploy_settings.read
├── has defaults for local chains only
├── names everything that is missing on another chain, and refuses the test token there
└── refuses what cannot work
same_code, same_creation
└── overlook metadata, and immutables in code on a chain, and nothing else
contracts/abi
└── is what the sources compile to
"""

import json
import os
import re
from contextlib import contextmanager
from dataclasses import replace

import pytest
from brownie import Results, ScaledToken, Sportsbook, accounts, project, web3
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from protocol.roles import Role
from scripts import abi_files, deploy_settings
from scripts import deploy as script
from scripts import deployment_history as history
from scripts.deploy import DeploymentChanged
from scripts.deploy_settings import SettingsInvalid
from scripts.deployment_check import compare, genesis_hash, logs_between
from scripts.deployment_history import Event, Standing
from scripts.deployment_record import Record, RecordInvalid, progress_path, same_code, same_creation
from scripts.deployment_steps import PARTS, DeploymentRefused
from scripts.devnet.chain import CHAIN_ID

TRANSACTIONS = 11
ELSEWHERE = "0x" + "1" * 64
DAY_S = 86_400
ROLES = {
    name: deploy_settings.local_address(i)
    for i, name in enumerate(
        (
            "OWNER",
            "OPERATOR",
            "RECEIPT_SIGNER",
            "CASH_OUT_SIGNER",
            "WITHDRAWAL_SIGNER",
            "GUARDIAN",
            "ARBITER",
        )
    )
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"{CHAIN_ID}.json"


def settings(**environment):
    return deploy_settings.read(environment, CHAIN_ID)


def deploy(path, **environment):
    return script.deploy(settings(**environment), accounts[0], path)


def sent():
    return web3.eth.get_transaction_count(accounts[0].address)


def test_deploy_makes_contracts_that_work(path):
    before = sent()
    record = deploy(path)
    assert sent() == before + TRANSACTIONS
    held = json.loads(path.read_text())
    assert held["chain_id"] == CHAIN_ID
    assert set(held["contracts"]) == {
        *("Token", "Results", "Settling", "SelfService", "Administration"),
        *("Sportsbook", "Bankroll"),
    }
    assert held["parameters"]["receipt_window_s"] == 600
    assert not progress_path(path).exists()
    assert list(path.parent.iterdir()) == [path]
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    asked = settings()
    assert book.BANKROLL() == record.contracts["Bankroll"]
    for address, role, budget in (
        (asked.operator, Role.OPERATOR, asked.batch_budget_micro),
        (asked.receipt_signer, Role.RECEIPTS, asked.receipt_budget_micro),
        (asked.cash_out_signer, Role.CASH_OUTS, asked.cash_out_budget_micro),
        (asked.withdrawal_signer, Role.WITHDRAWALS, 0),
    ):
        found_role, from_s, until_s, found_budget, left = book.keyOf(address)
        assert (found_role, found_budget, left) == (role, budget, budget)
        assert (from_s <= web3.eth.get_block("latest")["timestamp"], until_s) == (True, 2**40 - 1)
    assert book.guardian() == asked.guardian
    assert book.house() == asked.bankroll_micro
    assert book.SETTLING() == record.contracts["Settling"]
    assert book.SELF_SERVICE() == record.contracts["SelfService"]
    assert book.ADMINISTRATION() == record.contracts["Administration"]
    assert book.limits() == asked.limits
    results = Results.at(record.contracts["Results"], persist=False)
    assert results.sportsbook() == book
    assert results.councilOf(1) == (2, asked.arbiter)
    assert all(results.isResultSigner(1, signer) for signer in asked.result_signers)


def test_deploy_twice_sends_nothing(path):
    deploy(path)
    held, before = path.read_bytes(), sent()
    deploy(path)
    assert sent() == before
    assert path.read_bytes() == held


class Cut(BaseException):
    """Stands for the end of the process."""


@contextmanager
def cut(monkeypatch, number, after=False):
    """The process ends just before or just after transaction `number` was sent."""
    account = type(accounts[0])
    send = account._make_transaction
    count = iter(range(1_000))

    def cutting(self, *arguments, **options):
        last = next(count) == number
        if last and not after:
            raise Cut
        made = send(self, *arguments, **options)
        if last:
            made[0].wait(1)
            raise Cut
        return made

    with monkeypatch.context() as patched:
        patched.setattr(account, "_make_transaction", cutting)
        yield


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (0, False),
        (2, False),
        (10, False),
        (0, True),
        (1, True),
        (2, True),
        (3, True),
        (5, True),
        (7, True),
        (10, True),
    ],
)
def test_deploy_resumes_after_an_interruption(path, monkeypatch, number, after):
    before = sent()
    with cut(monkeypatch, number, after), pytest.raises(Cut):
        deploy(path)
    assert not path.exists()
    record = deploy(path)
    assert sent() == before + TRANSACTIONS
    assert Record.read(path) == record


def test_deploy_sets_file_of_a_wiped_chain_aside(path, capsys):
    record = deploy(path)
    lost = replace(record, contracts=dict.fromkeys(record.contracts, "0x" + "9" * 40))
    lost.write(path)
    assert deploy(path).contracts != lost.contracts
    assert Record.read(path) != lost
    aside = path.with_name(f"{CHAIN_ID}.{record.genesis_hash[2:10]}-99999999.json")
    assert Record.read(aside) == lost
    assert str(aside) in capsys.readouterr().out


@pytest.mark.parametrize("genesis", [ELSEWHERE, None])
def test_deploy_finishes_a_run_cut_short_beside_the_file_of_a_wiped_chain(
    path, monkeypatch, genesis
):
    """The new contracts are at the addresses of the old ones, so that their code is found there.
    Where both chains began at the same second, even the genesis hash is the same."""
    with cut(monkeypatch, TRANSACTIONS - 1), pytest.raises(Cut):
        deploy(path)
    begun = Record.read(progress_path(path))
    book = Sportsbook.at(begun.contracts["Sportsbook"], persist=False)
    assert book.house() == 0
    contracts = begun.contracts | {"Bankroll": book.BANKROLL()}
    old = replace(begun, contracts=contracts, genesis_hash=genesis or begun.genesis_hash)
    old.write(path)
    before = sent()
    assert deploy(path).genesis_hash == genesis_hash()
    assert sent() == before + 1
    assert book.house() == settings().bankroll_micro
    kept = [file for file in path.parent.iterdir() if file != path]
    assert [Record.read(file) for file in kept] == ([old] if genesis else [])


def test_deploy_refuses_the_file_of_another_chain_where_money_is_real(path, monkeypatch):
    elsewhere = replace(deploy(path), genesis_hash=ELSEWHERE)
    monkeypatch.setattr(script, "is_local", lambda _: False)
    elsewhere.write(path)
    held, before = path.read_bytes(), sent()
    with pytest.raises(DeploymentRefused, match=f"genesis hash {ELSEWHERE}"):
        deploy(path)
    path.rename(progress_path(path))
    with pytest.raises(DeploymentRefused, match="genesis_hash"):
        deploy(path)
    assert (progress_path(path).read_bytes(), sent()) == (held, before)


def test_deploy_starts_over_after_progress_on_a_wiped_chain(path):
    lost = Record(CHAIN_ID, genesis_hash(), 10**9, accounts[0].address, settings().parameters())
    lost.contracts["Token"] = "0x" + "9" * 40
    lost.write(progress_path(path))
    assert deploy(path).first_block <= web3.eth.block_number


def test_deploy_starts_over_for_other_parameters(path):
    first = deploy(path)
    second = deploy(path, RECEIPT_WINDOW_S="300")
    assert first.contracts["Sportsbook"] != second.contracts["Sportsbook"]
    assert second.parameters["receipt_window_s"] == 300


def test_deploy_offers_ownership(path):
    record = deploy(path, OWNER=accounts[5].address)
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    assert (book.owner(), book.pendingOwner()) == (accounts[0], accounts[5])
    before = sent()
    deploy(path, OWNER=accounts[5].address)
    book.acceptOwnership({"from": accounts[5]})
    deploy(path, OWNER=accounts[5].address)
    assert sent() == before


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


FORGED = {"OWNER": deploy_settings.local_address(5), "BANKROLL_MICRO": "0"}


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


def test_main_has_an_exit_code_for_a_changed_deployment(monkeypatch, capsys):
    def changed(*_):
        raise DeploymentChanged("the guardian is another")

    monkeypatch.setattr(script, "deploy", changed)
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == script.CHANGED
    assert capsys.readouterr().err == "deploy: the guardian is another\n"


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
    assert reason == "Sportsbook.placingPaused is True, not False as by the node's events"


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


def test_deploy_uses_a_given_token(path, world):
    record = deploy(path, TOKEN=world.token.address)
    assert record.contracts["Token"] == world.token.address
    assert record.parameters["bankroll_micro"] == 0
    with pytest.raises(DeploymentRefused, match="has no code"):
        deploy(path.with_name("other.json"), TOKEN="0x" + "9" * 40)


def test_deploy_records_the_decimals_of_the_token(path, world, capsys):
    token = ScaledToken.deploy(2, {"from": world.owner}).address
    record = deploy(path, TOKEN=token)
    assert record.token_decimals == 2
    assert json.loads(path.read_text())["token_decimals"] == 2
    assert re.search(r"^  token decimals +2$", capsys.readouterr().out, re.MULTILINE)
    before = sent()
    assert deploy(path, TOKEN=token) == record
    assert sent() == before


def test_deploy_refuses_a_token_that_cannot_be_counted(path, world):
    by = {"from": world.owner}
    before = sent() + 2
    fine, crude = ScaledToken.deploy(19, by).address, ScaledToken.deploy(2, by).address
    with pytest.raises(DeploymentRefused, match="has 19 decimals"):
        deploy(path, TOKEN=fine)
    with pytest.raises(DeploymentRefused, match="does not say"):
        deploy(path, TOKEN=world.harness.address)
    with pytest.raises(DeploymentRefused, match=r"DISPUTE_BOND_MICRO=5 .* multiple of 10000"):
        deploy(path, TOKEN=crude, DISPUTE_BOND_MICRO="5")
    assert sent() == before


def test_deploy_refuses_an_invalid_file(path):
    path.write_text("{")
    with pytest.raises(RecordInvalid, match="is not a deployment file"):
        deploy(path)


def test_deployer_key_is_never_shown(monkeypatch):
    monkeypatch.setattr(os, "environ", {"DEPLOYER_KEY": "0x123secret"})
    with pytest.raises(DeploymentRefused) as refused:
        script.deployer_account(CHAIN_ID)
    assert "secret" not in str(refused.value)
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(DeploymentRefused, match="set DEPLOYER_ACCOUNT"):
        script.deployer_account(1)


def test_confirm_asks_on_a_public_chain(monkeypatch):
    monkeypatch.delenv("YES", raising=False)
    script.confirm(CHAIN_ID)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(DeploymentRefused, match="set YES=1"):
        script.confirm(1)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(DeploymentRefused, match="not confirmed"):
        script.confirm(1)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    script.confirm(1)
    monkeypatch.setenv("YES", "1")
    script.confirm(1)


def test_settings_of_another_chain_have_no_defaults():
    with pytest.raises(SettingsInvalid) as refused:
        deploy_settings.read({"TEST_TOKEN": "1"}, 8_453)
    for name in (*ROLES, "RESULT_SIGNERS", "RESULT_THRESHOLD", "EXIT_DELAY_S", "TEST_TOKEN=1"):
        assert name in str(refused.value)
    whole = ROLES | {
        "TOKEN": accounts[9].address.lower(),
        "RESULT_SIGNERS": f"{accounts[6]}, {accounts[7]}",
        "RESULT_THRESHOLD": "2",
        "BATCH_WINDOW_S": "60",
        "RECEIPT_WINDOW_S": "600",
        "EXIT_DELAY_S": "3600",
        "CASH_OUT_AGE_S": "601",
        "NOTICE_S": "4200",
        "HORIZON_S": "86400",
        "DISPUTE_WINDOW_S": "7200",
        "COUNCIL_NOTICE_S": "7200",
        "DISPUTE_BOND_MICRO": "0",
        "MARKET_CAP_MICRO": "1",
        "FIXTURE_CAP_MICRO": "1",
        "ACCUMULATOR_CAP_MICRO": "1",
        "BATCH_BUDGET_MICRO": "1",
        "RECEIPT_BUDGET_MICRO": "1",
        "CASH_OUT_BUDGET_MICRO": "1",
        "COMMISSION_BPS": "2000",
        "COMMISSION_TO": accounts[8].address,
    }
    read = deploy_settings.read(whole, 8_453)
    assert read.token == accounts[9].address
    assert read.bankroll_micro == 0
    with pytest.raises(SettingsInvalid, match="BANKROLL_MICRO needs the test token"):
        deploy_settings.read(whole | {"BANKROLL_MICRO": "1"}, 8_453)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OWNER": "0x12"}, "OWNER=0x12 is not an address"),
        ({"OWNER": "0x" + "0" * 40}, "is not an address"),
        ({"RESULT_THRESHOLD": "4"}, "more than the 3"),
        ({"RESULT_THRESHOLD": "0"}, "not a whole number"),
        ({"RESULT_THRESHOLD": "1"}, "not more than half"),
        ({"RECEIPT_WINDOW_S": "1200"}, "EXIT_DELAY_S=1800 must be at least 2700"),
        ({"BATCH_WINDOW_S": "100", "RECEIPT_WINDOW_S": "199"}, "must be at least 200"),
        ({"BATCH_WINDOW_S": "121"}, "not a whole number from 1 to 120"),
        ({"CASH_OUT_AGE_S": "600"}, "CASH_OUT_AGE_S=600 must be at least 601"),
        ({"DISPUTE_WINDOW_S": "599"}, "DISPUTE_WINDOW_S=599 must be at least 600"),
        ({"NOTICE_S": "2399"}, "NOTICE_S=2399 must be at least 2400"),
        ({"HORIZON_S": "86399"}, "not a whole number from 86400"),
        ({"OPERATOR": "{0}", "RECEIPT_SIGNER": "{0}"}, "is named for two of OPERATOR"),
        ({"RECEIPT_WINDOW_S": "-1"}, "not a whole number"),
        ({"EXIT_DELAY_S": "1.5"}, "not a whole number"),
        ({"RESULT_SIGNERS": "{0},{0}"}, "names a signer twice"),
        ({"COUNCIL_NOTICE_S": "2399"}, "COUNCIL_NOTICE_S=2399 must be at least 2400"),
        ({"COMMISSION_BPS": "2001"}, "COMMISSION_BPS"),
        *(
            ({name: "{0}", "OPERATOR": "{0}"}, rf"{name}\S* names {{0}}, a key of the house")
            for name in ("OWNER", "GUARDIAN", "ARBITER", "COMMISSION_TO")
        ),
        (
            {"RESULT_SIGNERS": "{0}", "RESULT_THRESHOLD": "1", "WITHDRAWAL_SIGNER": "{0}"},
            "RESULT_SIGNERS.0. names",
        ),
        ({"DISPUTE_BOND_MICRO": "-1"}, "not a whole number"),
        ({"TOKEN": "{0}", "TEST_TOKEN": "1"}, "not both"),
    ],
)
def test_settings_refuse_what_cannot_work(environment, said):
    given = {name: value.format(accounts[0]) for name, value in environment.items()}
    with pytest.raises(SettingsInvalid, match=said.replace("{0}", accounts[0].address)):
        settings(**given)


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


def test_committed_abi_is_what_the_sources_compile_to():
    assert abi_files.stale() == [], "run python -m scripts.export_contracts"


def test_contracts_fit_the_size_limit():
    loaded = project.get_loaded_projects()[0]
    names = ("Sportsbook", "Settling", "SelfService", "Administration", "Results", "Bankroll")
    for name in names:
        assert len(loaded[name]._build["deployedBytecode"]) // 2 <= 24_576
