// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Markets} from "./Markets.sol";
import {Memory} from "./Memory.sol";
import {PlacingMarket} from "./PlacingMarkets.sol";
import {PlacingState} from "./PlacingState.sol";

// The data of BatchPlaced(uint256 indexed batch, bytes data) in memory:
//   [0x00,0x20)  offset of `data`, 0x20
//   [0x20,0x40)  bytes of `data`
//   from 0x40    `data`: number of bets 2 | number of markets 1 | base time 5 | markets, 26 each
//                | records | skipped slips, 8 each; then zeros up to a whole word
uint256 constant PLACED_EVENT_LENGTH = 0x20;
uint256 constant PLACED_EVENT_BETS = 0x40;
uint256 constant PLACED_EVENT_MARKET_COUNT = 0x42;
uint256 constant PLACED_EVENT_BASE = 0x43;

// A skipped slip in the event, and the word that begins with one:
//   bytes  [0,4)    [4,7)  [7]
//   field  account  nonce  reason
uint256 constant SKIP_SIZE = 8;
uint256 constant SKIP_SLIP_SHIFT = 200;
uint256 constant SKIP_REASON_SHIFT = 192;

/// @title PlacedEvent
/// @notice Writes the data of BatchPlaced in memory while slips are placed, and emits it.
library PlacedEvent {
    /// @dev Bits to the right of the base time's 5 bytes in a word.
    uint256 private constant BASE_SHIFT = 216;
    uint256 private constant BASE_SIZE = 5;
    /// @dev Bytes that hold what precedes the records but the markets, and the zeros at the end.
    uint256 private constant OVERHEAD = PLACED_EVENT_BASE + 64;

    /// @notice Reserve memory for the event, and write its markets, with their number before them.
    /// Sets `state.eventAt`, where the records begin.
    /// @param batchSize Bytes of the batch, more than those of its records and skipped slips.
    /// @return data Memory address of the event.
    function create(PlacingState memory state, uint256 batchSize)
        internal
        pure
        returns (uint256 data)
    {
        unchecked {
            data = Memory.reserve(OVERHEAD + Markets.PACKED_SIZE * state.marketCount + batchSize);
            state.eventAt = _writeMarkets(state, data + PLACED_EVENT_BASE);
        }
    }

    /// @param out Memory address of the base time.
    /// @return Memory address after the markets.
    function _writeMarkets(PlacingState memory state, uint256 out) private pure returns (uint256) {
        unchecked {
            (uint256 base, uint256 count) = (state.base, state.marketCount);
            assembly ("memory-safe") {
                // [out-0x01,out)
                mstore8(sub(out, 1), count)
                // [out,out+0x05); zeros after
                mstore(out, shl(BASE_SHIFT, base))
            }
            out += BASE_SIZE;
            PlacingMarket entry = PlacingMarket.wrap(state.markets);
            for (uint256 i; i < state.marketCount; ++i) {
                uint256 market = entry.market();
                assembly ("memory-safe") {
                    // [out,out+0x1a); zeros after
                    mstore(out, market)
                }
                out += Markets.PACKED_SIZE;
                entry = entry.next();
            }
            return out;
        }
    }

    /// @notice Write a slip that was left out, at a memory address.
    /// @param head Head of its record, which begins with account and nonce.
    function writeSkip(uint256 at, uint256 head, uint256 skip) internal pure {
        assembly ("memory-safe") {
            // [at,at+0x08): account and nonce, reason; zeros after
            mstore(
                at,
                or(shl(SKIP_SLIP_SHIFT, shr(SKIP_SLIP_SHIFT, head)), shl(SKIP_REASON_SHIFT, skip))
            )
        }
    }

    /// @dev In assembly: `emit` would copy the event's data once more.
    /// @param data Memory address of the event, whose markets and records are written already.
    /// @param out Memory address after the records.
    /// @param skips Memory address of the skipped slips.
    function emitPlaced(
        uint256 id,
        uint256 data,
        uint256 out,
        uint256 placed,
        uint256 skips,
        uint256 skipsSize
    ) internal {
        bytes32 topic = ISportsbook.BatchPlaced.selector;
        assembly ("memory-safe") {
            // [data+0x40,data+0x42)
            mstore8(add(data, PLACED_EVENT_BETS), shr(8, placed))
            mstore8(add(data, add(PLACED_EVENT_BETS, 1)), placed)
            // [out,end), rounded up to whole words
            let end := add(out, skipsSize)
            for {} lt(out, end) { out := add(out, 32) } {
                mstore(out, mload(skips))
                skips := add(skips, 32)
            }
            // [end,end+0x20): zeros, some of which pad the data to whole words
            mstore(end, 0)
            let size := sub(end, add(data, PLACED_EVENT_BETS))
            // [data,data+0x40)
            mstore(data, 0x20)
            mstore(add(data, PLACED_EVENT_LENGTH), size)
            log2(data, add(PLACED_EVENT_BETS, and(add(size, 31), not(31))), topic, id)
        }
    }
}
