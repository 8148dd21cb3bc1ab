"""The deploy script, run in this process, and the files that it and others leave.

deploy
├── deploys contracts that work, gives the roles out, writes the file in one move
├── given a second run: sends nothing, keeps the file
├── given a run cut short before or after any of its transactions: goes on, doubles nothing
├── given the file of a chain that was wiped, or other parameters: deploys again on a local chain
├── given another owner: offers ownership, keeps working
└── given a token: uses it, records its decimals, refuses an address without code and a token that
    cannot be counted
deploy_settings.read
├── has defaults for local chains only
├── names everything that is missing on another chain, and refuses the test token there
└── refuses what cannot work
same_code
└── overlooks immutables and metadata, and nothing else
contracts/abi
└── is what the sources compile to
"""

import json
import os
import re

import pytest
from brownie import Results, ScaledToken, Sportsbook, accounts, project, web3

from protocol.roles import Role
from scripts import abi_files, deploy_settings
from scripts import deploy as script
from scripts.deploy_settings import SettingsInvalid
from scripts.deployment_record import Record, RecordInvalid, progress_path, same_code
from scripts.deployment_steps import DeploymentRefused
from scripts.devnet.chain import CHAIN_ID

TRANSACTIONS = 11
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

    before = sent()
    with monkeypatch.context() as patched:
        patched.setattr(account, "_make_transaction", cutting)
        with pytest.raises(Cut):
            deploy(path)
    assert not path.exists()
    record = deploy(path)
    assert sent() == before + TRANSACTIONS
    assert Record.read(path) == record


def test_deploy_replaces_file_of_a_wiped_chain(path):
    record = deploy(path)
    lost = Record(CHAIN_ID, 0, record.parameters, dict.fromkeys(record.contracts, "0x" + "9" * 40))
    lost.write(path)
    assert deploy(path).contracts != lost.contracts
    assert Record.read(path) != lost


def test_deploy_starts_over_after_progress_on_a_wiped_chain(path):
    lost = Record(CHAIN_ID, 10**9, settings().parameters(), {"Token": "0x" + "9" * 40})
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
        ({"DISPUTE_BOND_MICRO": "-1"}, "not a whole number"),
        ({"TOKEN": "{0}", "TEST_TOKEN": "1"}, "not both"),
    ],
)
def test_settings_refuse_what_cannot_work(environment, said):
    given = {name: value.format(accounts[0]) for name, value in environment.items()}
    with pytest.raises(SettingsInvalid, match=said):
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


def test_committed_abi_is_what_the_sources_compile_to():
    assert abi_files.stale() == [], "run python -m scripts.export_contracts"


def test_contracts_fit_the_size_limit():
    loaded = project.get_loaded_projects()[0]
    names = ("Sportsbook", "Settling", "SelfService", "Administration", "Results", "Bankroll")
    for name in names:
        assert len(loaded[name]._build["deployedBytecode"]) // 2 <= 24_576
