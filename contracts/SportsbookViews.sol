// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {ISportsbookViews} from "./interfaces/ISportsbookViews.sol";
import {Account} from "./libraries/Accounts.sol";
import {Batch} from "./libraries/Batches.sol";
import {Fixture} from "./libraries/Fixtures.sol";
import {Key} from "./libraries/Keys.sol";
import {Book, Caps, LedgerStorage, Restriction} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";

/// @title SportsbookViews
/// @notice What anybody can read of the sportsbook's ledger: accounts, keys, results, limits, batches
/// and the book.
abstract contract SportsbookViews is LedgerStorage, ISportsbook {
    /// @inheritdoc ISportsbookViews
    function accountOf(address owner) external view returns (uint32) {
        return ledger_.accountOf[owner];
    }

    /// @inheritdoc ISportsbookViews
    function accountCount() external view returns (uint32) {
        return ledger_.accountCount;
    }

    /// @inheritdoc ISportsbookViews
    function guardian() external view returns (address) {
        return ledger_.guardian;
    }

    /// @inheritdoc ISportsbookViews
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint8 sequence)
    {
        Account held = ledger_.accounts[account];
        return (
            held.owner(),
            uint64(held.balance()),
            uint24(held.nonce()),
            uint8(held.window()),
            uint8(held.sequence())
        );
    }

    /// @inheritdoc ISportsbookViews
    function exitOf(uint32 account) external view returns (uint64, uint40) {
        return (ledger_.exits[account].amount, ledger_.exits[account].unlocksAt);
    }

    /// @inheritdoc ISportsbookViews
    function requestsOf(uint32 account) external view returns (uint40) {
        return ledger_.exits[account].requests;
    }

    /// @inheritdoc ISportsbookViews
    function restrictionOf(uint32 account) external view returns (Restriction memory) {
        return ledger_.restrictions[account];
    }

    /// @inheritdoc ISportsbookViews
    function isUsable(uint32 account, uint24 nonce) external view returns (bool) {
        Account held = ledger_.accounts[account];
        return !held.isUsed(nonce) && !held.isTooFar(nonce);
    }

    /// @inheritdoc ISportsbook
    function keyOf(address key)
        external
        view
        returns (Role role, uint40 from, uint40 until, uint64 budget, uint64 left)
    {
        Key held = ledger_.keys[key];
        return (
            Role(held.role()),
            uint40(held.from()),
            uint40(held.until()),
            uint64(held.budget()),
            uint64(held.left())
        );
    }

    /// @inheritdoc ISportsbookViews
    function resultOf(bytes16 fixture) external view returns (FixtureResult memory) {
        Fixture held = ledger_.fixtures[uint128(fixture)];
        return FixtureResult(
            uint8(held.status()),
            uint8(held.homeHalf()),
            uint8(held.awayHalf()),
            uint8(held.homeFull()),
            uint8(held.awayFull()),
            uint40(held.settledAt()),
            uint40(held.publishedAt()),
            uint40(held.finalAt()),
            uint24(held.term())
        );
    }

    /// @inheritdoc ISportsbookViews
    function lockedOf(bytes16 fixture) external view returns (uint64) {
        return uint64(ledger_.fixtures[uint128(fixture)].locked());
    }

    /// @inheritdoc ISportsbook
    function limits() external view returns (Limits memory) {
        Caps memory caps = ledger_.caps;
        return Limits(caps.market, caps.fixture, caps.accumulators, caps.reserve);
    }

    /// @inheritdoc ISportsbookViews
    function placingPaused() external view returns (bool) {
        return ledger_.caps.paused;
    }

    /// @inheritdoc ISportsbookViews
    function batches(uint256 batch) external view returns (bytes32) {
        return bytes32(Batch.unwrap(ledger_.batches[batch].placed()));
    }

    /// @inheritdoc ISportsbookViews
    function settledBits(uint256 batch) external view returns (uint256) {
        return ledger_.batches[batch].isTouched() ? ledger_.settledBits[batch] : 0;
    }

    /// @inheritdoc ISportsbookViews
    function book() external view returns (uint64, uint64, uint64, uint64, uint32) {
        Book memory held = ledger_.book;
        return (held.pool, held.owed, held.locked, held.accumulators, held.batchCount);
    }

    /// @inheritdoc ISportsbookViews
    function house() external view returns (uint64) {
        return ledger_.book.pool - ledger_.book.owed;
    }

    /// @inheritdoc ISportsbookViews
    function houseFree() public view returns (uint64) {
        Book memory held = ledger_.book;
        return held.pool - held.owed - held.locked;
    }

    /// @inheritdoc ISportsbookViews
    function releasable() public view returns (uint64) {
        uint64 free = houseFree();
        uint64 reserve = ledger_.caps.reserve;
        return free > reserve ? free - reserve : 0;
    }

    /// @inheritdoc ISportsbookViews
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes)
    {
        uint256 exposure = ledger_.exposures[market];
        for (uint256 i; i < payouts.length; ++i) {
            payouts[i] = uint64(Markets.payouts(exposure, i));
        }
        return (payouts, uint64(Markets.stakes(exposure)));
    }
}
