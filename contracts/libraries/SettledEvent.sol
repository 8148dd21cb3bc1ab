// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {SettlingState} from "./SettlingState.sol";

// A payout in the event, and the word that begins with one:
//   bytes  [0]  [1,9)
//   field  bet  amount
uint256 constant PAYOUT_SIZE = 9;
uint256 constant PAYOUT_BET_SHIFT = 248;
uint256 constant PAYOUT_AMOUNT_SHIFT = 184;

// The data of BatchSettled(uint256 indexed batch, uint256 settled, bytes payouts) in memory, from
// `state.eventStart` on:
//   [0x00,0x20)  settled
//   [0x20,0x40)  offset of the payouts, 0x40
//   [0x40,0x60)  bytes of the payouts
//   from 0x60    payouts, then zeros up to a whole word
uint256 constant SETTLED_EVENT_OFFSET = 0x20;
uint256 constant SETTLED_EVENT_LENGTH = 0x40;
uint256 constant SETTLED_EVENT_PAYOUTS = 0x60;

/// @title SettledEvent
/// @notice Emits BatchSettled, whose payouts are written as bets are settled.
library SettledEvent {
    /// @dev Bytes besides the payouts: what precedes them, and space for the zeros after them.
    uint256 internal constant OVERHEAD = 160;

    /// @notice Append a payout. `SettlingFastPath` appends those of plain bets itself.
    function append(SettlingState memory state, uint256 payout) internal pure {
        unchecked {
            (uint256 bet, uint256 out) = (state.betIndex, state.payoutAt);
            assembly ("memory-safe") {
                // [out,out+0x09): bet, amount; zeros after
                mstore(out, or(shl(PAYOUT_BET_SHIFT, bet), shl(PAYOUT_AMOUNT_SHIFT, payout)))
            }
            state.payoutAt = out + PAYOUT_SIZE;
        }
    }

    /// @dev In assembly: `emit` would copy the payouts once more.
    function emitSettled(SettlingState memory state, uint256 batch, uint256 settled) internal {
        bytes32 topic = ISportsbook.BatchSettled.selector;
        (uint256 data, uint256 out) = (state.eventStart, state.payoutAt);
        assembly ("memory-safe") {
            let size := sub(sub(out, data), SETTLED_EVENT_PAYOUTS)
            // [data,data+0x60)
            mstore(data, settled)
            mstore(add(data, SETTLED_EVENT_OFFSET), 0x40)
            mstore(add(data, SETTLED_EVENT_LENGTH), size)
            // [out,out+0x20): zeros, some of which pad the payouts to whole words
            mstore(out, 0)
            log2(data, add(SETTLED_EVENT_PAYOUTS, and(add(size, 31), not(31))), topic, batch)
        }
    }
}
