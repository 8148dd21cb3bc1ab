// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Account} from "./Accounts.sol";
import {ACCOUNTS} from "./Ledger.sol";
import {LINE_PLAIN, LINE_SIZE, LINE_SUMS} from "./Lines.sol";
import {
    PAYOUT_SIZE,
    PLAIN_WON_FLAG,
    TILL_AT,
    TILL_BET,
    TILL_END,
    TILL_LINES,
    TILL_MARKETS,
    TILL_OUT,
    TILL_PAID,
    TILL_SETTLED,
    Till
} from "./Till.sol";

/// @title PlainBets
/// @notice Settles bets as `Settling` does, as far as they are what nearly every bet is: one leg whose
/// outcome is known as won or lost for all its bets. Leaves the first other bet untouched. Only
/// for a run of which no bet was settled before.
/// @dev By hand, as most of what settling computes. The records were proven before, so that their
/// markets are those of the run.
library PlainBets {
    uint256 private constant RECORD_SIZE = 24;
    /// @dev Of the three bytes for legs, market and outcome: one leg, of an outcome up to 3, leaves
    /// what PLAIN_LOST is.
    uint256 private constant ONE_LEG_MASK = 0xff00fc;

    /// @notice Settles bets from `till.at` on until one is not plain or none is left.
    /// @dev Record: account 4 | nonce 3 | stake 8 | accepted after 2 | legs 1 | market 1 | outcome 1
    /// | odds 4.
    function settle(Account[ACCOUNTS] storage accounts, Till memory till) internal {
        assembly ("memory-safe") {
            let at := mload(add(till, TILL_AT))
            let end := mload(add(till, TILL_END))
            let lines := mload(add(till, TILL_LINES))
            let bet := mload(add(till, TILL_BET))
            let out := mload(add(till, TILL_OUT))
            let paid := mload(add(till, TILL_PAID))
            for {} lt(at, end) {} {
                let record := calldataload(at)
                let line := add(lines, mul(byte(18, record), LINE_SIZE))
                // Outcome, modulo four, x 32: words beyond the line's own are whatever the batch's author
                // wanted them to be. Of an outcome 3 a line knows nothing.
                line := add(line, and(shr(91, record), 0x60))
                // 0 when lost, PLAIN_WON_FLAG when won; the rest of a higher outcome is left over.
                let fate := xor(and(shr(96, record), ONE_LEG_MASK), mload(add(line, LINE_PLAIN)))
                let stake := and(shr(136, record), 0xffffffffffffffff)
                let most := div(mul(stake, and(shr(64, record), 0xffffffff)), 10000)
                if fate {
                    if xor(fate, PLAIN_WON_FLAG) { break }
                    let slot := add(accounts.slot, shr(224, record))
                    sstore(slot, add(sload(slot), most))
                    paid := add(paid, most)
                    mstore(out, or(shl(248, bet), shl(184, most)))
                    out := add(out, PAYOUT_SIZE)
                }
                line := add(line, LINE_SUMS)
                mstore(line, add(mload(line), or(most, shl(128, stake))))
                at := add(at, RECORD_SIZE)
                bet := add(bet, 1)
            }
            // All bets from where the walk began up to here are settled.
            let from := mload(add(till, TILL_BET))
            let settled := sub(shl(bet, 1), shl(from, 1))
            mstore(add(till, TILL_SETTLED), or(mload(add(till, TILL_SETTLED)), settled))
            mstore(add(till, TILL_AT), at)
            mstore(add(till, TILL_BET), bet)
            mstore(add(till, TILL_OUT), out)
            mstore(add(till, TILL_PAID), paid)
        }
    }

    /// @notice Hashes the leaves of bets of one leg to `leaf` on, until a bet has more or none is left.
    /// @param words Memory of 64 bytes that may be overwritten.
    /// @return Where the walk stopped, in the call data and among the leaves.
    function hash(Till memory till, uint256 at, uint256 leaf, uint256 words)
        internal
        pure
        returns (uint256, uint256)
    {
        assembly ("memory-safe") {
            let base := shl(72, mload(till))
            let lines := mload(add(till, TILL_LINES))
            let markets := mload(add(till, TILL_MARKETS))
            for { let end := mload(add(till, TILL_END)) } lt(at, end) {} {
                let record := calldataload(at)
                let market := byte(18, record)
                if or(xor(byte(17, record), 1), iszero(lt(market, markets))) { break }
                market := mload(add(lines, mul(market, LINE_SIZE)))
                mstore(words, or(market, and(shr(64, record), 0xffffffffff)))
                mstore(add(words, 32), or(shl(112, shr(112, record)), base))
                mstore(leaf, keccak256(words, 55))
                leaf := add(leaf, 32)
                at := add(at, RECORD_SIZE)
            }
        }
        return (at, leaf);
    }
}
