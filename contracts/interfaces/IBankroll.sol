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
/// Warning: who comes or goes while bets are open leaves the difference to those who stay; if nobody
/// stays, to nobody.
interface IBankroll is IERC4626 {
    error TokenTakesFee(uint256 sent, uint256 arrived);
}
