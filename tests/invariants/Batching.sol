// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Draws} from "./Draws.sol";

/// @title Batching
/// @notice Batches that operators send, in any order and with any slips.
abstract contract Batching is Draws {
    /// @dev How the last batch was sent.
    Slip[] private last_;

    /// @notice A batch of up to four slips.
    function place(uint256 seed) external counted {
        _place(_mix(seed, asked));
    }

    /// @notice The same, so that forge places more often than it does anything else.
    function placeMore(uint256 seed) external counted {
        _place(_mix(seed, asked + 1));
    }

    /// @notice A slip of little that locks all that its operator can lock, so that receipts have the
    /// reserve alone.
    function fill(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        _fill(seed);
    }

    /// @notice An operator whose budget is used up covers a bet of one fixture, which locks less then, and
    /// places one on another fixture in the same batch.
    function spread(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _planAhead();
        uint256 operator = _leastOperator();
        _provideMore(_left(houseKeys_[operator]) + 10 * UNIT);
        if (_placeBatch(_alone(_against(seed)[0]), operator) != 1) return;
        _fillBy(seed, operator);
        Slip[] memory slips = _against(seed);
        // The other one is on the match before.
        (slips[0], slips[1]) = (slips[1], slips[0]);
        slips[1].stake /= 8;
        slips[1].legs -= 1 << 48;
        _placeBatch(slips, operator);
    }

    /// @notice Slips that the house has accepted, in a batch, some of them twice.
    function placeAccepted(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (accepted_.length == 0) return;
        Slip[] memory slips = new Slip[](1 + seed % 2);
        for (uint256 i; i < slips.length; ++i) {
            slips[i] = accepted_[_mix(seed, i) % accepted_.length];
            if ((seed >> (8 + i)) % 2 == 0) _worsen(slips[i], seed);
        }
        _resend(slips, seed);
    }

    /// @notice The slips of the last batch once more, at a time of the operator's choice: one that was
    /// left out may count now, one that was placed never again.
    function replay(uint256 seed) external counted {
        seed = _mix(seed, asked);
        Slip[] memory slips = new Slip[](last_.length);
        for (uint256 i; i < slips.length; ++i) {
            slips[i] = last_[i];
        }
        _resend(slips, seed);
    }

    function _place(uint256 seed) private {
        _plan(seed);
        uint256 count = 1 + seed % 4;
        Slip[] memory slips = new Slip[](count);
        for (uint256 i; i < count; ++i) {
            uint256 own = _mix(seed, i);
            slips[i] = _fresh(own, own % HONEST, i);
            slips[i].acceptedAt = uint40(block.timestamp - (own >> 200) % (BATCH_WINDOW + 5));
            slips[i].deadline = slips[i].acceptedAt + uint40((own >> 210) % 300);
            slips[i].isForged = (own >> 220) % 16 == 0;
        }
        if (count > 1 && (seed >> 244) % 2 == 0) _oppose(slips[0], slips[1], 0);
        delete last_;
        for (uint256 i; i < count; ++i) {
            last_.push(slips[i]);
        }
        _send(slips, seed);
    }

    function _fill(uint256 seed) internal {
        _fillBy(seed, _pick(ISportsbook.Role.Operator, seed >> 230));
    }

    function _fillBy(uint256 seed, uint256 operator) private {
        uint256 most = BOOK.releasable();
        if (_left(houseKeys_[operator]) < most) most = _left(houseKeys_[operator]);
        if (BOOK.limits().marketCap < most) most = BOOK.limits().marketCap;
        if (most == 0) return;
        Slip[] memory slips = new Slip[](1);
        slips[0] = _fresh(seed, seed % HONEST, 0);
        // On a correct score, which no other bet covers.
        uint256 stake = 1 + most / 400_000;
        uint256 odds = (most + stake) * ONE / stake;
        uint256 leg = ((matches_.length - 1) << 48) | (11 << 40) | odds;
        (slips[0].count, slips[0].legs, slips[0].stake) = (1, leg, uint64(stake));
        (slips[0].minOdds, slips[0].acceptedAt) = (0, uint40(block.timestamp));
        slips[0].deadline = uint40(block.timestamp);
        if (_placeBatch(slips, operator) == 1) _done("filled");
    }

    function _send(Slip[] memory slips, uint256 seed) private {
        uint256 placed = _placeBatch(slips, _pick(ISportsbook.Role.Operator, seed >> 230));
        if (placed != 0) _done("placed");
        if (placed < slips.length) _done("left out");
    }

    /// @dev As late as they can be accepted, without those that cannot be accepted any more.
    function _resend(Slip[] memory slips, uint256 seed) internal {
        uint256 count;
        for (uint256 i; i < slips.length; ++i) {
            if (slips[i].deadline + BATCH_WINDOW < block.timestamp) continue;
            slips[i].acceptedAt =
                slips[i].deadline < block.timestamp ? slips[i].deadline : uint40(block.timestamp);
            slips[count++] = slips[i];
        }
        if (count == 0) return;
        assembly {
            mstore(slips, count)
        }
        _send(slips, seed);
    }
}
