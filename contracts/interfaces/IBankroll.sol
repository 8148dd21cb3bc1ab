// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title IBankroll
/// @notice Shares of the house's money (ERC-4626). The sportsbook holds the assets.
///
/// Assets are in units of the token, shares have 6 decimals more. The sportsbook counts micro-units,
/// 10^-6 of a token. With more than 6 decimals, `deposit` and `withdraw` revert with
/// ISportsbook.AmountUneven for assets that are not whole micro-units. `mint` rounds its assets up
/// and `redeem` down to what can move, and all previews are what happens.
///
/// Anybody may settle any bet, so settled profit and loss depends on the order in which bets are
/// settled. Prices must not depend on it. So `deposit` and `mint` value the house at its maximum,
/// as if every open bet lost, and `withdraw` and `redeem` at its minimum, the worst outcome of
/// every market. With no open bets both prices are equal. `totalAssets` is the house's money by
/// settled profit and loss.
///
/// The commission is a performance fee above a high-water mark: a share of profit that no open bet
/// can take back, at most a fifth and fixed at deployment. It is owed in tokens, which belong to no
/// shareholder: no price includes it. Charged profit that is lost again is not returned, but has to
/// be made up before more is charged. While the house could come to have less than it owes,
/// `maxDeposit` is 0, as a deposit could only pay for that.
/// Warning: whoever deposits or withdraws while bets are open leaves the difference between the
/// prices to the other shareholders; if no shareholder is left, to nobody.
interface IBankroll is IERC4626 {
    /// @notice The new high-water mark, and the commission that is owed now, in micro-units: lower
    /// than before if the house has less left than was owed.
    event CommissionCharged(uint256 highWaterMark, uint256 owed);
    /// @notice In micro-units; `owed` is what is left to pay.
    event CommissionPaid(uint256 amount, uint256 owed);

    /// @notice So much of the house was lost, with so many shares left, that 256 bits would not
    /// hold the shares of a deposit. A new deployment is needed.
    error BankrollLost(uint256 supply, uint256 house);
    /// @notice At deployment: a rate above a fifth.
    error CommissionTooHigh(uint256 bps, uint256 most);
    /// @notice At deployment: a commission without a receiver, or for the token, the bankroll or the
    /// sportsbook.
    error CommissionToNobody();
    /// @notice The shares or assets of a deposit or withdrawal, and the bound that was asked for.
    error PriceMoved(uint256 got, uint256 bound);
    /// @notice Fewer tokens arrived at the sportsbook than were sent, in units of the token.
    error TokenTakesFee(uint256 sent, uint256 arrived);

    /// @notice As in ERC-4626, but reverts with PriceMoved rather than at a worse price
    /// (ERC-5143): bets that are placed or cashed out meanwhile change what the house's money is
    /// worth at the worst.
    function deposit(uint256 assets, address receiver, uint256 minShares)
        external
        returns (uint256 shares);
    function mint(uint256 shares, address receiver, uint256 maxAssets)
        external
        returns (uint256 assets);
    function withdraw(uint256 assets, address receiver, address owner, uint256 maxShares)
        external
        returns (uint256 shares);
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        external
        returns (uint256 assets);

    /// @notice Charge the commission on new profit, and pay COMMISSION_TO of what is owed as much as
    /// can be released now. Anyone may call it. Every deposit and withdrawal charges, but does not
    /// pay, so that a token that refuses the receiver stops nobody else.
    /// @return amount What was paid, in micro-units.
    function payCommission() external returns (uint256 amount);

    /// @notice Commission that is not paid, including on profit not yet charged, in micro-units.
    function commissionOwed() external view returns (uint256);
    /// @notice The highest profit on which commission was charged, in micro-units.
    function highWaterMark() external view returns (uint256);
    /// @notice Sum of all deposits minus all withdrawals and paid commission, in micro-units.
    function netDeposits() external view returns (int256);
    /// @notice Commission rate in hundredths of a percent of profit.
    function COMMISSION_BPS() external view returns (uint256);
    /// @notice Receiver of the commission.
    function COMMISSION_TO() external view returns (address);
}
