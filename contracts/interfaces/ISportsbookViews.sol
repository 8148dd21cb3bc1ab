// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Restriction} from "../libraries/Ledger.sol";
import {Scale} from "../libraries/Scales.sol";

/// @title ISportsbookViews
/// @notice What anybody can read of the sportsbook. Amounts are micro-units, times unix seconds.
interface ISportsbookViews {
    /// @notice A fixture's result as stored; `status` is 0 if there is none. IResults explains the
    /// fields. `term` is that of the council that decides the fixture: the one that stood when a
    /// batch first listed it; 0 if none has, and it has no result.
    struct FixtureResult {
        uint8 status;
        uint8 homeHalf;
        uint8 awayHalf;
        uint8 homeFull;
        uint8 awayFull;
        uint40 settledAt;
        uint40 publishedAt;
        uint40 finalAt;
        uint24 term;
    }

    /// @notice Number of the owner's account; 0 if there is none.
    function accountOf(address owner) external view returns (uint32);
    function accountCount() external view returns (uint32);
    function guardian() external view returns (address);
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint8 sequence);
    function exitOf(uint32 account) external view returns (uint64 amount, uint40 unlocksAt);
    /// @notice How many requests of the account were relayed, which is the number of the next.
    function requestsOf(uint32 account) external view returns (uint40);
    /// @notice The account's last exclusion and cancellation, over or not.
    function restrictionOf(uint32 account) external view returns (Restriction memory);
    function resultOf(bytes16 fixture) external view returns (FixtureResult memory);
    /// @notice What the fixture's markets lock for single bets, as the fixture's cap counts it.
    /// Settling does not lower it.
    function lockedOf(bytes16 fixture) external view returns (uint64);
    function placingPaused() external view returns (bool);
    /// @notice Whether the nonce is within the account's window and not used. A cancellation can
    /// rule it out all the same, see restrictionOf.
    function isUsable(uint32 account, uint24 nonce) external view returns (bool);
    /// @notice The house's money and open stakes (`pool`); what open bets are owed: their stakes,
    /// or what they pay once their market is decided and the first bet on it is settled; what open
    /// bets could cost above that (`locked`), and the part of it that accumulators lock; batches
    /// placed.
    function book()
        external
        view
        returns (uint64 pool, uint64 owed, uint64 locked, uint64 accumulators, uint32 batchCount);
    /// @notice The house's money: what the bankroll has funded, and profit and loss of decided
    /// bets.
    function house() external view returns (uint64);
    /// @notice What open bets cannot cost of the house's money.
    function houseFree() external view returns (uint64);
    /// @notice What liquidity providers can withdraw now: `houseFree`, less what stays free for
    /// receipts.
    function releasable() external view returns (uint64);
    /// @notice What the open single bets on a market could be paid on outcomes 0 to 2, and their
    /// stakes.
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes);
    /// @notice Commitment to the bets of a batch; 0 if all are settled, or the batch is empty or
    /// unknown.
    function batches(uint256 batch) external view returns (bytes32 commitment);
    /// @notice Bit i is set if bet i of the batch is settled; 0 once all are.
    function settledBits(uint256 batch) external view returns (uint256);

    /// @notice The contracts whose code this one runs by delegatecall, see Code.
    function SETTLING() external view returns (address);
    function SELF_SERVICE() external view returns (address);
    function ADMINISTRATION() external view returns (address);
    function TOKEN() external view returns (IERC20);
    /// @notice How the token is counted: units of the token per micro-unit in the lower 128 bits,
    /// micro-units per unit of the token in the upper ones; one of them is 1.
    function SCALE() external view returns (Scale);
    /// @notice The contract that owns the house's money.
    function BANKROLL() external view returns (address);
    /// @notice The contract whose results decide bets.
    function RESULTS() external view returns (address);
    /// @notice Seconds after a market's start within which a result must be published; then bets
    /// are void.
    function VOID_AFTER() external view returns (uint40);
}
