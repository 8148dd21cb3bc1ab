"""The settings of a deployment, as they are read from the environment.

deploy_settings.read
├── has defaults for local chains only
├── names everything that is missing on another chain, and refuses the test token there
└── refuses what cannot work
"""

import pytest
from brownie import accounts

from scripts import deploy_settings
from scripts.deploy_settings import SettingsInvalid
from tests.contracts.deploying import settings

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
