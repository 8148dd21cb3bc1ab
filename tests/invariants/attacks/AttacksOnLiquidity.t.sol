// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksOnLiquidity
/// @notice Attacks on who provides the house's money, by the order of settling, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksOnLiquidity is Attacked {
    function test_F4_order_of_settling_moves_no_price() external {
        address victim = vm.addr(0x71C);
        TOKEN.mint(victim, BANKROLL);
        vm.prank(victim);
        TOKEN.approve(address(BANK), BANKROLL);
        vm.prank(victim);
        BANK.deposit(BANKROLL, victim);
        uint40 startsAt = T0 + 3_600;
        Leg[] memory winner = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        Leg[] memory loser = _one(_matchResult(NAME, startsAt, 2, 40_000, false));
        bytes memory slips = abi.encodePacked(
            _slip(ALICE, 1, uint64(1_000 * UNIT), T0, 0, winner),
            _slip(BOB, 1, uint64(1_000 * UNIT), T0, 0, loser)
        );
        Kept memory kept =
            _place(abi.encodePacked(_table(T0, NAME, startsAt, 1, 0), uint16(2), slips));
        require(kept.records.length == 2, "placed");
        vm.warp(startsAt + 7_200);
        _publish(_result(NAME, 1, 1, 0, 1, 0, startsAt + 7_000), 1);
        vm.warp(block.timestamp + DISPUTE_WINDOW);
        uint256 shares = BANK.balanceOf(victim);
        uint256 seen = BANK.previewRedeem(shares);
        _settle(kept, 0, 1);
        require(BANK.previewRedeem(shares) >= seen, "the price fell by settling the winner");
        vm.prank(victim);
        require(BANK.redeem(shares, victim, victim, seen) >= seen, "paid less than seen");
        uint256 stays = BANK.previewRedeem(BANK.balanceOf(address(this)));
        _settle(kept, 1, 1);
        uint256 after_ = BANK.previewRedeem(BANK.balanceOf(address(this)));
        require(after_ >= stays && after_ <= stays + 1, "the loser's stake was counted before");
    }
}
