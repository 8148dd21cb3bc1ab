// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Deposits} from "./libraries/Deposits.sol";
import {Exit, LedgerStorage, Restriction} from "./libraries/Ledger.sol";
import {Scale} from "./libraries/Scales.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Withdrawals} from "./libraries/Withdrawals.sol";

/// @title SelfService
/// @notice What an account's owner does without anybody's consent: leave with the balance, exclude
/// the account from bets, and cancel signed slips. By a transaction of the owner's, or by a
/// signature that anybody may send; so also deposits.
/// @dev The sportsbook runs this code by delegatecall, on its own storage. Called directly, the
/// code finds no accounts.
contract SelfService is LedgerStorage, EIP712 {
    constructor() EIP712("Fairline", "1") {}

    /// @notice See ISportsbook.depositFor.
    function depositFor(address owner, uint64 amount) external returns (uint32) {
        return _pull(_token(), _scale(), msg.sender, owner, amount);
    }

    /// @notice See ISportsbook.depositWithPermit.
    function depositWithPermit(
        address owner,
        uint64 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint32) {
        (IERC20 token, Scale scale) = (_token(), _scale());
        uint256 units = scale.toUnits(amount);
        IERC20Permit permitted = IERC20Permit(address(token));
        if (msg.sender == owner) {
            // It may have been used by somebody else, which has set the allowance. For the owner's
            // own call that is as good; one that is invalid fails at the transfer.
            try permitted.permit(owner, address(this), units, deadline, v, r, s) {} catch {}
        } else {
            // Consent is a nonce that this call has used: a token could have a fallback function
            // that takes any permit without an error.
            uint256 nonce = permitted.nonces(owner);
            try permitted.permit(owner, address(this), units, deadline, v, r, s) {} catch {}
            if (permitted.nonces(owner) == nonce) revert ISportsbook.PermitInvalid(owner);
        }
        return _pull(token, scale, owner, owner, amount);
    }

    /// @notice See ISportsbook.depositWithAuthorization.
    function depositWithAuthorization(
        address owner,
        uint64 amount,
        uint64 fee,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 salt,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint32 account) {
        (IERC20 token, Scale scale) = (_token(), _scale());
        uint256 before = Tokens.held(token);
        IERC3009(address(token))
            .receiveWithAuthorization(
                owner,
                address(this),
                scale.toUnits(amount),
                validAfter,
                validBefore,
                keccak256(abi.encode(fee, salt)),
                v,
                r,
                s
            );
        uint256 arrived = Deposits.arrived(token, scale, before, amount);
        if (fee > arrived) revert ISportsbook.FeeTooHigh(fee, arrived);
        account = _credit(owner, arrived - fee);
        if (fee != 0) Tokens.pay(token, msg.sender, scale.toUnits(fee));
    }

    /// @notice See ISportsbook.requestExit.
    function requestExit(uint64 amount) external {
        _requestExit(_accountOfCaller(), amount);
    }

    /// @notice See ISportsbook.exit.
    function exit() external returns (uint64) {
        return _exit(_accountOfCaller(), 0);
    }

    /// @notice See ISportsbook.excludeSelf.
    function excludeSelf(uint40 until) external {
        _exclude(_accountOfCaller(), until);
    }

    /// @notice See ISportsbook.cancelNonces.
    function cancelNonces(uint24 last) external {
        _cancelNonces(_accountOfCaller(), last);
    }

    /// @notice See ISportsbook.relay.
    function relay(ISportsbook.Request calldata request, bytes calldata signature) external {
        Exit storage record = ledger_.exits[request.account];
        Account held = ledger_.accounts[request.account];
        // Check
        if (block.timestamp > request.deadline) {
            revert ISportsbook.RequestExpired(request.deadline);
        }
        if (request.number != record.requests) {
            revert ISportsbook.RequestOutOfTurn(request.number, record.requests);
        }
        bytes32 digest = _hashTypedDataV4(TypedData.requestHash(request));
        if (!Signatures.isValid(held.owner(), digest, signature)) {
            revert ISportsbook.RequestUnsigned(held.owner());
        }
        if (request.fee != 0 && request.action != ISportsbook.Action.Exit) {
            revert ISportsbook.FeeWithoutExit(request.fee);
        }
        // Effect
        record.requests = request.number + 1;
        emit ISportsbook.Relayed(request.account, request.number, request.fee, msg.sender);
        if (request.action == ISportsbook.Action.RequestExit) {
            _requestExit(request.account, request.value);
        } else if (request.action == ISportsbook.Action.Exclude) {
            _exclude(request.account, SafeCast.toUint40(request.value));
        } else if (request.action == ISportsbook.Action.CancelNonces) {
            _cancelNonces(request.account, SafeCast.toUint24(request.value));
        }
        // Effect, then interaction
        if (request.action == ISportsbook.Action.Exit) _exit(request.account, request.fee);
    }

    function _pull(IERC20 token, Scale scale, address from, address owner, uint64 amount)
        private
        returns (uint32)
    {
        return _credit(owner, Deposits.pull(token, scale, from, amount));
    }

    function _credit(address owner, uint256 amount) private returns (uint32) {
        uint256 receiptWindow = ISportsbook(address(this)).RECEIPT_WINDOW();
        return Deposits.credit(ledger_, owner, amount, receiptWindow);
    }

    function _requestExit(uint32 account, uint64 amount) private {
        uint56 capped =
            amount < Accounts.MAX_BALANCE ? uint56(amount) : uint56(Accounts.MAX_BALANCE);
        uint40 unlocksAt =
            amount == 0 ? 0 : uint40(block.timestamp) + ISportsbook(address(this)).EXIT_DELAY();
        Exit storage record = ledger_.exits[account];
        (record.amount, record.unlocksAt) = (capped, unlocksAt);
        emit ISportsbook.ExitRequested(account, capped, unlocksAt);
    }

    /// @param fee For who sends it, from what leaves: were it taken from the rest of the balance, an
    /// owner could take the stake of an accepted slip out without any delay.
    /// @return amount What the owner is paid.
    function _exit(uint32 account, uint64 fee) private returns (uint64 amount) {
        // Check
        Exit storage record = ledger_.exits[account];
        (uint56 asked, uint40 unlocksAt) = (record.amount, record.unlocksAt);
        if (asked == 0) revert ISportsbook.ExitUnknown(account);
        if (block.timestamp < unlocksAt) revert ISportsbook.ExitLocked(unlocksAt);
        Account held = ledger_.accounts[account];
        amount = asked < held.balance() ? asked : uint64(held.balance());
        // A fraction of a unit of the token cannot be paid, and stays in the account.
        Scale scale = _scale();
        amount = uint64(scale.wholeDown(amount));
        if (fee > amount) revert ISportsbook.FeeTooHigh(fee, amount);
        uint256 feeUnits = scale.toUnits(fee);
        // Effect
        (record.amount, record.unlocksAt) = (0, 0);
        emit ISportsbook.ExitRequested(account, 0, 0);
        if (amount == 0) return 0;
        ledger_.accounts[account] = held.debit(amount);
        amount -= fee;
        if (amount != 0) emit ISportsbook.Withdrawn(Withdrawals.ofExit(account, amount));
        // Interaction
        IERC20 token = _token();
        if (fee != 0) Tokens.pay(token, msg.sender, feeUnits);
        if (amount != 0) Tokens.pay(token, held.owner(), scale.toUnits(amount));
    }

    function _exclude(uint32 account, uint40 until) private {
        Restriction storage held = ledger_.restrictions[account];
        uint40 from = uint40(block.timestamp);
        uint40 before = held.excludedUntil;
        // Not shorter than RECEIPT_WINDOW: then a slip that was accepted before an exclusion is
        // too old when the exclusion is over, so that one time is enough to rule out those that
        // were accepted during it.
        uint40 least = from + ISportsbook(address(this)).RECEIPT_WINDOW();
        if (before >= least) least = before + 1;
        if (until < least) revert ISportsbook.ExclusionTooShort(until, least);
        if (before > from) {
            // It still runs, and is extended.
            from = held.excludedFrom;
        } else {
            held.excludedBefore = before;
            held.excludedFrom = from;
        }
        held.excludedUntil = until;
        ledger_.accounts[account] = ledger_.accounts[account].setRestricted(true);
        emit ISportsbook.SelfExcluded(account, from, until);
    }

    function _cancelNonces(uint32 account, uint24 last) private {
        Account held = ledger_.accounts[account];
        Restriction storage restriction = ledger_.restrictions[account];
        uint40 earliest = restriction.cancelledAt + ISportsbook(address(this)).RECEIPT_WINDOW();
        if (block.timestamp < earliest) revert ISportsbook.CancellationPending(earliest);
        // No slip that an earlier cancellation leaves alone can be placed any more.
        if (restriction.cancelledNonce != 0) held = held.useNoncesTo(restriction.cancelledNonce);
        uint256 most = held.nonce() + Accounts.WINDOW + 1;
        if (last > most) revert ISportsbook.NonceTooFar(last, most);
        if (restriction.cancelledNonce > restriction.cancelledBefore) {
            restriction.cancelledBefore = restriction.cancelledNonce;
        }
        restriction.cancelledAt = uint40(block.timestamp);
        restriction.cancelledNonce = last;
        ledger_.accounts[account] = held.setRestricted(true);
        emit ISportsbook.NoncesCancelled(account, last, uint40(block.timestamp));
    }

    function _accountOfCaller() private view returns (uint32 account) {
        account = ledger_.accountOf[msg.sender];
        if (account == 0) revert ISportsbook.NotOwnerOf(0, msg.sender);
    }

    function _token() private view returns (IERC20) {
        return ISportsbook(address(this)).TOKEN();
    }

    function _scale() private view returns (Scale) {
        return ISportsbook(address(this)).SCALE();
    }
}
