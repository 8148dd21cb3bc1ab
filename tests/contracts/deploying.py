"""Runs the deploy script in this process, whole or cut short."""

from contextlib import contextmanager

from brownie import accounts, web3

from scripts import deploy as script
from scripts import deploy_settings
from scripts.devnet.chain import CHAIN_ID

TRANSACTIONS = 11


def settings(**environment):
    return deploy_settings.read(environment, CHAIN_ID)


def deploy(path, **environment):
    return script.deploy(settings(**environment), accounts[0], path)


def sent():
    return web3.eth.get_transaction_count(accounts[0].address)


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
