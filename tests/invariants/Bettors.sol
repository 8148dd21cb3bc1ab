// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Restriction} from "../../contracts/libraries/Ledger.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Matches} from "./Matches.sol";
import {vm} from "./Vm.sol";

/// @title Bettors
/// @notice What the owner of an account does without a bet: brings money, takes it out, rules out slips.
abstract contract Bettors is Matches {
    struct Exit {
        uint256 amount;
        uint256 unlocksAt;
    }

    Exit[BETTORS] private exits_;

    function useAccount(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint64 amount = uint64(seed >> 64);
        uint256 who = (seed >> 8) % BETTORS;
        uint256 what = seed % 6;
        if (what == 0) return _deposit(who, uint64(1 + amount % (50 * UNIT)));
        // The honest house confirms no withdrawal of the honest bettor, who may leave by an exit.
        if (what == 1) return _withdraw(who % HONEST, amount, seed >> 16);
        if (what == 2) {
            amount = uint64(1 + amount % (300 * UNIT));
            vm.prank(_owner(who));
            BOOK.requestExit(amount);
            exits_[who] = Exit(amount, block.timestamp + EXIT_DELAY);
            return _done("exit requested");
        }
        if (what == 3) return _exit(who, seed >> 16);
        if (what == 4) return _cancel(who, seed >> 16);
        uint40 until = uint40(block.timestamp + RECEIPT_WINDOW + (seed >> 16) % 600);
        vm.prank(_owner(who));
        try BOOK.excludeSelf(until) {
            _done("excluded");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.ExclusionTooShort.selector, "exclusion refused");
            require(BOOK.restrictionOf(uint32(who) + 1).excludedUntil >= until, "for nothing");
        }
    }

    // -- Each of them

    function _deposit(uint256 who, uint64 amount) private {
        bool isExcluded = block.timestamp < BOOK.restrictionOf(uint32(who) + 1).excludedUntil;
        try BOOK.depositFor(_owner(who), amount) {
            require(!isExcluded, "a deposit of an excluded account");
            balances[who] += amount;
            _done("deposited");
        } catch (bytes memory why) {
            require(
                isExcluded && bytes4(why) == ISportsbook.AccountExcluded.selector,
                "a deposit was refused"
            );
        }
    }

    function _withdraw(uint256 who, uint64 amount, uint256 seed) private {
        if (balances[who] == 0) return;
        amount = uint64(1 + amount % balances[who]);
        uint256 key = _pick(ISportsbook.Role.Withdrawals, seed);
        if (_tryWithdraw(who, amount, key)) {
            require(_isActive(key), "a withdrawal that nobody granted");
            balances[who] -= amount;
            _done("withdrawn");
        } else {
            require(!_isActive(key), "a withdrawal was refused");
        }
    }

    function _tryWithdraw(uint256 who, uint64 amount, uint256 key) private returns (bool isDone) {
        uint32 account = uint32(who + 1);
        (,,,, uint8 sequence) = BOOK.accountAt(account);
        uint40 deadline = uint40(block.timestamp);
        bytes32 hash = _withdrawalHash(account, amount, deadline, sequence);
        Signature memory granted = _sign(houseKeys_[key].secret, hash);
        uint256 word = (uint256(account) << 104) | (uint256(amount) << 40) | deadline;
        vm.prank(_owner(who));
        (isDone,) = address(BOOK)
            .call(
                abi.encodeWithSelector(
                    ISportsbook.withdrawGranted.selector, granted.r, granted.vs, word
                )
            );
    }

    /// @dev Nothing may stop it, once its time has come.
    function _exit(uint256 who, uint256 seed) private {
        if (seed % 2 == 0 && block.timestamp < exits_[who].unlocksAt) {
            vm.warp(exits_[who].unlocksAt);
        }
        vm.prank(_owner(who));
        try BOOK.exit() returns (uint64 amount) {
            uint256 due = exits_[who].amount;
            require(block.timestamp >= exits_[who].unlocksAt, "an exit before its time");
            if (due > balances[who]) due = balances[who];
            require(due == amount, "an exit paid another amount");
            balances[who] -= amount;
            exits_[who].amount = 0;
            _done("left");
        } catch (bytes memory why) {
            bytes4 reason = bytes4(why);
            if (exits_[who].amount == 0) {
                require(reason == ISportsbook.ExitUnknown.selector, "an exit failed");
            } else {
                require(reason == ISportsbook.ExitLocked.selector, "an exit was refused");
                require(block.timestamp < exits_[who].unlocksAt, "an exit was stopped");
            }
        }
    }

    function _cancel(uint256 who, uint256 seed) private {
        uint32 account = uint32(who + 1);
        (,, uint24 highest,,) = BOOK.accountAt(account);
        uint24 last = uint24(highest + seed % 10);
        Restriction memory before = BOOK.restrictionOf(account);
        vm.prank(_owner(who));
        try BOOK.cancelNonces(last) {
            require(
                block.timestamp >= before.cancelledAt + RECEIPT_WINDOW, "cancelled twice at once"
            );
            Restriction memory held = BOOK.restrictionOf(account);
            require(
                held.cancelledNonce == last && held.cancelledAt == block.timestamp,
                "something else was cancelled"
            );
            _done("nonces cancelled");
        } catch (bytes memory why) {
            require(
                bytes4(why) == ISportsbook.CancellationPending.selector, "a cancellation failed"
            );
            require(block.timestamp < before.cancelledAt + RECEIPT_WINDOW, "for nothing");
        }
    }
}
