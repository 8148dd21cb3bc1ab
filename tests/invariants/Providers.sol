// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBankroll} from "../../contracts/interfaces/IBankroll.sol";
import {Replacing} from "./Replacing.sol";
import {vm} from "./Vm.sol";

/// @title Providers
/// @notice Liquidity providers who come and go, and what everybody's shares must be worth.
abstract contract Providers is Replacing {
    /// @dev The last one is the receiver of the commission, who only leaves.
    uint256 internal constant PROVIDERS = 4;
    uint256 private constant PROVIDER_KEY = 0xF0;

    /// @dev The provider who takes money out, plus 1.
    uint256 private leaver_;

    /// @dev Neither what is free nor anybody's price of leaving falls, but by rounding.
    modifier calm() {
        uint256 free = BOOK.houseFree();
        uint256[PROVIDERS] memory prices = _prices();
        _;
        _checkPrices(free, prices);
    }

    constructor() {
        for (uint256 i; i + 1 < PROVIDERS; ++i) {
            address who = _provider(i);
            TOKEN.mint(who, 1e15);
            vm.prank(who);
            TOKEN.approve(address(BANK), type(uint256).max);
        }
    }

    function _commission() internal pure override returns (uint256, address) {
        return (1_000, _provider(PROVIDERS - 1));
    }

    function _provider(uint256 i) private pure returns (address) {
        return vm.addr(PROVIDER_KEY + i);
    }

    // -- Coming and going

    /// @notice Deposits or mints, at a bound that is met, one that is not, or none.
    function provide(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        address who = _provider((seed >> 8) % (PROVIDERS - 1));
        uint256 assets = 1 + (seed >> 64) % ((seed >> 16) % 4 == 0 ? 5 : 1_500 * UNIT);
        uint256 free = BOOK.houseFree();
        bool isMint = seed % 2 == 0;
        uint256 shares = BANK.previewDeposit(assets);
        if (isMint) assets = BANK.previewMint(shares);
        if ((seed >> 24) % 4 == 0) _checkBoundsOfEntry(who, assets, shares, isMint);
        vm.prank(who);
        if (isMint) {
            require(BANK.mint(shares, who) == assets, "minted at another price");
            _done("minted");
        } else {
            require(BANK.deposit(assets, who) == shares, "deposited at another price");
            _done("provided");
        }
        pool += assets;
        require(BOOK.houseFree() == free + assets, "a deposit is not free money");
    }

    /// @dev So that batches can lock as much.
    function _provideMore(uint256 assets) internal {
        if (BOOK.releasable() >= assets) return;
        assets += BOOK.limits().receiptReserve;
        address who = _provider(0);
        vm.prank(who);
        BANK.deposit(assets, who);
        pool += assets;
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
        BANK.takeCommission();
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
        BANK.takeCommission();
        for (uint256 i; i < PROVIDERS; ++i) {
            address who = _provider(i);
            uint256 most = BANK.maxWithdraw(who);
            if (most == 0) continue;
            vm.prank(who);
            BANK.withdraw(most, who, who);
            pool -= most;
        }
    }

    /// @dev Once all bets have ended and no reserve is kept, everybody gets out, and all shares are
    /// gone.
    function _leaveAll() internal {
        BANK.takeCommission();
        for (uint256 i; i < PROVIDERS; ++i) {
            address who = _provider(i);
            uint256 shares = BANK.balanceOf(who);
            require(BANK.maxRedeem(who) == shares, "a provider could not go with everything");
            vm.prank(who);
            pool -= BANK.redeem(shares, who, who);
        }
        require(BANK.totalSupply() == 0, "shares without an owner");
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
