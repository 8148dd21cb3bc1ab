// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Account} from "./Accounts.sol";
import {ACCOUNTS} from "./Ledger.sol";
import {
    FATE_WON_FLAG,
    SETTLING_MARKET_SIZE,
    SETTLING_MARKET_FATES,
    SETTLING_MARKET_RELEASED
} from "./SettlingMarkets.sol";
import {
    PAYOUT_SIZE,
    SETTLING_BET_INDEX,
    SETTLING_MARKETS,
    SETTLING_MARKET_COUNT,
    SETTLING_PAID_OUT,
    SETTLING_PAYOUT_AT,
    SETTLING_RECORDS_END,
    SETTLING_RECORD_AT,
    SETTLING_SETTLED_NOW,
    SettlingState
} from "./SettlingState.sol";

/// @title SettlingFastPath
/// @notice Settles plain bets, as `Settling` would: bets of one leg whose outcome is won or lost
/// by all bets on it. Most bets are plain. Stops at the first bet that is not, and leaves it to
/// the slow path. Only for runs of which no bet was settled before.
/// @dev In assembly, because most of what settling computes is here. The records are proven
/// already, so their market indices are within the run's list.
///
/// Bytes of a record of one leg:
///   [0,4) account, [4,7) nonce, [7,15) stake, [15,17) accepted after, [17] number of legs, 1,
///   [18] market index, [19] outcome, [20,24) odds
library SettlingFastPath {
    uint256 private constant RECORD_SIZE = 24;
    /// @dev For bytes 17 to 19 of a record: legs, market index, outcome. Of a record with one leg,
    /// on an outcome 0 to 3, FATE_LOST is left.
    uint256 private constant ONE_LEG_MASK = 0xff00fc;

    /// @notice Settle bets from `state.recordAt` on until one is not plain or none is left.
    function settle(Account[ACCOUNTS] storage accounts, SettlingState memory state) internal {
        assembly ("memory-safe") {
            let at := mload(add(state, SETTLING_RECORD_AT))
            let end := mload(add(state, SETTLING_RECORDS_END))
            let markets := mload(add(state, SETTLING_MARKETS))
            let bet := mload(add(state, SETTLING_BET_INDEX))
            let out := mload(add(state, SETTLING_PAYOUT_AT))
            let paid := mload(add(state, SETTLING_PAID_OUT))
            for {} lt(at, end) {} {
                let record := calldataload(at)
                let entry := add(markets, mul(byte(18, record), SETTLING_MARKET_SIZE))
                // The outcome's two lowest bits x 32: with them every read below stays within the
                // entry.
                // Warning: a higher outcome must not be used as an offset. Memory after the
                // entries holds bytes that the batch's author can choose.
                entry := add(entry, and(shr(91, record), 0x60))
                // 0 if lost, FATE_WON_FLAG if won. Anything else is not plain: no fate is cached,
                // or the outcome is above 3, or the record has not one leg.
                let fate :=
                    xor(
                        and(shr(96, record), ONE_LEG_MASK),
                        mload(add(entry, SETTLING_MARKET_FATES))
                    )
                let stake := and(shr(136, record), 0xffffffffffffffff)
                let maxPayout := div(mul(stake, and(shr(64, record), 0xffffffff)), 10000)
                if fate {
                    if xor(fate, FATE_WON_FLAG) { break }
                    let slot := add(accounts.slot, shr(224, record))
                    // The balance is in the account word's lowest bits.
                    sstore(slot, add(sload(slot), maxPayout))
                    paid := add(paid, maxPayout)
                    // [out,out+0x09): bet 1 | amount 8; zeros after
                    mstore(out, or(shl(248, bet), shl(184, maxPayout)))
                    out := add(out, PAYOUT_SIZE)
                }
                // The outcome's word of [0x040,0x0a0) in the market's entry
                entry := add(entry, SETTLING_MARKET_RELEASED)
                mstore(entry, add(mload(entry), or(maxPayout, shl(128, stake))))
                at := add(at, RECORD_SIZE)
                bet := add(bet, 1)
            }
            // All bets between the first and the one where the loop stopped are settled.
            let first := mload(add(state, SETTLING_BET_INDEX))
            let settled := sub(shl(bet, 1), shl(first, 1))
            // Fields of the state: [0x0a0,0x0c0), [0x0c0,0x0e0), [0x100,0x120), [0x140,0x180)
            mstore(
                add(state, SETTLING_SETTLED_NOW),
                or(mload(add(state, SETTLING_SETTLED_NOW)), settled)
            )
            mstore(add(state, SETTLING_RECORD_AT), at)
            mstore(add(state, SETTLING_BET_INDEX), bet)
            mstore(add(state, SETTLING_PAYOUT_AT), out)
            mstore(add(state, SETTLING_PAID_OUT), paid)
        }
    }

    /// @notice Hash the leaves of bets of one leg, until a bet has more legs or none is left.
    /// @param at Position of the first record in the call data.
    /// @param leaf Memory address of the first leaf.
    /// @param buffer Memory of 64 bytes that may be overwritten.
    /// @return Position of the next record.
    /// @return Memory address of the next leaf.
    function hashLeaves(SettlingState memory state, uint256 at, uint256 leaf, uint256 buffer)
        internal
        pure
        returns (uint256, uint256)
    {
        assembly ("memory-safe") {
            let base := shl(72, mload(state))
            let markets := mload(add(state, SETTLING_MARKETS))
            let marketCount := mload(add(state, SETTLING_MARKET_COUNT))
            for { let end := mload(add(state, SETTLING_RECORDS_END)) } lt(at, end) {} {
                let record := calldataload(at)
                let market := byte(18, record)
                if or(xor(byte(17, record), 1), iszero(lt(market, marketCount))) { break }
                market := mload(add(markets, mul(market, SETTLING_MARKET_SIZE)))
                // [buffer,buffer+0x20): market 208 | zero 8 | outcome 8 | odds 32
                mstore(buffer, or(market, and(shr(64, record), 0xffffffffff)))
                // [buffer+0x20,buffer+0x37): head 18 | base 5; zeros after
                mstore(add(buffer, 32), or(shl(112, shr(112, record)), base))
                // [leaf,leaf+0x20)
                mstore(leaf, keccak256(buffer, 55))
                leaf := add(leaf, 32)
                at := add(at, RECORD_SIZE)
            }
        }
        return (at, leaf);
    }
}
