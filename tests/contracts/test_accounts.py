"""Money in.

deposit
├── reverts when nothing arrives
├── reverts when the book would hold more than 56 bits
├── opens an account with the first deposit, numbered from 1 and found by its owner
├── adds to the account that is there
├── counts what arrived when the token takes a fee
├── counts no more than was asked for when the token gives more
├── takes and pays out a token that returns nothing
├── reverts for a token that its owner has not got, without changing anything
└── takes no more than was sent when tokens were donated before
deposit_for
├── credits the owner and takes from the caller
└── reverts for nobody
deposit_with_permit
├── deposits without an approval
├── deposits when the permit was used by somebody else before
└── reverts without a permit that holds
"""

import pytest
from brownie import (
    ZERO_ADDRESS,
    FeeToken,
    GenerousToken,
    SilentToken,
    accounts,
    chain,
)
from eth_account import Account
from eth_account.messages import encode_typed_data

from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import reverts
from tests.support.people import key
from tests.support.terms import DEPOSIT_MICRO, MAX_MICRO, UNIT


@pytest.fixture
def carol(world):
    """An address with tokens and no account, who approves nothing."""
    world.token.mint(accounts[12], DEPOSIT_MICRO, {"from": world.owner})
    return accounts[12]


def permit(world, owner, key_, amount, deadline):
    message = encode_typed_data(
        {"name": "Fairline Test Dollar", "version": "1"}
        | {"chainId": CHAIN_ID, "verifyingContract": world.token.address},
        {
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        {"owner": owner.address, "spender": world.sportsbook.address}
        | {"value": amount, "nonce": world.token.nonces(owner), "deadline": deadline},
    )
    signed = Account.sign_message(message, key_)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_deposit_reverts_when_nothing_arrives(world):
    with reverts("AmountZero"):
        world.sportsbook.deposit.call(0, {"from": world.owner})


def test_deposit_reverts_when_book_would_hold_more_than_56_bits(world):
    capacity = MAX_MICRO - world.token.balanceOf(world.sportsbook)
    world.token.mint(world.owner, MAX_MICRO, {"from": world.owner})
    with reverts("DepositTooLarge", MAX_MICRO + 1):
        world.sportsbook.deposit.call(capacity + 1, {"from": world.owner})
    world.sportsbook.deposit(capacity, {"from": world.owner})
    assert world.sportsbook.accountAt(1)[1] == capacity


def test_deposit_opens_account_and_later_adds_to_it(world, carol):
    world.token.approve(world.sportsbook, 2**255, {"from": carol})
    first = world.sportsbook.deposit(3 * UNIT, {"from": carol})
    number = world.sportsbook.accountOf(carol)
    assert dict(first.events["AccountOpened"]) == {"account": number, "owner": carol.address}
    second = world.sportsbook.deposit(4 * UNIT, {"from": carol})
    assert "AccountOpened" not in second.events
    assert dict(second.events["Deposited"]) == {
        "account": number,
        "from": carol.address,
        "amount": 4 * UNIT,
    }
    assert world.sportsbook.accountAt(number) == (carol.address, 7 * UNIT, 0, 255, 0)
    assert world.token.balanceOf(carol) == DEPOSIT_MICRO - 7 * UNIT
    assert number == world.sportsbook.accountCount()


def test_accounts_are_numbered_from_one(world, alice, bob):
    assert (alice.account, bob.account) == (1, 2)


def test_deposit_counts_what_arrived(world):
    token = FeeToken.deploy(6, {"from": world.owner})
    book = world.deploy_book(token)
    token.mint(world.owner, 1_000, {"from": world.owner})
    token.approve(book, 1_000, {"from": world.owner})
    deposited = book.deposit(1_000, {"from": world.owner})
    assert deposited.events["Deposited"]["amount"] == 990
    assert book.accountAt(1)[1] == 990 == token.balanceOf(book)


def test_deposit_counts_no_more_than_was_asked_for(world):
    token = GenerousToken.deploy({"from": world.owner})
    book = world.deploy_book(token)
    token.mint(world.owner, 1_000, {"from": world.owner})
    token.approve(book, 1_000, {"from": world.owner})
    deposited = book.deposit(1_000, {"from": world.owner})
    assert deposited.events["Deposited"]["amount"] == 1_000
    assert (book.accountAt(1)[1], token.balanceOf(book)) == (1_000, 1_010)


def test_deposit_and_exit_with_token_that_returns_nothing(world):
    token = SilentToken.deploy({"from": world.owner})
    book = world.deploy_book(token)
    token.mint(world.owner, 1_000, {"from": world.owner})
    token.approve(book, 1_000, {"from": world.owner})
    book.deposit(1_000, {"from": world.owner})
    assert book.accountAt(1)[1] == 1_000
    book.requestExit(600, {"from": world.owner})
    world.travel_to(book.exitOf(1)[1])
    book.exit({"from": world.owner})
    assert (book.accountAt(1)[1], token.balanceOf(world.owner)) == (400, 600)


def test_deposit_reverts_without_tokens(world):
    poor = accounts[14]
    world.token.approve(world.sportsbook, UNIT, {"from": poor})
    with reverts("ERC20InsufficientBalance"):
        world.sportsbook.deposit.call(UNIT, {"from": poor})


def test_deposit_leaves_donations_uncounted(world, alice):
    world.token.transfer(world.sportsbook, 5 * UNIT, {"from": world.owner})
    before = world.balance(alice)
    world.sportsbook.depositFor(alice.address, UNIT, {"from": world.owner})
    assert world.balance(alice) == before + UNIT


def test_deposit_for_takes_from_caller(world, carol):
    before = world.token.balanceOf(world.owner)
    deposited = world.sportsbook.depositFor(carol, UNIT, {"from": world.owner})
    assert deposited.events["Deposited"]["from"] == world.owner.address
    assert world.sportsbook.accountAt(world.sportsbook.accountOf(carol))[:2] == (
        carol.address,
        UNIT,
    )
    assert world.token.balanceOf(world.owner) == before - UNIT


def test_deposit_for_reverts_for_nobody(world):
    with reverts("OwnerZero"):
        world.sportsbook.depositFor.call(ZERO_ADDRESS, UNIT, {"from": world.owner})


def test_deposit_with_permit_needs_no_approval(world, carol):
    deadline = chain[-1].timestamp + 3_600
    signature = permit(world, carol, key(12), UNIT, deadline)
    world.sportsbook.depositWithPermit(carol, UNIT, deadline, *signature, {"from": carol})
    assert world.sportsbook.accountAt(world.sportsbook.accountOf(carol))[1] == UNIT
    assert world.token.allowance(carol, world.sportsbook) == 0


def test_deposit_with_permit_survives_front_run(world, carol):
    deadline = chain[-1].timestamp + 3_600
    signature = permit(world, carol, key(12), UNIT, deadline)
    world.token.permit(carol, world.sportsbook, UNIT, deadline, *signature, {"from": accounts[13]})
    world.sportsbook.depositWithPermit(carol, UNIT, deadline, *signature, {"from": carol})
    assert world.sportsbook.accountAt(world.sportsbook.accountOf(carol))[1] == UNIT


def test_deposit_with_permit_reverts_when_permit_is_another_persons(world, carol):
    deadline = chain[-1].timestamp + 3_600
    signature = permit(world, carol, key(13), UNIT, deadline)
    with reverts("ERC20InsufficientAllowance"):
        world.sportsbook.depositWithPermit.call(carol, UNIT, deadline, *signature, {"from": carol})


def test_deposit_with_permit_reverts_when_permit_is_for_less(world, carol):
    deadline = chain[-1].timestamp + 3_600
    signature = permit(world, carol, key(12), UNIT, deadline)
    with reverts("ERC20InsufficientAllowance"):
        world.sportsbook.depositWithPermit.call(
            carol, UNIT + 1, deadline, *signature, {"from": carol}
        )
