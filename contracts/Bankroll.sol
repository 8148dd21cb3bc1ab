// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IBankroll} from "./interfaces/IBankroll.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Scale} from "./libraries/Scales.sol";

/// @title Bankroll
/// @dev Assets and shares are in units of their tokens, the sportsbook's amounts in micro-units.
/// Prices are computed in grains: a grain is a unit of the token or a micro-unit, whichever is
/// less. What the sportsbook can take or pay is a multiple of the other.
contract Bankroll is IBankroll, ERC4626 {
    using SafeERC20 for IERC20;

    uint256 private constant MAX_COMMISSION_BPS = 2_000;
    uint256 private constant BPS = 10_000;

    ISportsbook public immutable SPORTSBOOK;
    Scale private immutable _SCALE;
    /// @inheritdoc IBankroll
    uint256 public immutable COMMISSION_BPS;
    /// @inheritdoc IBankroll
    address public immutable COMMISSION_TO;

    /// @inheritdoc IBankroll
    int256 public netDeposits;
    /// @inheritdoc IBankroll
    uint256 public highWaterMark;
    /// @dev What was charged and is not paid yet, in micro-units.
    uint256 private unpaid_;

    constructor(
        IERC20 token,
        Scale scale,
        ISportsbook sportsbook,
        uint256 commissionBps,
        address commissionTo
    ) ERC20("Fairline Bankroll", "fBANK") ERC4626(token) {
        if (commissionBps > MAX_COMMISSION_BPS) {
            revert CommissionTooHigh(commissionBps, MAX_COMMISSION_BPS);
        }
        bool isNobody = commissionTo == address(0) || commissionTo == address(token)
            || commissionTo == address(this) || commissionTo == address(sportsbook);
        if (commissionBps != 0 && isNobody) revert CommissionToNobody();
        SPORTSBOOK = sportsbook;
        _SCALE = scale;
        COMMISSION_BPS = commissionBps;
        COMMISSION_TO = commissionTo;
        token.forceApprove(address(sportsbook), type(uint256).max);
    }

    // -- With a bound on the price (ERC-5143)

    /// @inheritdoc IBankroll
    function deposit(uint256 assets, address receiver, uint256 minShares)
        external
        returns (uint256 shares)
    {
        shares = deposit(assets, receiver);
        if (shares < minShares) revert PriceMoved(shares, minShares);
    }

    /// @inheritdoc IBankroll
    function mint(uint256 shares, address receiver, uint256 maxAssets)
        external
        returns (uint256 assets)
    {
        assets = mint(shares, receiver);
        if (assets > maxAssets) revert PriceMoved(assets, maxAssets);
    }

    /// @inheritdoc IBankroll
    function withdraw(uint256 assets, address receiver, address owner, uint256 maxShares)
        external
        returns (uint256 shares)
    {
        shares = withdraw(assets, receiver, owner);
        if (shares > maxShares) revert PriceMoved(shares, maxShares);
    }

    /// @inheritdoc IBankroll
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        external
        returns (uint256 assets)
    {
        assets = redeem(shares, receiver, owner);
        if (assets < minAssets) revert PriceMoved(assets, minAssets);
    }

    // -- Commission

    /// @inheritdoc IBankroll
    function payCommission() external returns (uint256 amount) {
        uint256 owed = _charge();
        amount = _SCALE.wholeDown(Math.min(owed, SPORTSBOOK.releasable()));
        if (amount == 0) return 0;
        // Effect
        unpaid_ = owed - amount;
        netDeposits -= int256(amount);
        emit CommissionPaid(amount, owed - amount);
        // Interaction
        SPORTSBOOK.release(COMMISSION_TO, SafeCast.toUint64(amount));
    }

    /// @inheritdoc IBankroll
    function commissionOwed() external view returns (uint256 owed) {
        (, owed) = _commission(SPORTSBOOK.houseFree());
    }

    // -- Prices: deposits value the house at its maximum, withdrawals at its minimum

    /// @inheritdoc IERC4626
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _SCALE.toUnitsDown(_withoutCommission(SPORTSBOOK.house()));
    }

    /// @inheritdoc IERC4626
    function previewDeposit(uint256 assets)
        public
        view
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        _toMicro(assets);
        return _sharesFor(assets, _maxHouse(), Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        return _assetsFor(shares, _maxHouse(), Math.Rounding.Ceil);
    }

    /// @inheritdoc IERC4626
    function previewWithdraw(uint256 assets)
        public
        view
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        _toMicro(assets);
        return _sharesFor(assets, _minHouse(), Math.Rounding.Ceil);
    }

    /// @inheritdoc IERC4626
    function previewRedeem(uint256 shares)
        public
        view
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        return _assetsFor(shares, _minHouse(), Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 held = _SCALE.toMicroDown(IERC20(asset()).balanceOf(address(SPORTSBOOK)));
        if (held >= Accounts.MAX_BALANCE) return 0;
        // At the worst the house has less than it owes, and a deposit would pay for that.
        uint256 free = SPORTSBOOK.houseFree();
        (, uint256 owed) = _commission(free);
        if (free < owed) return 0;
        uint256 most = _SCALE.toUnitsDown(Accounts.MAX_BALANCE - held);
        most = Math.min(most, _mostGrains(_maxHouse()) / _SCALE.microPerUnit());
        return _SCALE.toUnitsDown(_SCALE.toMicroDown(most));
    }

    /// @inheritdoc IERC4626
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return _sharesFor(maxDeposit(receiver), _maxHouse(), Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 most = _SCALE.toUnitsDown(_withdrawable());
        return Math.min(previewRedeem(balanceOf(owner)), most);
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 payable_ = _withdrawable() / _SCALE.microPerUnit();
        // Shares for which nothing could be paid would be given away.
        if (payable_ == 0) return 0;
        uint256 most = Math.mulDiv(
            (payable_ + 1) * _grainsMoved(), _supply(), _grains(_minHouse()), Math.Rounding.Ceil
        );
        // The most shares that are paid no more than what can be released.
        return Math.min(balanceOf(owner), most - 1);
    }

    // -- Internal

    /// @dev Charge the commission on new profit, if there is any, and strike off what is lost.
    function _charge() private returns (uint256 owed) {
        uint256 mark;
        (mark, owed) = _commission(SPORTSBOOK.houseFree());
        if (mark == highWaterMark && owed == unpaid_) return owed;
        highWaterMark = mark;
        unpaid_ = owed;
        emit CommissionCharged(mark, owed);
    }

    /// @dev Settling, in any order, only adds to what no open bet can take back, so no order of it
    /// changes the sum. What providers bring or take changes `houseFree` and `netDeposits` alike.
    /// @param house What the house has, in micro-units: `houseFree`, or what it can become.
    /// @return mark `highWaterMark` with the profit that is not charged yet.
    /// @return owed Commission with that on this profit, in micro-units.
    function _commission(uint256 house) private view returns (uint256 mark, uint256 owed) {
        mark = highWaterMark;
        owed = unpaid_;
        if (COMMISSION_BPS == 0) return (mark, owed);
        int256 profit = int256(house) - netDeposits;
        if (profit > int256(mark)) {
            owed += uint256(profit) * COMMISSION_BPS / BPS - mark * COMMISSION_BPS / BPS;
            mark = uint256(profit);
        }
        // What the house lost for good is owed no more: the next deposit must not pay for it.
        owed = Math.min(owed, _pool());
    }

    /// @dev What shareholders have of it.
    function _withoutCommission(uint256 house) private view returns (uint256) {
        (, uint256 owed) = _commission(house);
        return Math.saturatingSub(house, owed);
    }

    /// @dev Supply with virtual shares.
    function _supply() private view returns (uint256) {
        return totalSupply() + 10 ** _decimalsOffset();
    }

    /// @dev What the shareholders have if every open bet loses, in micro-units.
    function _maxHouse() private view returns (uint256) {
        return _withoutCommission(_pool());
    }

    /// @dev What the shareholders have at the worst outcome of every market, in micro-units.
    function _minHouse() private view returns (uint256) {
        return _withoutCommission(SPORTSBOOK.houseFree());
    }

    /// @dev What shareholders can take now, in micro-units: the commission stays where it can be
    /// paid.
    function _withdrawable() private view returns (uint256) {
        (, uint256 owed) = _commission(SPORTSBOOK.houseFree());
        return Math.saturatingSub(SPORTSBOOK.releasable(), owed);
    }

    /// @dev The house's money with the stakes of open bets, in micro-units.
    function _pool() private view returns (uint256 pool) {
        (pool,,,,) = SPORTSBOOK.book();
    }

    function _sharesFor(uint256 assets, uint256 house, Math.Rounding rounding)
        private
        view
        returns (uint256)
    {
        uint256 grains = assets * _SCALE.microPerUnit();
        if (grains > _mostGrains(house)) revert BankrollLost(_supply(), house);
        return Math.mulDiv(grains, _supply(), _grains(house), rounding);
    }

    /// @dev Grains for which there are shares, so that 256 bits hold the supply with them, and what
    /// `_assetsFor` makes of it. A house that was lost leaves shares that are worth nothing, and
    /// the next deposit buys so many more.
    function _mostGrains(uint256 house) private view returns (uint256) {
        uint256 supply = _supply();
        uint256 left = Math.saturatingSub(type(uint256).max / _grainsMoved(), supply);
        return Math.saturatingSub(left / (supply / _grains(house) + 1), 1);
    }

    /// @dev Rounded to what the sportsbook can take or pay.
    function _assetsFor(uint256 shares, uint256 house, Math.Rounding rounding)
        private
        view
        returns (uint256)
    {
        uint256 moved = Math.mulDiv(shares, _grains(house), _supply() * _grainsMoved(), rounding);
        return moved * _SCALE.unitsPerMicro();
    }

    /// @dev Grains of an amount of micro-units, with a virtual unit of the token.
    function _grains(uint256 micro) private view returns (uint256) {
        return micro * _SCALE.unitsPerMicro() + _SCALE.microPerUnit();
    }

    /// @dev Grains in the smallest amount that can move: one factor is 1.
    function _grainsMoved() private view returns (uint256) {
        return _SCALE.unitsPerMicro() * _SCALE.microPerUnit();
    }

    /// @dev Micro-units of assets. Reverts with AmountUneven if they are not whole.
    function _toMicro(uint256 assets) private view returns (uint256) {
        uint256 least = _SCALE.unitsPerMicro();
        if (assets % least != 0) revert ISportsbook.AmountUneven(assets, least);
        return _SCALE.toMicroDown(assets);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares)
        internal
        override
    {
        _charge();
        IERC20 token = IERC20(asset());
        uint256 held = token.balanceOf(address(SPORTSBOOK));
        token.safeTransferFrom(caller, address(this), assets);
        uint256 micro = _toMicro(assets);
        SPORTSBOOK.fund(SafeCast.toUint64(micro));
        uint256 arrived = Math.saturatingSub(token.balanceOf(address(SPORTSBOOK)), held);
        if (arrived != assets) revert TokenTakesFee(assets, arrived);
        netDeposits += int256(micro);
        _mint(receiver, shares);
        emit Deposit(caller, receiver, assets, shares);
    }

    function _withdraw(
        address caller,
        address receiver,
        address owner,
        uint256 assets,
        uint256 shares
    ) internal override {
        _charge();
        if (caller != owner) _spendAllowance(owner, caller, shares);
        _burn(owner, shares);
        uint256 micro = _toMicro(assets);
        netDeposits -= int256(micro);
        SPORTSBOOK.release(receiver, SafeCast.toUint64(micro));
        emit Withdraw(caller, receiver, owner, assets, shares);
    }

    /// @dev Virtual shares against inflation of the first share's price.
    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }
}
