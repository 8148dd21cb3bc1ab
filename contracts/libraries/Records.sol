// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calldata} from "./Calldata.sol";

/// @title Records
/// @notice Reads the records of bets in call data, and hashes a bet for the Merkle tree of its
/// batch.
///
/// A record is a head of 18 bytes and 6 bytes for each leg:
///
///   bytes   [0,4)    [4,7)  [7,15)  [15,17)         [17]   [18+6i]       [19+6i]  [20+6i,24+6i)
///   field   account  nonce  stake   accepted after  legs   market index  outcome  odds of leg i
///
/// `head` below is the word at the record's start, whose first 18 bytes are the head. `leg` is the
/// word at the start of a leg, whose first 6 bytes are the leg. "Accepted after" counts in seconds
/// from the batch's base time. The market index refers to the list of markets that goes with the
/// record: the batch's table, the event's markets, or the run's.
library Records {
    uint256 internal constant HEAD_SIZE = 18;
    uint256 internal constant LEG_SIZE = 6;

    /// @notice Bytes of the record with this head.
    function size(uint256 head) internal pure returns (uint256) {
        unchecked {
            return HEAD_SIZE + LEG_SIZE * legCount(head);
        }
    }

    function account(uint256 head) internal pure returns (uint256) {
        return head >> 224;
    }

    function nonce(uint256 head) internal pure returns (uint256) {
        return uint24(head >> 200);
    }

    function stake(uint256 head) internal pure returns (uint256) {
        return uint64(head >> 136);
    }

    /// @notice Account and nonce, of which each slip has its own.
    function slipId(uint256 head) internal pure returns (uint256) {
        return head >> 200;
    }

    /// @notice The head of the same bet as if it was accepted at its batch's base time.
    function withoutAcceptance(uint256 head) internal pure returns (uint256) {
        return head & ~(uint256(type(uint16).max) << 120);
    }

    function acceptedAfter(uint256 head) internal pure returns (uint256) {
        return uint16(head >> 120);
    }

    function legCount(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 112);
    }

    /// @notice Leg `i` of the record at position `at`: index of its market, outcome, odds.
    function leg(uint256 at, uint256 i)
        internal
        pure
        returns (uint256 index, uint256 outcome, uint256 odds)
    {
        unchecked {
            uint256 word = Calldata.word(at + HEAD_SIZE + LEG_SIZE * i);
            return (word >> 248, uint8(word >> 240), uint32(word >> 208));
        }
    }

    /// @notice A leg in its bet's leaf: market id without its last 6 bytes 208 | zero 8 | outcome
    /// 8 | odds 32. It names the market by id: the leaf needs no list of markets.
    function legWord(uint256 market, uint256 leg_) internal pure returns (uint256) {
        return market | ((leg_ >> 208) & 0xffffffffff);
    }

    /// @notice Hash of what a bet's legs are on, without their odds. Overwrites the leg words.
    function picksHash(uint256 legWords, uint256 legs) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let end := add(legWords, shl(5, legs))
            for { let at := legWords } lt(at, end) { at := add(at, 32) } {
                // [at,at+0x20)
                mstore(at, and(mload(at), not(0xffffffff)))
            }
            hash := keccak256(legWords, sub(end, legWords))
        }
    }

    /// @notice Hash of a bet, its leaf in the tree: a word for each leg, then the record's head of
    /// 18 bytes and the base time's 5. It says all about the bet and nothing about its batch.
    /// @param legWords Memory address of the leg words, with a word of free memory after them.
    function leafHash(uint256 legWords, uint256 head, uint256 legs, uint256 base)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let legsSize := shl(5, legs)
            // [legsSize,legsSize+0x20) after legWords: head 18 | base 5 | zero 9
            mstore(add(legWords, legsSize), or(shl(112, shr(112, head)), shl(72, base)))
            hash := keccak256(legWords, add(legsSize, 23))
        }
    }
}
