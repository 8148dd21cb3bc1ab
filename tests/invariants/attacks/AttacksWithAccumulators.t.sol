// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksWithAccumulators
/// @notice Attacks with accumulators, before and after they are lost, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksWithAccumulators is Attacked {
    struct Over {
        bytes32 first;
        bytes table;
        Leg dear;
        Leg cheap;
        Leg apart;
    }

    function test_F2_caps_bound_all_accumulators_together() external {
        ISportsbook.Limits memory caps = ISportsbook.Limits(10e6, 10e6, 10e6, 0);
        BOOK.proposeLimits(caps);
        vm.warp(T0 + NOTICE);
        BOOK.applyLimits(caps);
        uint40 time = uint40(block.timestamp);
        Over memory over = _matchesThatAreOver(time - 7_500);
        // Accepted before the final whistle, five minutes ago.
        Kept memory kept = _placeMany(time - 300, 0, over, _two(over.dear, over.apart));
        require(kept.records.length == 0, "placed by hindsight");
        _requireSkip(kept, ACCEPTANCE_OUTSIDE_WINDOW);
        kept = _placeMany(time, 0, over, _two(over.dear, over.cheap));
        require(kept.records.length == 0, "one leg twice");
        _requireSkip(kept, LEGS_INVALID);
        kept = _placeMany(time, 0, over, _two(over.dear, over.apart));
        require(kept.records.length == 1, "the first one uses all of the cap");
        _requireSkip(kept, CAP_EXCEEDED);
        over.dear.odds = 20_000;
        kept = _placeMany(time, 1, over, _two(over.dear, over.apart));
        (,,, uint64 accumulators,) = BOOK.book();
        require(kept.records.length == 0 && accumulators == 10e6, "the sum exceeds the cap");
        _requireSkip(kept, CAP_EXCEEDED);
        _publish(_result(over.first, 1, 1, 0, 1, 0, time), 1);
        kept = _placeMany(time, 1, over, _one(over.cheap));
        require(kept.records.length == 0, "placed on a published result");
        _requireSkip(kept, MARKET_CLOSED);
    }

    /// @dev Two matches, of which the first has ended 1:0, and legs in play on home wins.
    function _matchesThatAreOver(uint40 startsAt) private pure returns (Over memory over) {
        bytes32 other = keccak256("other");
        (bytes32 a, bytes32 b) = NAME < other ? (NAME, other) : (other, NAME);
        over.first = a;
        over.dear = _matchResult(a, startsAt, 0, 10_009_000, true);
        over.cheap = _matchResult(a, startsAt, 0, 10_001, true);
        over.apart = _matchResult(b, startsAt, 0, 10_001, true);
        over.apart.index = 1;
        over.table = abi.encodePacked(
            abi.encodePacked(uint8(2), a, startsAt, b, startsAt),
            abi.encodePacked(uint8(2), _entry(0, 1, 1), _entry(1, 1, 1))
        );
    }

    /// @dev Twenty slips of Mallory's on the same legs, from a nonce on.
    function _placeMany(uint40 base, uint24 used, Over memory over, Leg[] memory legs)
        private
        returns (Kept memory)
    {
        bytes memory slips;
        for (uint24 i = 1; i <= 20; ++i) {
            slips = abi.encodePacked(slips, _slip(MALLORY, used + i, 10_000, base, 0, legs));
        }
        return _place(abi.encodePacked(base, over.table, uint16(20), slips));
    }

    function test_F9_lost_accumulator_is_settled_at_once() external {
        (bytes32 a, bytes32 b) = (keccak256("a"), keccak256("b"));
        if (a > b) (a, b) = (b, a);
        (uint40 soon, uint40 late) = (T0 + 3_600, T0 + 300 days);
        Kept memory kept = _placeDouble(a, soon, b, late);
        require(kept.records.length == 1, "placed");
        _conclude(kept, _result(a, 1, 0, 1, 0, 1, soon + 7_000), soon);
        (, uint64 owed, uint64 locked, uint64 accumulators,) = BOOK.book();
        require(owed == 0 && locked == 0 && accumulators == 0, "it stays locked");
    }

    function _placeDouble(bytes32 a, uint40 soon, bytes32 b, uint40 late)
        private
        returns (Kept memory)
    {
        Leg memory second = _matchResult(b, late, 0, 40_000, false);
        second.index = 1;
        Leg[] memory legs = _two(_matchResult(a, soon, 0, 40_000, false), second);
        bytes memory fixtures = abi.encodePacked(uint8(2), a, soon, b, late);
        bytes memory markets = abi.encodePacked(uint8(2), _entry(0, 1, 0), _entry(1, 1, 0));
        bytes memory slip = _slip(ALICE, 1, uint64(50 * UNIT), T0, 0, legs);
        return _place(abi.encodePacked(T0, fixtures, markets, uint16(1), slip));
    }
}
