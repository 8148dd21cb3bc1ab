// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Exit, LedgerStorage, Restriction} from "./libraries/Ledger.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {Withdrawals} from "./libraries/Withdrawals.sol";

/// @title SelfService
/// @notice What an account's owner does without anybody's consent: leave with the balance, exclude
/// the account from bets, and cancel signed slips.
/// @dev The sportsbook runs this code by delegatecall, on its own storage. Called directly, the code
/// finds no accounts.
contract SelfService is LedgerStorage {
    /// @notice See ISportsbook.requestExit.
    function requestExit(uint64 amount) external {
        uint32 account = _accountOfCaller();
        uint56 capped =
            amount < Accounts.MAX_BALANCE ? uint56(amount) : uint56(Accounts.MAX_BALANCE);
        uint40 unlocksAt =
            amount == 0 ? 0 : uint40(block.timestamp) + ISportsbook(address(this)).EXIT_DELAY();
        ledger_.exits[account] = Exit(capped, unlocksAt);
        emit ISportsbook.ExitRequested(account, capped, unlocksAt);
    }

    /// @notice See ISportsbook.exit.
    function exit() external returns (uint64 amount) {
        uint32 account = _accountOfCaller();
        Exit memory request = ledger_.exits[account];
        if (request.amount == 0) revert ISportsbook.ExitUnknown(account);
        if (block.timestamp < request.unlocksAt) {
            revert ISportsbook.ExitLocked(request.unlocksAt);
        }
        Account held = ledger_.accounts[account];
        amount = request.amount < held.balance() ? request.amount : uint64(held.balance());
        ledger_.exits[account] = Exit(0, 0);
        emit ISportsbook.ExitRequested(account, 0, 0);
        if (amount == 0) return 0;
        ledger_.accounts[account] = held.debit(amount);
        emit ISportsbook.Withdrawn(Withdrawals.ofExit(account, amount));
        Tokens.pay(ISportsbook(address(this)).TOKEN(), held.owner(), amount);
    }

    /// @notice See ISportsbook.excludeSelf.
    function excludeSelf(uint40 until) external {
        uint32 account = _accountOfCaller();
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

    /// @notice See ISportsbook.cancelNonces.
    function cancelNonces(uint24 last) external {
        uint32 account = _accountOfCaller();
        Account held = ledger_.accounts[account];
        Restriction storage restriction = ledger_.restrictions[account];
        uint40 earliest = restriction.cancelledAt + ISportsbook(address(this)).RECEIPT_WINDOW();
        if (block.timestamp < earliest) revert ISportsbook.CancellationPending(earliest);
        // No slip that an earlier cancellation leaves alone can be placed any more.
        if (restriction.cancelledNonce != 0) held = held.useNoncesTo(restriction.cancelledNonce);
        uint256 most = held.nonce() + Accounts.WINDOW + 1;
        if (last > most) revert ISportsbook.NonceTooFar(last, most);
        restriction.cancelledAt = uint40(block.timestamp);
        restriction.cancelledNonce = last;
        ledger_.accounts[account] = held.setRestricted(true);
        emit ISportsbook.NoncesCancelled(account, last, uint40(block.timestamp));
    }

    function _accountOfCaller() private view returns (uint32 account) {
        account = ledger_.accountOf[msg.sender];
        if (account == 0) revert ISportsbook.NotOwnerOf(0, msg.sender);
    }
}
