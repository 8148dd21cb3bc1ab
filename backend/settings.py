"""Loads the settings of every process from the environment, with the fields they share.

A process that cannot start because of its settings prints one line for each of them and exits with
code 2. No line shows a value. No default is set for money, chain,
confirmations or time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PRIVATE_KEY_BYTES = 32

# A database that hangs must not keep a process in silence: for libpq, in seconds and milliseconds.
CONNECT_ARGUMENTS = {"connect_timeout": 5, "tcp_user_timeout": 10_000}

_VALUE_ERROR = "Value error, "
# What pydantic says of words where a number is expected is longer than it has to be.
_LITTLE = {"int_parsing": "it must be a whole number, without a unit or other characters"}

S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """What all settings have in common: an empty variable counts as left out, and spaces around a
    value do not count, such as the end of a line from another system."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Also of words that are not kept as text."""
        return {
            name: value.strip() if isinstance(value, str) else value
            for name, value in values.items()
        }


class DatabaseSettings(Settings):
    """Where PostgreSQL is."""

    database_url: str

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        if scheme not in ("postgresql", "postgresql+psycopg", "postgres") or not rest:
            raise ValueError("give an address such as postgresql://user:password@host/name")
        return f"postgresql+psycopg://{rest}"

    @property
    def postgres_url(self) -> str:
        """The database's address as psycopg takes it."""
        return self.database_url.replace("postgresql+psycopg://", "postgresql://", 1)


class DeploymentSettings(DatabaseSettings):
    """Which deployment a process serves, and which clock it follows: the machine's ("wall") or the
    timestamp of the mirror's head ("chain")."""

    chain_id: int
    deployment_file: Path
    clock: Literal["wall", "chain"]


def load_settings(kind: type[S], program: str) -> S:
    """The settings in the environment. Prints what is missing or invalid and exits with code 2 when
    there are none to return."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            print(f"{program}: {_sentence(problem)}", file=sys.stderr)
        raise SystemExit(2) from None


def private_key(word: str) -> bytes:
    """The bytes of a private key in hex. Raises ValueError, which does not quote the key."""
    try:
        key = bytes.fromhex(word.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != PRIVATE_KEY_BYTES:
        raise ValueError(f"a private key is {PRIVATE_KEY_BYTES} bytes in hex")
    return key


def first_url(urls: SecretStr) -> str:
    """The preferred one of the endpoints that RPC_URL lists, separated by commas."""
    return urls.get_secret_value().split(",")[0].strip()


def _check_urls(urls: SecretStr) -> SecretStr:
    words = [word.strip() for word in urls.get_secret_value().split(",")]
    if not all(word.startswith(("http://", "https://")) for word in words):
        raise ValueError("endpoints are http:// or https:// addresses, separated by commas")
    return urls


def _check_redis_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("give an address such as redis://:password@host:6379/0")
    try:
        port_read = parts.port is None or parts.port > 0
    except ValueError:
        port_read = False
    if parts.fragment or not port_read or not (parts.hostname or parts.scheme == "unix"):
        raise ValueError(
            "it cannot be read as redis://:password@host:6379/0; in a password write %23 for #,"
            " %40 for @, %2F for / and %3A for :"
        )
    return url


# Checked here, because Celery and Redis would report an address that they cannot read in other
# words, or quote the password.
RedisUrl = Annotated[str, AfterValidator(_check_redis_url)]

# Secret, because providers put keys into their addresses.
RpcUrls = Annotated[SecretStr, AfterValidator(_check_urls)]


def _sentence(problem: Mapping[str, Any]) -> str:
    reason = str(problem["msg"]).removeprefix(_VALUE_ERROR)
    if not problem["loc"]:
        return f"settings are invalid: {reason}"
    name = str(problem["loc"][0]).upper()
    if problem["type"] == "missing":
        return f"setting {name} is missing: set it in the environment, as .env.example shows"
    return f"setting {name} is invalid: {_LITTLE.get(problem['type'], reason)}"
