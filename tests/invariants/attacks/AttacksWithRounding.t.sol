// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksWithRounding
/// @notice Attacks with the dust that is left when payouts are rounded, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksWithRounding is Attacked {
    function test_F1_fractions_of_dust_do_not_wrap_the_pool() external {
        BOOK.proposeLimits(ISportsbook.Limits(1e15, 1e15, 1e15, 0));
        vm.warp(T0 + NOTICE);
        BOOK.applyLimits(ISportsbook.Limits(1e15, 1e15, 1e15, 0));
        BANK.redeem(BANK.balanceOf(address(this)), address(this), address(this));
        address mallory = vm.addr(MALLORY);
        TOKEN.mint(mallory, 1);
        vm.prank(mallory);
        TOKEN.approve(address(BANK), 1);
        vm.prank(mallory);
        BANK.deposit(1, mallory);
        uint40 startsAt = uint40(block.timestamp) + 3_600;
        // 255 bets of one unit on Yes and one on No, which would lock nothing if they were netted.
        Kept memory kept = _placeDust(255, 2_560_000, startsAt);
        require(kept.records.length == 255, "the bet that outweighs the others is left out");
        _requireSkip(kept, EXPOSURE_EXCEEDED);
        // Of 255 parts 128 win: Yes is paid in full, by rounding.
        _conclude(kept, _result(NAME, 5, 128, 0, 255, 0, startsAt + 7_000), startsAt);
        (uint64 pool, uint64 owed, uint64 locked,,) = BOOK.book();
        require(pool <= 1 + 256 && owed == 0 && locked == 0, "the pool wrapped");
        uint256 shares = BANK.balanceOf(mallory);
        vm.prank(mallory);
        require(BANK.redeem(shares, mallory, mallory) <= 256, "more than was bet and provided");
        _leaveWithAll(ALICE, 1_000 * UNIT);
        _leaveWithAll(BOB, 5_000 * UNIT);
    }

    function test_F1d_five_bets_of_a_unit_are_not_enough_either() external {
        uint40 startsAt = T0 + 3_600;
        Kept memory kept = _placeDust(4, 50_000, startsAt);
        require(kept.records.length == 5, "covered by the bankroll");
        (, uint64 owed, uint64 locked,,) = BOOK.book();
        require(owed == 5 && locked == 4, "each payout is locked, whatever the others lose");
        _conclude(kept, _result(NAME, 5, 128, 0, 255, 0, startsAt + 7_000), startsAt);
        (uint64 pool,,,,) = BOOK.book();
        require(pool <= BANKROLL && pool >= BANKROLL - 4, "no more was paid than was locked");
    }

    /// @dev The operator's key and those of the results together win the providers' money, by a false
    /// result. They take no balance.
    function test_F1b_host_of_the_worker_takes_no_balance() external {
        bytes32 name = keccak256("first");
        uint64 stake = 999_900;
        uint32 odds = uint32((uint256(BOOK.releasable()) + stake) * 10_000 / stake);
        Leg memory home = _matchResult(name, T0 + 600, 0, odds, false);
        Kept memory kept = _placeOne(MALLORY, stake, home, T0 + 600, name);
        _conclude(kept, _result(name, 1, 1, 0, 1, 0, T0 + 7_600), T0 + 600);
        require(BOOK.releasable() < UNIT, "all that the operator can lock is lost");
        require(BOOK.house() >= BUDGET, "what is kept for receipts is kept from the operator");
        uint40 start = uint40(block.timestamp) + 600;
        Kept memory dust = _placeDust(255, 2_560_000, start);
        _conclude(dust, _result(NAME, 5, 128, 0, 255, 0, start + 7_000), start);
        _leaveWithAll(ALICE, 1_000 * UNIT);
        _leaveWithAll(BOB, 5_000 * UNIT);
    }

    /// @dev Bets of one unit: `count` on Yes at 1.9999, and one on No.
    function _placeDust(uint24 count, uint32 oddsOfNo, uint40 startsAt)
        private
        returns (Kept memory)
    {
        uint40 base = uint40(block.timestamp);
        Leg[] memory yes = _one(_yesNo(0, 19_999, startsAt, "Proposition"));
        Leg[] memory no = _one(_yesNo(1, oddsOfNo, startsAt, "Proposition"));
        (,, uint24 used,,) = BOOK.accountAt(_account(MALLORY));
        bytes memory slips;
        for (uint24 i = 1; i <= count; ++i) {
            slips = abi.encodePacked(slips, _slip(MALLORY, used + i, 1, base, 0, yes));
        }
        slips = abi.encodePacked(slips, _slip(MALLORY, used + count + 1, 1, base, 0, no));
        bytes memory table = _table(base, NAME, startsAt, 13, 0);
        return _place(abi.encodePacked(table, uint16(count + 1), slips));
    }
}
