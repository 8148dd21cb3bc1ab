// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title IBankroll
/// @notice Shares of the house. The assets lie in the sportsbook; the share price moves with
/// settled profit and loss only, and what open bets lock cannot be withdrawn.
/// Warning: results become public before their bets are settled. Who deposits or withdraws in that
/// time trades at the price before settlement.
interface IBankroll is IERC4626 {
    error TokenTakesFee(uint256 sent, uint256 arrived);
}
