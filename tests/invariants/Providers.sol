// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBankroll} from "../../contracts/interfaces/IBankroll.sol";
import {Replacing} from "./Replacing.sol";
import {vm} from "./Vm.sol";

/// @title Providers
/// @notice Liquidity providers who come and go, the operator's commission, and what everybody's shares
/// must be worth.
abstract contract Providers is Replacing {
    uint256 internal constant PROVIDERS = 3;
    uint256 private constant PROVIDER_KEY = 0xF0;
    uint256 private constant RATE_BPS = 1_000;
    address private constant RECEIVER = address(0xFEE);

    /// @dev The provider who takes money out, plus 1; or PROVIDERS + 1 when commission is paid.
    uint256 private leaver_;
    /// @dev Of all providers together.
    uint256 private deposited_;
    uint256 private withdrawn_;
    uint256 private commissionPaid_;
    /// @dev The highest profit that no open bet could take back, when anybody could have charged it.
    uint256 private highestProfit_;

    /// @dev Neither what is free nor anybody's price of leaving falls, but by rounding.
    modifier calm() {
        uint256 free = BOOK.houseFree();
        uint256[PROVIDERS] memory prices = _prices();
        _;
        _checkPrices(free, prices);
    }

    constructor() {
        for (uint256 i; i < PROVIDERS; ++i) {
            address who = _provider(i);
            TOKEN.mint(who, 1e15);
            vm.prank(who);
            TOKEN.approve(address(BANK), type(uint256).max);
        }
    }

    function _commission() internal pure override returns (uint256, address) {
        return (RATE_BPS, RECEIVER);
    }

    function _provider(uint256 i) private pure returns (address) {
        return vm.addr(PROVIDER_KEY + i);
    }

    // -- Coming and going

    /// @notice Deposits or mints, at a bound that is met, one that is not, or none.
    function provide(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        address who = _provider((seed >> 8) % PROVIDERS);
        uint256 assets = 1 + (seed >> 64) % ((seed >> 16) % 4 == 0 ? 5 : 1_500 * UNIT);
        uint256 free = BOOK.houseFree();
        bool isMint = seed % 2 == 0;
        uint256 shares = BANK.previewDeposit(assets);
        if (isMint) assets = BANK.previewMint(shares);
        if ((seed >> 24) % 4 == 0 && BANK.maxDeposit(who) != 0) {
            _checkBoundsOfEntry(who, assets, shares, isMint);
        }
        _observeProfit();
        if (_isRefused(who, assets)) return;
        vm.prank(who);
        if (isMint) {
            require(BANK.mint(shares, who) == assets, "minted at another price");
            _done("minted");
        } else {
            require(BANK.deposit(assets, who) == shares, "deposited at another price");
            _done("provided");
        }
        pool += assets;
        deposited_ += assets;
        require(BOOK.houseFree() == free + assets, "a deposit is not free money");
    }

    /// @dev No deposit is taken that could only pay commission.
    function _isRefused(address who, uint256 assets) private returns (bool) {
        uint256 most = BANK.maxDeposit(who);
        require(
            (most == 0) == (BOOK.houseFree() < BANK.commissionOwed()), "deposits refused otherwise"
        );
        if (most != 0) return false;
        vm.prank(who);
        (bool isDone,) =
            address(BANK).call(abi.encodeWithSignature("deposit(uint256,address)", assets, who));
        require(!isDone, "a deposit paid for what the house could lose");
        return true;
    }

    /// @dev So that batches can lock as much.
    function _provideMore(uint256 assets) internal {
        if (BOOK.releasable() >= assets) return;
        assets += BOOK.limits().receiptReserve;
        address who = _provider(0);
        if (BANK.maxDeposit(who) == 0) return;
        _observeProfit();
        vm.prank(who);
        BANK.deposit(assets, who);
        pool += assets;
        deposited_ += assets;
    }

    /// @dev What is worse than the bound reverts.
    function _checkBoundsOfEntry(address who, uint256 assets, uint256 shares, bool isMint) private {
        if (isMint && assets == 0) return;
        vm.prank(who);
        (bool isDone, bytes memory why) = address(BANK)
            .call(
                isMint
                    ? abi.encodeWithSignature(
                        "mint(uint256,address,uint256)", shares, who, assets - 1
                    )
                    : abi.encodeWithSignature(
                        "deposit(uint256,address,uint256)", assets, who, shares + 1
                    )
            );
        require(!isDone && bytes4(why) == IBankroll.PriceMoved.selector, "a bound did not bind");
        _done("bound of a deposit");
    }

    /// @notice Withdraws or redeems a part of what can be taken out, or one unit too much.
    function leave(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 i = (seed >> 8) % PROVIDERS;
        address who = _provider(i);
        leaver_ = i + 1;
        uint256 most = BANK.maxWithdraw(who);
        if ((seed >> 24) % 4 == 0) _checkMost(who, most);
        uint256 share = 1 + (seed >> 64) % 256;
        uint256 part = (seed >> 32) % 4 == 0 ? 256 : 2_048;
        uint256 assets = most * share / part;
        uint256 shares = BANK.previewWithdraw(assets);
        bool isRedeemed = seed % 2 == 0;
        if (isRedeemed) {
            shares = BANK.maxRedeem(who) * share / part;
            assets = BANK.previewRedeem(shares);
        }
        if (assets == 0) return;
        uint256 free = BOOK.houseFree();
        uint256 held = TOKEN.balanceOf(who);
        _observeProfit();
        // At a bound that is just met.
        vm.prank(who);
        if (isRedeemed) {
            require(BANK.redeem(shares, who, who, assets) == assets, "redeemed at another price");
            _done("redeemed");
        } else {
            require(BANK.withdraw(assets, who, who, shares) == shares, "withdrawn at another price");
            _done("taken out");
        }
        pool -= assets;
        withdrawn_ += assets;
        require(TOKEN.balanceOf(who) == held + assets, "a provider was paid another amount");
        require(BOOK.houseFree() == free - assets, "a withdrawal took more than free money");
        require(BOOK.houseFree() >= BOOK.limits().receiptReserve, "a provider took the reserve");
    }

    function _checkMost(address who, uint256 most) private {
        vm.prank(who);
        (bool isDone,) = address(BANK)
            .call(abi.encodeWithSignature("withdraw(uint256,address,address)", most + 1, who, who));
        require(!isDone, "more was taken out than can be");
        uint256 shares = BANK.maxRedeem(who);
        if (shares == 0) return;
        uint256 assets = BANK.previewRedeem(shares);
        vm.prank(who);
        (isDone,) = address(BANK)
            .call(
                abi.encodeWithSignature(
                    "redeem(uint256,address,address,uint256)", shares, who, who, assets + 1
                )
            );
        require(!isDone, "a bound did not bind");
        _done("bound of a withdrawal");
    }

    /// @dev All that providers may take out.
    function _takeAllOut() internal {
        for (uint256 i; i < PROVIDERS; ++i) {
            address who = _provider(i);
            uint256 most = BANK.maxWithdraw(who);
            if (most == 0) continue;
            _observeProfit();
            vm.prank(who);
            BANK.withdraw(most, who, who);
            pool -= most;
            withdrawn_ += most;
        }
    }

    /// @dev Once all bets have ended and no reserve is kept, everybody gets out. Shares are left only if
    /// they are worth nothing, because the house lost all it had.
    function _leaveAll() internal {
        if (asked % 2 == 0) _payCommission();
        for (uint256 i; i < PROVIDERS; ++i) {
            address who = _provider(i);
            uint256 shares = BANK.balanceOf(who);
            if (BANK.previewRedeem(shares) == 0) continue;
            require(BANK.maxRedeem(who) == shares, "a provider could not go with everything");
            _observeProfit();
            vm.prank(who);
            uint256 assets = BANK.redeem(shares, who, who);
            pool -= assets;
            withdrawn_ += assets;
            require(BANK.balanceOf(who) == 0, "shares were left");
        }
        _payCommission();
        require(BANK.commissionOwed() == 0, "commission could not be paid");
    }

    // -- Commission

    /// @notice Anybody has the commission charged, and paid as far as it can be.
    function payCommission(uint256) external counted calm {
        leaver_ = PROVIDERS + 1;
        _payCommission();
    }

    function _payCommission() private {
        _observeProfit();
        uint256 owed = BANK.commissionOwed();
        uint256 free = BOOK.houseFree();
        uint256 releasable = BOOK.releasable();
        uint256 held = TOKEN.balanceOf(RECEIVER);
        uint256 paid = BANK.payCommission();
        require(paid == (owed < releasable ? owed : releasable), "another commission was paid");
        require(TOKEN.balanceOf(RECEIVER) == held + paid, "the receiver got another commission");
        require(BANK.commissionOwed() == owed - paid, "a payment changed what is owed");
        require(BOOK.houseFree() == free - paid, "a payment took more than free money");
        pool -= paid;
        commissionPaid_ += paid;
        if (paid != 0) _done("commission paid");
        _checkCommission();
    }

    /// @dev Profit by what providers brought and took, counted here.
    function _observeProfit() private {
        uint256 gained = BOOK.houseFree() + withdrawn_ + commissionPaid_;
        uint256 profit = gained > deposited_ ? gained - deposited_ : 0;
        if (profit > highestProfit_) highestProfit_ = profit;
    }

    /// @dev Never more than its rate of the highest profit, and no profit is charged twice.
    function _checkCommission() private view {
        require(BANK.highWaterMark() <= highestProfit_, "profit was charged that there never was");
        require(
            commissionPaid_ + BANK.commissionOwed() <= BANK.highWaterMark() * RATE_BPS / 10_000,
            "more commission than its rate"
        );
    }

    // -- Prices

    function _prices() private view returns (uint256[PROVIDERS] memory prices) {
        for (uint256 i; i < PROVIDERS; ++i) {
            prices[i] = BANK.previewRedeem(BANK.balanceOf(_provider(i)));
        }
    }

    function _checkPrices(uint256 freeBefore, uint256[PROVIDERS] memory before) private {
        uint256[PROVIDERS] memory prices = _prices();
        uint256 free = BOOK.houseFree();
        require(leaver_ != 0 || free >= freeBefore, "free money fell");
        // A unit for each amount that is rounded down, and what a share is worth.
        uint256 rounding = 2 + 2 * (free + 1) / (BANK.totalSupply() + 1e6);
        for (uint256 i; i < PROVIDERS; ++i) {
            if (leaver_ == i + 1) continue;
            require(prices[i] + rounding >= before[i], "a provider's shares lost worth");
        }
        leaver_ = 0;
    }
}
