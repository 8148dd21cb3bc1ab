// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Account} from "./Accounts.sol";
import {ACCOUNTS} from "./Ledger.sol";
import {MARKET_ENTRY_ID} from "./MarketEntries.sol";
import {ODDS_ONE} from "./Protocol.sol";
import {
    LEAF_BASE_SHIFT,
    LEG_CHOICE_MASK,
    LEG_ODDS_MASK,
    RECORD_ACCOUNT_SHIFT,
    RECORD_LEG_COUNT_AT,
    RECORD_LEG_COUNT_SHIFT,
    RECORD_STAKE_MASK,
    RECORD_STAKE_SHIFT,
    SINGLE_LEAF_SIZE,
    SINGLE_MARKET_AT,
    SINGLE_ODDS_SHIFT,
    SINGLE_SIZE
} from "./Records.sol";
import {PAYOUT_AMOUNT_SHIFT, PAYOUT_BET_SHIFT, PAYOUT_SIZE} from "./SettledEvent.sol";
import {
    FATE_WON_BITS,
    RELEASED_STAKES_SHIFT,
    SETTLING_MARKET_FATES,
    SETTLING_MARKET_RELEASED,
    SETTLING_MARKET_SIZE
} from "./SettlingMarkets.sol";
import {
    SETTLING_STATE_BASE,
    SETTLING_STATE_BET_INDEX,
    SETTLING_STATE_MARKETS,
    SETTLING_STATE_MARKET_COUNT,
    SETTLING_STATE_PAID_OUT,
    SETTLING_STATE_PAYOUT_AT,
    SETTLING_STATE_RECORDS_END,
    SETTLING_STATE_RECORD_AT,
    SETTLING_STATE_SETTLED_NOW,
    SettlingState
} from "./SettlingState.sol";

/// @title SettlingFastPath
/// @notice Settles plain bets, as `SettlingByResults._settleBet` would: bets of one leg whose
/// outcome is won or lost by all bets on it. Most bets are plain. Stops at the first bet that is
/// not, and leaves it to the slow path. Only for runs of which no bet was settled before.
/// @dev In assembly, because most of what settling computes is here. The records are proven
/// already, so their market indices are within the run's list.
///
/// Each block names the function that decides the same on the slow path. "Entry" is that of the
/// bet's market (SettlingMarkets), "state" the SettlingState.
///
/// Bytes of a record of one leg:
///   [0,4) account, [4,7) nonce, [7,15) stake, [15,17) accepted after, [17] number of legs, 1,
///   [18] market index, [19] outcome, [20,24) odds
library SettlingFastPath {
    // Number of legs, market index and outcome of a record, shifted to the lowest 24 bits. The mask
    // leaves FATE_LOST of a record with one leg, on an outcome 0 to 3:
    //   bits   [0,8)                    [8,16)        [16,24)
    //   field  outcome, but its lowest  market index  number of legs
    //          two bits
    //   mask   0xfc                     0             0xff
    uint256 private constant SHAPE_SHIFT = 96;
    uint256 private constant SHAPE_MASK = 0xff00fc;
    /// @dev These leave the outcome's two lowest bits x 32, the offset of its word.
    uint256 private constant OUTCOME_WORD_SHIFT = 91;
    uint256 private constant OUTCOME_WORD_MASK = 0x60;

    /// @notice Settle bets from `state.recordAt` on until one is not plain or none is left.
    function settle(Account[ACCOUNTS] storage accounts, SettlingState memory state) internal {
        assembly ("memory-safe") {
            let at := mload(add(state, SETTLING_STATE_RECORD_AT))
            let end := mload(add(state, SETTLING_STATE_RECORDS_END))
            let markets := mload(add(state, SETTLING_STATE_MARKETS))
            let bet := mload(add(state, SETTLING_STATE_BET_INDEX))
            let out := mload(add(state, SETTLING_STATE_PAYOUT_AT))
            let paid := mload(add(state, SETTLING_STATE_PAID_OUT))
            for {} lt(at, end) {} {
                // -- Won or lost; slow: SettlingByResults._settleBet, _legFraction
                let record := calldataload(at)
                let entry := add(markets, mul(byte(SINGLE_MARKET_AT, record), SETTLING_MARKET_SIZE))
                // With two bits of the outcome, every read below stays within the entry.
                // Warning: a higher outcome must not be used as an offset. Memory after the
                // entries holds bytes that the batch's author can choose.
                entry := add(entry, and(shr(OUTCOME_WORD_SHIFT, record), OUTCOME_WORD_MASK))
                // 0 if lost, FATE_WON_BITS if won. Anything else is not plain: no fate is cached,
                // or the outcome is above 3, or the record has not one leg.
                let fate :=
                    xor(
                        and(shr(SHAPE_SHIFT, record), SHAPE_MASK),
                        mload(add(entry, SETTLING_MARKET_FATES))
                    )

                // -- The payout, and to whom; slow: SettlingByResults._settleSingle, _credit
                let stake := and(shr(RECORD_STAKE_SHIFT, record), RECORD_STAKE_MASK)
                let maxPayout :=
                    div(mul(stake, and(shr(SINGLE_ODDS_SHIFT, record), LEG_ODDS_MASK)), ODDS_ONE)
                if fate {
                    if xor(fate, FATE_WON_BITS) { break }
                    let slot := add(accounts.slot, shr(RECORD_ACCOUNT_SHIFT, record))
                    // The balance is in the account word's lowest bits.
                    sstore(slot, add(sload(slot), maxPayout))
                    paid := add(paid, maxPayout)
                    // [out,out+0x09): bet, amount; zeros after
                    mstore(out, or(shl(PAYOUT_BET_SHIFT, bet), shl(PAYOUT_AMOUNT_SHIFT, maxPayout)))
                    out := add(out, PAYOUT_SIZE)
                }

                // -- What the bet releases; slow: SettlingByResults._settleSingle
                // The outcome's word of entry [0x040,0x0a0)
                entry := add(entry, SETTLING_MARKET_RELEASED)
                mstore(entry, add(mload(entry), or(maxPayout, shl(RELEASED_STAKES_SHIFT, stake))))
                at := add(at, SINGLE_SIZE)
                bet := add(bet, 1)
            }

            // -- Which bets are settled; slow: SettlingByResults._settleBets
            // All between the first and the one where the loop stopped.
            let first := mload(add(state, SETTLING_STATE_BET_INDEX))
            let settled := sub(shl(bet, 1), shl(first, 1))
            // State [0x0a0,0x0c0), [0x0c0,0x0e0), [0x100,0x120), [0x140,0x180)
            mstore(
                add(state, SETTLING_STATE_SETTLED_NOW),
                or(mload(add(state, SETTLING_STATE_SETTLED_NOW)), settled)
            )
            mstore(add(state, SETTLING_STATE_RECORD_AT), at)
            mstore(add(state, SETTLING_STATE_BET_INDEX), bet)
            mstore(add(state, SETTLING_STATE_PAYOUT_AT), out)
            mstore(add(state, SETTLING_STATE_PAID_OUT), paid)
        }
    }

    /// @notice Hash the leaves of bets of one leg, until a bet has more legs or none is left. Slow:
    /// SettlingRuns._leafHash.
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
            let base := shl(LEAF_BASE_SHIFT, mload(add(state, SETTLING_STATE_BASE)))
            let markets := mload(add(state, SETTLING_STATE_MARKETS))
            let marketCount := mload(add(state, SETTLING_STATE_MARKET_COUNT))
            for { let end := mload(add(state, SETTLING_STATE_RECORDS_END)) } lt(at, end) {} {
                let record := calldataload(at)
                let market := byte(SINGLE_MARKET_AT, record)
                if or(xor(byte(RECORD_LEG_COUNT_AT, record), 1), iszero(lt(market, marketCount))) {
                    break
                }
                market := mload(
                    add(add(markets, mul(market, SETTLING_MARKET_SIZE)), MARKET_ENTRY_ID)
                )
                // [buffer,buffer+0x20): the leg word
                mstore(buffer, or(market, and(shr(SINGLE_ODDS_SHIFT, record), LEG_CHOICE_MASK)))
                // [buffer+0x20,buffer+0x37): head 18 | base 5; zeros after
                mstore(
                    add(buffer, 32),
                    or(shl(RECORD_LEG_COUNT_SHIFT, shr(RECORD_LEG_COUNT_SHIFT, record)), base)
                )
                // [leaf,leaf+0x20)
                mstore(leaf, keccak256(buffer, SINGLE_LEAF_SIZE))
                leaf := add(leaf, 32)
                at := add(at, SINGLE_SIZE)
            }
        }
        return (at, leaf);
    }
}
