"""Opens the bettors' accounts: a faucet pays each wallet, and the wallet deposits with a permit.

The transactions are sent without waiting for one another's receipts, many in a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scripts.demo.chain_reader import ChainReader
from scripts.demo.wallet import Fees, Wallet
from scripts.devnet import Chain
from scripts.devnet.chain import private_key

FAUCET = 8  # number of the funded test key
GAS_MONEY_WEI = 10**18
PERMIT_LIFE_S = 3_600
GROUP = 30
_PAY_GAS = 21_000
_MINT_GAS = 100_000
_DEPOSIT_GAS = 300_000


def open_accounts(
    chain: Chain,
    reader: ChainReader,
    deposits: Sequence[tuple[Wallet, int]],
    say: Callable[[str], None],
) -> None:
    """Every wallet deposits its amount in micro-units and gets the number of its account.

    Raises RuntimeError when a transaction reverts.
    """
    for first in range(0, len(deposits), GROUP):
        group = deposits[first : first + GROUP]
        _fund(chain, reader, group)
        _deposit(chain, reader, group)
        done = first + len(group)
        if done < len(deposits):
            say(f"{done} of {len(deposits)} wallets have deposited")


def _fund(chain: Chain, reader: ChainReader, group: Sequence[tuple[Wallet, int]]) -> None:
    """Gas money and test tokens."""
    faucet = Wallet(private_key(FAUCET))
    fees, token = Fees.of(reader.web3), reader.token
    nonce = reader.nonces([faucet.address])[0]
    signed = []
    for wallet, amount in group:
        mint = token.functions.mint(wallet.address, amount)
        signed.append(faucet.signed_payment(wallet.address, GAS_MONEY_WEI, _PAY_GAS, nonce, fees))
        signed.append(faucet.signed_call(mint, _MINT_GAS, nonce + 1, fees))
        nonce += 2
    reader.send(chain, signed)


def _deposit(chain: Chain, reader: ChainReader, group: Sequence[tuple[Wallet, int]]) -> None:
    book, token, fees = reader.sportsbook, reader.token, Fees.of(reader.web3)
    name, deadline = token.functions.name().call(), chain.timestamp_s() + PERMIT_LIFE_S
    permits = reader.call_many([token.functions.nonces(wallet.address) for wallet, _ in group])
    nonces = reader.nonces([wallet.address for wallet, _ in group])
    signed = []
    for (wallet, amount), permit, nonce in zip(group, permits, nonces, strict=True):
        v, r, s = wallet.sign_permit(
            token.address, name, fees.chain_id, book.address, amount, permit, deadline
        )
        call = book.functions.depositWithPermit(wallet.address, amount, deadline, v, r, s)
        signed.append(wallet.signed_call(call, _DEPOSIT_GAS, nonce, fees))
    reader.send(chain, signed)
    numbers = reader.call_many([book.functions.accountOf(wallet.address) for wallet, _ in group])
    for (wallet, _), number in zip(group, numbers, strict=True):
        wallet.account = number
