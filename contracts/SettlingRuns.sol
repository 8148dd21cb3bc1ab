// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Batch, Batches} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Ledger, LedgerStorage} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";
import {Memory} from "./libraries/Memory.sol";
import {MAX_BETS, MAX_LEGS, ODDS_ONE} from "./libraries/Protocol.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {RECORD_HEAD_SIZE, RECORD_LEG_SIZE, Records, SINGLE_SIZE} from "./libraries/Records.sol";
import {SettlingFastPath} from "./libraries/SettlingFastPath.sol";
import {SettlingMarket, SettlingMarkets} from "./libraries/SettlingMarkets.sol";
import {SettlingState} from "./libraries/SettlingState.sol";

/// @dev Bytes of the base time before a run's markets, and the bits to its right in a word.
uint256 constant RUN_BASE_SIZE = 5;
uint256 constant RUN_BASE_SHIFT = 216;

/// @title SettlingRuns
/// @notice What both ways to end a bet begin with: reads a run of bets from call data and proves by
/// the batch's commitment that these are its bets. Marks bets as settled, so that each ends once.
/// @dev A part of `Settling`. ISportsbook.Run has the layout.
abstract contract SettlingRuns is LedgerStorage {
    /// @dev Reads a run's list of markets. Runs after it that have no list refer to the same one.
    function _readMarkets(SettlingState memory state, bytes calldata markets, uint256 batch)
        internal
        pure
    {
        unchecked {
            uint256 count = (markets.length - RUN_BASE_SIZE) / Markets.PACKED_SIZE;
            // A length below RUN_BASE_SIZE wraps, and is refused here as well.
            if (count >= MAX_BETS || RUN_BASE_SIZE + Markets.PACKED_SIZE * count != markets.length)
            {
                revert ISportsbook.RunNotOfBatch(batch);
            }
            state.marketCount = count;
            state.markets = SettlingMarkets.reserve(count);
            uint256 at = Calldata.start(markets) + RUN_BASE_SIZE;
            SettlingMarket entry = SettlingMarket.wrap(state.markets);
            for (uint256 i; i < count; ++i) {
                entry.setMarket(Markets.ofPacked(Calldata.word(at)));
                entry = entry.next();
                at += Markets.PACKED_SIZE;
            }
        }
    }

    /// @dev Proves that the batch contains the bets of the run, and sets the state to its start.
    function _readRun(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        bytes calldata markets,
        Batch batch
    ) internal pure {
        unchecked {
            state.betCount = batch.bets();
            state.base = Calldata.word(Calldata.start(markets)) >> RUN_BASE_SHIFT;
            state.recordAt = Calldata.start(run.records);
            state.recordsEnd = state.recordAt + run.records.length;
            state.betIndex = run.first;
            // A batch of one bet is proven as a part: its list may hold markets of slips that were
            // left out, which a cash-out does not accept.
            Batch proven = run.proof.length == 1 && state.betCount != 1
                ? _proveWhole(state, run, markets)
                : _provePart(state, run);
            if (Batch.unwrap(proven) != Batch.unwrap(batch.placed())) {
                revert ISportsbook.RunNotOfBatch(run.batch);
            }
        }
    }

    /// @dev Proves all bets of a batch: markets and records must be those of its event. The proof
    /// is the root of the Merkle tree.
    function _proveWhole(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        bytes calldata markets
    ) private pure returns (Batch) {
        if (run.first != 0) revert ISportsbook.ProofInvalid();
        // It must have a list of its own: with the list of another run, the hash would not say
        // where markets end and records begin.
        if (markets.length == RUN_BASE_SIZE) revert ISportsbook.RunNotOfBatch(run.batch);
        state.runBets = state.betCount;
        return Batches.commit(
            _wholeHash(state.marketCount, markets, run.records), run.proof[0], state.betCount
        );
    }

    /// @dev As Batches.wholeHash, in memory beyond the free pointer, which stays free.
    function _wholeHash(uint256 count, bytes calldata markets, bytes calldata records)
        private
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            // [free,free+0x01), then the markets, then the records
            mstore8(free, count)
            let to := add(free, 1)
            calldatacopy(to, markets.offset, markets.length)
            calldatacopy(add(to, markets.length), records.offset, records.length)
            hash := keccak256(free, add(1, add(markets.length, records.length)))
        }
    }

    /// @dev Proves some bets of a batch. The proof is the hash of the whole batch, then the
    /// neighbours in the Merkle tree.
    function _provePart(SettlingState memory state, ISportsbook.Run calldata run)
        private
        pure
        returns (Batch)
    {
        if (run.proof.length == 0) revert ISportsbook.ProofInvalid();
        uint256 leaves = _writeLeaves(state, run);
        bytes32 root =
            RangeProof.root(leaves, state.runBets, run.first, state.betCount, run.proof[1:]);
        return Batches.commit(run.proof[0], root, state.betCount);
    }

    /// @return leaves Memory address of the leaves of the run's bets, which are counted.
    function _writeLeaves(SettlingState memory state, ISportsbook.Run calldata run)
        private
        pure
        returns (uint256 leaves)
    {
        unchecked {
            // Large enough for the leaves of all records: none is shorter than SINGLE_SIZE.
            leaves = Memory.reserve(run.records.length / SINGLE_SIZE * 32 + 32);
            uint256 words = Memory.reserve(32 * MAX_LEGS + 32);
            (uint256 at, uint256 next) = (state.recordAt, leaves);
            while (true) {
                (at, next) = SettlingFastPath.hashLeaves(state, at, next, words);
                if (at >= state.recordsEnd) break;
                uint256 head = Calldata.word(at);
                bytes32 leaf = _leafHash(state, at, head, words);
                assembly ("memory-safe") {
                    // [next,next+0x20)
                    mstore(next, leaf)
                }
                next += 32;
                at += Records.size(head);
            }
            if (at != state.recordsEnd) revert ISportsbook.RunNotOfBatch(run.batch);
            state.runBets = (next - leaves) >> 5;
        }
    }

    /// @dev Hash of a bet, its leaf in the tree. `SettlingFastPath.hashLeaves` hashes bets of one
    /// leg.
    /// @param at Position of its record.
    /// @param head The word there; a remaining bet has another head than its record.
    /// @param words Memory for the leg words and one word more.
    function _leafHash(SettlingState memory state, uint256 at, uint256 head, uint256 words)
        internal
        pure
        returns (bytes32)
    {
        unchecked {
            uint256 legs = Records.legCount(head);
            if (legs - 1 >= MAX_LEGS) revert ISportsbook.ProofInvalid();
            for (uint256 i; i < legs; ++i) {
                uint256 leg = Calldata.word(at + RECORD_HEAD_SIZE + RECORD_LEG_SIZE * i);
                uint256 index = Records.legMarket(leg);
                if (index >= state.marketCount) revert ISportsbook.ProofInvalid();
                uint256 word =
                    Records.legWord(SettlingMarkets.at(state.markets, index).market(), leg);
                assembly ("memory-safe") {
                    // [0x20i,0x20i+0x20) after `words`
                    mstore(add(words, shl(5, i)), word)
                }
            }
            return Records.leafHash(words, head, legs, state.base);
        }
    }

    /// @dev Marks bets as settled. When all are, the batch's slots are cleared.
    function _markSettled(Ledger storage ledger, uint256 id, Batch batch, uint256 bits) internal {
        if (bits == type(uint256).max >> (MAX_BETS - batch.bets())) {
            ledger.batches[id] = Batch.wrap(0);
            if (batch.isTouched()) delete ledger.settledBits[id];
        } else {
            ledger.settledBits[id] = bits;
            if (!batch.isTouched()) ledger.batches[id] = batch.touched();
        }
    }

    /// @dev What a bet pays if every leg wins.
    function _maxPayout(uint256 at, uint256 head, uint256 stake)
        internal
        pure
        returns (uint256 maxPayout)
    {
        unchecked {
            uint256 legs = Records.legCount(head);
            uint256 scale = 1;
            maxPayout = stake;
            for (uint256 i; i < legs; ++i) {
                (,, uint256 odds) = Records.leg(at, i);
                maxPayout *= odds;
                scale *= ODDS_ONE;
            }
            maxPayout /= scale;
        }
    }
}
