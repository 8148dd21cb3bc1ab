// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Bettors} from "./Bettors.sol";
import {vm} from "./Vm.sol";

/// @title Owner
/// @notice Whatever the owner and the guardian may do: limits, keys, councils, pauses.
abstract contract Owner is Bettors {
    ISportsbook.Limits internal proposed_;
    uint256 internal proposedFrom_;
    uint256 private councilFrom_;

    /// @notice Whatever the owner and the guardian may do. What adds to anybody's power waits.
    function govern(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 what = seed % 8;
        if (what == 0) return _proposeLimits(seed >> 8);
        if (what <= 2) return _applyLimits(seed >> 8);
        if (what == 3) return _grant(seed >> 8);
        if (what == 4) return _retire(seed >> 8);
        if (what == 5) {
            RESULTS.propose(_council(term_ + 1));
            councilFrom_ = block.timestamp + NOTICE;
            _done("council proposed");
            // Half of the time as soon as it can be: later it lapses.
            if ((seed >> 8) % 2 == 0) _appoint(1);
            return;
        }
        if (what == 6) return _appoint(seed >> 8);
        BOOK.pausePlacing(!BOOK.placingPaused() && (seed >> 8) % 4 == 0);
        _done("paused or resumed");
    }

    // -- Each of them

    /// @dev Little, so that bets, receipts and cash-outs use all of it at times.
    function _firstKeys() internal pure override returns (ISportsbook.KeyGrant[] memory keys) {
        keys = new ISportsbook.KeyGrant[](6);
        ISportsbook.Role[6] memory roles = [
            ISportsbook.Role.Operator,
            ISportsbook.Role.Operator,
            ISportsbook.Role.Receipts,
            ISportsbook.Role.Receipts,
            ISportsbook.Role.CashOuts,
            ISportsbook.Role.Withdrawals
        ];
        uint56[6] memory budgets = [uint56(20_000e6), 1_000e6, 200e6, 60e6, 400e6, 0];
        for (uint256 i; i < 6; ++i) {
            keys[i] = ISportsbook.KeyGrant(vm.addr(_secret(i)), roles[i], budgets[i]);
        }
    }

    function _firstLimits() internal pure override returns (ISportsbook.Limits memory) {
        return ISportsbook.Limits(4_000e6, 5_000e6, 2_000e6, 250e6);
    }

    function _secret(uint256 i) internal pure returns (uint256) {
        return 0xA000 + i;
    }

    function _proposeLimits(uint256 seed) private {
        proposed_ = ISportsbook.Limits(
            uint56(seed % (6_000 * UNIT)),
            uint56((seed >> 40) % (9_000 * UNIT)),
            uint56((seed >> 80) % (3_000 * UNIT)),
            (seed >> 116) % 4 == 0 ? 0 : uint56((seed >> 120) % (700 * UNIT))
        );
        BOOK.proposeLimits(proposed_);
        proposedFrom_ = block.timestamp + NOTICE;
        _done("limits proposed");
    }

    function _applyLimits(uint256 seed) private {
        if (proposedFrom_ == 0) return;
        if (seed % 2 == 0 && block.timestamp < proposedFrom_) vm.warp(proposedFrom_);
        bool isTime = block.timestamp >= proposedFrom_ && block.timestamp < proposedFrom_ + NOTICE;
        try BOOK.applyLimits(proposed_) {
            require(isTime, "limits changed without notice");
            proposedFrom_ = 0;
            _done("limits changed");
        } catch (bytes memory why) {
            require(!isTime, "limits were refused");
            require(bytes4(why) == ISportsbook.LimitsNotProposed.selector, "applyLimits failed");
            _done("limits refused");
        }
    }

    function _grant(uint256 seed) private {
        ISportsbook.Role role = ISportsbook.Role(1 + seed % 4);
        uint256 live;
        for (uint256 i; i < houseKeys_.length; ++i) {
            if (houseKeys_[i].role == role && houseKeys_[i].until == type(uint40).max) ++live;
        }
        uint256 secret = _secret(houseKeys_.length);
        uint56 budget = uint56((seed >> 8) % (200 * UNIT));
        try BOOK.grantKey(ISportsbook.KeyGrant(vm.addr(secret), role, budget)) {
            require(live < 2, "three keys of a role");
            _addKey(secret, role, budget, block.timestamp + NOTICE);
            _done("key granted");
        } catch (bytes memory why) {
            require(live == 2, "a key was refused");
            require(bytes4(why) == ISportsbook.KeysTooMany.selector, "grantKey failed");
        }
    }

    /// @dev Seldom the last key of its role, or the honest one.
    function _retire(uint256 seed) private {
        uint256 i = seed % houseKeys_.length;
        HouseKey storage key = houseKeys_[i];
        if (key.until != type(uint40).max) return;
        if (i < 5 && (seed >> 8) % 4 != 0) return;
        BOOK.retireKey(key.signer);
        key.until = uint40(block.timestamp);
        _done("key retired");
    }

    function _appoint(uint256 seed) private {
        if (councilFrom_ == 0) return;
        if (seed % 2 != 0 && block.timestamp < councilFrom_) vm.warp(councilFrom_);
        bool isTime = block.timestamp >= councilFrom_ && block.timestamp < councilFrom_ + NOTICE;
        try RESULTS.appoint(_council(term_ + 1)) {
            require(isTime, "a council without notice");
            ++term_;
            councilFrom_ = 0;
            require(RESULTS.term() == term_, "another term");
            _done("council appointed");
        } catch {
            require(!isTime, "a council was refused");
        }
    }
}
