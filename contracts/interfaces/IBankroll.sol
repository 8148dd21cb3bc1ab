// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title IBankroll
/// @notice Shares of the house. The assets lie in the sportsbook.
///
/// Bets settle one by one and by anybody, so what the house has settled so far depends on whose bets
/// came first. No price may hang on that: `deposit` and `mint` take the house at its most (every open
/// bet loses), `withdraw` and `redeem` at its least (the worst outcome of every market), and both are
/// the same when no bet is open. What settled profit and loss left is `totalAssets`.
///
/// The operator may have a commission on what the house wins: at most a fifth, fixed for the life of
/// the contract, and only of profit that no open bet can take back and that was never reached before.
/// Warning: who comes or goes while bets are open leaves the difference to those who stay; if nobody
/// stays, to nobody.
interface IBankroll is IERC4626 {
    event CommissionTaken(uint256 profit, uint256 commission, uint256 shares);

    error CommissionTooHigh(uint256 bps, uint256 most);
    error CommissionToNobody();
    error TokenTakesFee(uint256 sent, uint256 arrived);

    /// @notice Mint the operator's commission on new profit as shares; none when there is none.
    /// Anyone may send it.
    function takeCommission() external returns (uint256 shares);

    /// @notice Deposits less withdrawals since the beginning, in micro-units.
    function netDeposits() external view returns (int256);
    /// @notice The highest certain profit that a commission was taken of.
    function profitTaken() external view returns (int256);
    /// @notice Hundredths of a percent of profit.
    function COMMISSION_BPS() external view returns (uint256);
    function COMMISSION_TO() external view returns (address);
}
