// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Providers} from "./Providers.sol";
import {vm} from "./Vm.sol";

/// @title Matches
/// @notice Matches are announced, played and decided: results of any status, in time, too early or too
/// late, disputed and replaced. And time passes.
abstract contract Matches is Providers {
    uint256 internal constant MATCHES = 3;

    /// @notice A result of any status, in time, too early or too late. The council that the fixture
    /// does not belong to is refused.
    function publish(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 i = seed % matches_.length;
        if (open_.length != 0 && (seed >> 12) % 4 != 0) {
            Place memory place_ = open_[seed % open_.length];
            (i,,,) = _leg(bets_[place_.batch][place_.bet].legs, 0);
        }
        uint256 tries;
        while (matches_[i].status != 0 && tries++ < matches_.length) i = (i + 1) % matches_.length;
        Match storage game = matches_[i];
        if (game.status != 0) return;
        if ((seed >> 16) % 4 != 0 && block.timestamp < game.startsAt + 7_200) {
            vm.warp(game.startsAt + 7_200);
        }
        _setResult(game, seed >> 32, (seed >> 20) % 8);
        uint24 term = game.term == 0 ? term_ : game.term;
        if (term_ > 1 && (seed >> 24) % 2 == 0) {
            uint24 other = term == 1 ? 2 : term - 1;
            try this.publishAs(_wordOf(game), other) {
                revert("another council decided");
            } catch (bytes memory why) {
                require(bytes4(why) == ISportsbook.TermInvalid.selector, "refused otherwise");
            }
            _done("council refused");
        }
        _publishAs(game, term);
        _done("published");
    }

    function _publishAs(Match storage game, uint24 term) internal {
        _publish(_wordOf(game), term);
        (game.term, game.publishedAt) = (term, uint40(block.timestamp));
        game.finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
    }

    function publishAs(uint256 result, uint24 term) external {
        require(msg.sender == address(this));
        _publish(result, term);
    }

    /// @notice The arbiter replaces a result, with a dispute or without one.
    function rule(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        for (uint256 i; i < matches_.length; ++i) {
            Match storage game = matches_[i];
            if (game.isDisputed && block.timestamp >= game.finalAt) _closeDispute(game);
            if (game.status == 0 || block.timestamp >= game.finalAt) continue;
            uint40 last = game.publishedAt + 3 * DISPUTE_WINDOW;
            if (!game.isDisputed && seed % 2 == 0) {
                RESULTS.dispute(bytes16(game.name));
                (game.isDisputed, game.finalAt) = (true, last);
                _done("disputed");
            }
            if ((seed >> 4) % 3 == 0) return;
            uint256 before = _wordOf(game);
            if ((seed >> 8) % 3 != 0) _setResult(game, seed >> 32, (seed >> 20) % 8);
            // The bond of a dispute that changed nothing is the house's.
            if (game.isDisputed && before == _wordOf(game)) pool += BOND;
            RESULTS.rule(_wordOf(game));
            game.isDisputed = false;
            game.finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
            if (game.finalAt > last) game.finalAt = last;
            return _done("ruled");
        }
    }

    function pass(uint256 time) external counted calm {
        time = _mix(time, asked);
        vm.warp(block.timestamp + (time % 16 == 0 ? time % 8 days : time % 900));
        _done("passed");
    }

    // -- The schedule

    function _schedule() internal {
        for (uint256 i; i < MATCHES; ++i) {
            Match storage game = matches_.push();
            game.name = keccak256(abi.encode("match", matches_.length));
            game.startsAt = uint40(block.timestamp + 900 + 900 * i);
        }
    }

    /// @dev New matches when the last ones are over, or at times when they have started.
    function _plan(uint256 seed) internal {
        uint256 first = matches_.length - MATCHES;
        bool isOver = matches_[first].status != 0 && matches_[first + 1].status != 0;
        bool hasStarted = block.timestamp >= matches_[first].startsAt;
        if (isOver || (hasStarted && (seed >> 250) % 4 == 0)) _schedule();
    }

    /// @dev That the last two matches start late enough for a cash-out before, and nothing is bet on
    /// them.
    function _planAhead() internal {
        for (uint256 i = matches_.length - 2; i < matches_.length; ++i) {
            Match storage game = matches_[i];
            bool isFar = game.startsAt > block.timestamp + CASH_OUT_AGE;
            if (isFar && game.status == 0 && BOOK.lockedOf(bytes16(game.name)) == 0) continue;
            return _schedule();
        }
    }

    // -- Results

    /// @dev The arbiter let the time go by: the bond goes back.
    function _closeDispute(Match storage game) internal {
        RESULTS.closeDispute(bytes16(game.name));
        game.isDisputed = false;
        _done("dispute closed");
    }

    /// @dev Until every result that is published is final.
    function _waitForResults() internal {
        for (uint256 i; i < matches_.length; ++i) {
            if (matches_[i].finalAt > block.timestamp) vm.warp(matches_[i].finalAt);
        }
    }

    function _setResult(Match storage game, uint256 seed, uint256 kind) internal {
        // Half of the matches are played, a quarter are propositions with any fraction.
        uint8[8] memory statuses = [1, 1, 1, 1, 2, 3 + uint8(seed % 2), 5, 5];
        game.status = statuses[kind];
        if (game.status == 5) {
            game.homeFull = uint8(1 + (seed >> 8) % 255);
            game.homeHalf = uint8((seed >> 16) % (uint256(game.homeFull) + 1));
            game.awayHalf = uint8((seed >> 32) % (uint256(game.homeFull) - game.homeHalf + 1));
            game.awayFull = 0;
        } else {
            (game.homeHalf, game.awayHalf) = (uint8((seed >> 8) % 3), uint8((seed >> 16) % 3));
            bool isHalf = game.status == 3;
            game.homeFull = game.homeHalf + (isHalf ? 0 : uint8((seed >> 32) % 3));
            game.awayFull = game.awayHalf + (isHalf ? 0 : uint8((seed >> 40) % 3));
        }
        uint256 settledAt = game.startsAt + 7_000;
        if ((seed >> 48) % 8 == 0) settledAt = game.startsAt - 600 + (seed >> 52) % 4_000;
        game.settledAt = uint40(settledAt < block.timestamp ? settledAt : block.timestamp);
    }

    function _wordOf(Match storage game) private view returns (uint256) {
        return (uint256(uint128(bytes16(game.name))) << 128) | (uint256(game.status) << 120)
            | (uint256(game.homeHalf) << 112) | (uint256(game.awayHalf) << 104)
            | (uint256(game.homeFull) << 96) | (uint256(game.awayFull) << 88)
            | (uint256(game.settledAt) << 48);
    }
}
