"""Defines the refusals that concern an account and its withdrawals, one class per reason."""

from __future__ import annotations

from backend.problems import Problem, Refused


class AccountUnknown(Refused):
    """No such account exists yet; the first deposit opens it."""

    status = 404
    code = "account-unknown"
    title = "Account not found"


class SignatureInvalid(Refused):
    """The account's owner did not sign exactly these values."""

    status = 403
    code = "signature-invalid"
    title = "Invalid signature"


class WrongChain(Refused):
    """The owner signed for another chain."""

    status = 403
    code = "wrong-chain"
    title = "Signed for another chain"


class SignedAsText(Refused):
    """The owner signed the hash as a message (personal_sign), not the typed data."""

    status = 403
    code = "signed-as-text"
    title = "Signed as a text message"


class TransactionSignature(Refused):
    """The signature's v names a chain, as in transactions (EIP-155); typed data has none."""

    status = 422
    code = "transaction-signature"
    title = "Signature in the form of transactions"


class SignatureInDer(Refused):
    """The signature is in DER, as a KMS returns it; r, s and v are expected."""

    status = 422
    code = "signature-in-der"
    title = "Signature in DER"


class WalletNotDeployed(Refused):
    """The signature is of a contract wallet that is not deployed (ERC-6492)."""

    status = 403
    code = "wallet-not-deployed"
    title = "Contract wallet not deployed"


class ContractSignatureUnsupported(Refused):
    """The signature looks like a contract wallet's, which cannot be verified here."""

    status = 403
    code = "contract-signature-unsupported"
    title = "Contract wallet signatures are not supported"


class DeadlineTooFar(Refused):
    """The deadline is further ahead than the house accepts."""

    code = "deadline-too-far"
    title = "Deadline too far ahead"


class BalanceInsufficient(Refused):
    """The account's available balance is below the amount."""

    code = "balance-insufficient"
    title = "Insufficient balance"


class AmountInvalid(Refused):
    """The amount is not a positive whole number of micro-units in a decimal string."""

    status = 422
    code = "amount-invalid"
    title = "Invalid amount"


class AmountUneven(Refused):
    """The token has fewer than 6 decimals and cannot pay a fraction of its unit."""

    code = "amount-uneven"
    title = "Amount not whole in the token"


class SequenceWrong(Refused):
    """The sequence number is not that of the account's next withdrawal."""

    code = "sequence-wrong"
    title = "Wrong withdrawal sequence"


class WithdrawalPending(Refused):
    """Another countersigned withdrawal of the account can still be used."""

    code = "withdrawal-pending"
    title = "Another withdrawal is pending"


class WithdrawalExpired(Refused):
    """The withdrawal's deadline has passed."""

    code = "withdrawal-expired"
    title = "Withdrawal expired"


class ExitAnnounced(Refused):
    """The account has announced an exit, which needs no countersignature."""

    code = "exit-announced"
    title = "Exit announced"


SIGNATURE_REFUSALS: tuple[type[Problem], ...] = (
    SignatureInvalid,
    WrongChain,
    SignedAsText,
    TransactionSignature,
    SignatureInDer,
    WalletNotDeployed,
    ContractSignatureUnsupported,
)
"""Every reason for which a signature can be refused, for the OpenAPI document."""
