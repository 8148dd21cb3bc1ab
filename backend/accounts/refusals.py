"""Defines the refusals that concern an account and its withdrawals, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.problems import Problem, Refused


class AccountUnknown(Refused):
    """No such account exists yet; the first deposit opens it."""

    status = 404
    code = "account-unknown"
    title = "Account not found"
    extra: ClassVar[Mapping[str, Any]] = {"account": examples.ACCOUNT}


class AccountOfAnother(Refused):
    """The account belongs to another owner than the session's."""

    status = 403
    code = "account-of-another"
    title = "Account belongs to another owner"
    extra: ClassVar[Mapping[str, Any]] = {"owner": examples.OWNER}


class SignatureInvalid(Refused):
    """The account's owner did not sign exactly these values."""

    status = 403
    code = "signature-invalid"
    title = "Invalid signature"
    extra: ClassVar[Mapping[str, Any]] = {
        "owner": examples.OWNER,
        "signer": examples.SIGNER,
        "chain_id": 1337,
        "verifying_contract": examples.CONTRACT,
        "digest": "0x" + "ab" * 32,
        "struct_hash": examples.SLIP_HASH,
        "primary_type": "Slip",
        "domain": {"name": "Fairline"},
        "message": {"account": examples.ACCOUNT},
    }


class WrongChain(Refused):
    """The owner signed for another chain."""

    status = 403
    code = "wrong-chain"
    title = "Signed for another chain"
    extra: ClassVar[Mapping[str, Any]] = {"chain_id": 1337, "signed_chain_id": 1}


class SignedAsText(Refused):
    """The owner signed the hash as a message (personal_sign), not the typed data."""

    status = 403
    code = "signed-as-text"
    title = "Signed as a text message"
    extra: ClassVar[Mapping[str, Any]] = {"owner": examples.OWNER}


class TransactionSignature(Refused):
    """The signature's v names a chain, as in transactions (EIP-155); typed data has none."""

    status = 422
    code = "transaction-signature"
    title = "Transaction signature (EIP-155)"
    extra: ClassVar[Mapping[str, Any]] = {"signed_chain_id": 1337}


class SignatureInDer(Refused):
    """The signature is DER-encoded, as from a KMS; r, s and v are expected."""

    status = 422
    code = "signature-in-der"
    title = "DER-encoded signature"


class WalletNotDeployed(Refused):
    """The signature is from a contract wallet that is not deployed (ERC-6492)."""

    status = 403
    code = "wallet-not-deployed"
    title = "Contract wallet not deployed"
    extra: ClassVar[Mapping[str, Any]] = {"owner": examples.OWNER}


class ContractSignatureUnsupported(Refused):
    """The signature is from a contract wallet, which cannot bet or cash out through the API."""

    status = 403
    code = "contract-signature-unsupported"
    title = "Contract wallet signatures are not supported"
    extra: ClassVar[Mapping[str, Any]] = {"owner": examples.OWNER}


class DeadlineTooFar(Refused):
    """The deadline is further ahead than the house accepts."""

    code = "deadline-too-far"
    title = "Deadline too far ahead"
    extra: ClassVar[Mapping[str, Any]] = {"now_s": examples.NOW_S, "latest_s": examples.DEADLINE_S}


class BalanceInsufficient(Refused):
    """The account's available balance is less than the requested amount."""

    code = "balance-insufficient"
    title = "Insufficient balance"
    extra: ClassVar[Mapping[str, Any]] = {
        "account": examples.ACCOUNT,
        "balance_micro": "100000000",
        "reserved_micro": "2500000",
        "available_micro": "97500000",
        "needed_micro": "98000000",
    }


class AmountInvalid(Refused):
    """The amount must be a decimal string: a positive whole number of micro-units."""

    status = 422
    code = "amount-invalid"
    title = "Invalid amount"


class AmountUneven(Refused):
    """The token has fewer than 6 decimals and cannot represent this amount."""

    code = "amount-uneven"
    title = "Amount is not a multiple of the token's unit"
    extra: ClassVar[Mapping[str, Any]] = {"unit_micro": "10000"}


class SequenceWrong(Refused):
    """The sequence number is not that of the account's next withdrawal."""

    code = "sequence-wrong"
    title = "Wrong withdrawal sequence"
    extra: ClassVar[Mapping[str, Any]] = {"sequence": 1}


class WithdrawalPending(Refused):
    """Another countersigned withdrawal of the account can still be used."""

    code = "withdrawal-pending"
    title = "Another withdrawal is pending"
    extra: ClassVar[Mapping[str, Any]] = {
        "amount_micro": "50000000",
        "sequence": 0,
        "deadline_s": examples.DEADLINE_S,
    }


class TooManyWithdrawals(Refused):
    """The account has the maximum number of countersigned withdrawals that are still valid."""

    status = 429
    code = "too-many-withdrawals"
    title = "Too many valid withdrawals"
    extra: ClassVar[Mapping[str, Any]] = {"valid": 100}


class WithdrawalExpired(Refused):
    """The withdrawal's deadline has passed."""

    code = "withdrawal-expired"
    title = "Withdrawal expired"
    extra: ClassVar[Mapping[str, Any]] = {"now_s": examples.NOW_S}


class ExitAnnounced(Refused):
    """The account has announced an exit, which needs no countersignature, so no withdrawal is
    countersigned until the exit is done or cancelled."""

    code = "exit-announced"
    title = "Exit announced"


SIGNATURE_REFUSALS: tuple[type[Problem], ...] = (
    SignatureInvalid,
    WrongChain,
    SignedAsText,
    TransactionSignature,
    SignatureInDer,
)
"""Every reason for which any signature can be refused. That of a contract wallet has one more: for
a slip or a cash-out ContractSignatureUnsupported, for a withdrawal WalletNotDeployed."""
