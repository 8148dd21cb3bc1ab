// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Calldata} from "./Calldata.sol";

// A record, see Records for the map. Bytes of its head and of a leg, shifts in the words at their
// starts.
uint256 constant RECORD_HEAD_SIZE = 18;
uint256 constant RECORD_LEG_SIZE = 6;
uint256 constant RECORD_ACCOUNT_SIZE = 4;
uint256 constant RECORD_ACCOUNT_SHIFT = 224;
uint256 constant RECORD_NONCE_AT = 4;
uint256 constant RECORD_NONCE_SIZE = 3;
uint256 constant RECORD_NONCE_SHIFT = 200;
uint256 constant RECORD_STAKE_AT = 7;
uint256 constant RECORD_STAKE_SIZE = 8;
uint256 constant RECORD_STAKE_SHIFT = 136;
uint256 constant RECORD_STAKE_MASK = 0xffffffffffffffff;
uint256 constant RECORD_ACCEPTED_SHIFT = 120;
uint256 constant RECORD_ACCEPTED_MASK = 0xffff;
uint256 constant RECORD_LEG_COUNT_AT = 17;
uint256 constant RECORD_LEG_COUNT_SHIFT = 112;
uint256 constant RECORD_LEG_COUNT_MASK = 0xff;
uint256 constant LEG_MARKET_SHIFT = 248;
uint256 constant LEG_OUTCOME_SHIFT = 240;
uint256 constant LEG_ODDS_SHIFT = 208;
uint256 constant LEG_ODDS_MASK = 0xffffffff;

// A record of one leg, all in one word.
uint256 constant SINGLE_SIZE = 24;
uint256 constant SINGLE_MARKET_AT = 18;
uint256 constant SINGLE_OUTCOME_AT = 19;
uint256 constant SINGLE_ODDS_SHIFT = 64;

// The leaf of a bet: a leg word for each leg, then 18 bytes of head, then 5 of base time.
//   leg word  bytes  [0,26)                             [26]  [27]     [28,32)
//             field  market id without its last 6 bytes  zero  outcome  odds
// `LEG_CHOICE` are outcome and odds.
uint256 constant LEG_CHOICE_SIZE = 5;
uint256 constant LEG_CHOICE_MASK = 0xffffffffff;
/// @dev Bytes of a leaf after its leg words, and shift of the base time in the word of these.
uint256 constant LEAF_END_SIZE = 23;
uint256 constant LEAF_BASE_SHIFT = 72;
/// @dev Bytes of the leaf of a bet of one leg.
uint256 constant SINGLE_LEAF_SIZE = 55;

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
    /// @notice Bytes of the record with this head.
    function size(uint256 head) internal pure returns (uint256) {
        unchecked {
            return RECORD_HEAD_SIZE + RECORD_LEG_SIZE * legCount(head);
        }
    }

    function account(uint256 head) internal pure returns (uint256) {
        return head >> RECORD_ACCOUNT_SHIFT;
    }

    function nonce(uint256 head) internal pure returns (uint256) {
        return uint24(head >> RECORD_NONCE_SHIFT);
    }

    function stake(uint256 head) internal pure returns (uint256) {
        return uint64(head >> RECORD_STAKE_SHIFT);
    }

    /// @notice Account and nonce, of which each slip has its own.
    function slipId(uint256 head) internal pure returns (uint256) {
        return head >> RECORD_NONCE_SHIFT;
    }

    /// @notice The head of the same bet with another stake.
    function withStake(uint256 head, uint256 stake_) internal pure returns (uint256) {
        return (head & ~(RECORD_STAKE_MASK << RECORD_STAKE_SHIFT)) | (stake_ << RECORD_STAKE_SHIFT);
    }

    /// @notice The head of the same bet as if it was accepted at its batch's base time.
    function withoutAcceptance(uint256 head) internal pure returns (uint256) {
        return head & ~(RECORD_ACCEPTED_MASK << RECORD_ACCEPTED_SHIFT);
    }

    function acceptedAfter(uint256 head) internal pure returns (uint256) {
        return uint16(head >> RECORD_ACCEPTED_SHIFT);
    }

    function legCount(uint256 head) internal pure returns (uint256) {
        return uint8(head >> RECORD_LEG_COUNT_SHIFT);
    }

    /// @notice Leg `i` of the record at position `at`: index of its market, outcome, odds.
    function leg(uint256 at, uint256 i)
        internal
        pure
        returns (uint256 index, uint256 outcome, uint256 odds)
    {
        unchecked {
            uint256 word = Calldata.word(at + RECORD_HEAD_SIZE + RECORD_LEG_SIZE * i);
            return (legMarket(word), legOutcome(word), legOdds(word));
        }
    }

    /// @notice Index of a leg's market.
    function legMarket(uint256 leg_) internal pure returns (uint256) {
        return leg_ >> LEG_MARKET_SHIFT;
    }

    function legOutcome(uint256 leg_) internal pure returns (uint256) {
        return uint8(leg_ >> LEG_OUTCOME_SHIFT);
    }

    function legOdds(uint256 leg_) internal pure returns (uint256) {
        return uint32(leg_ >> LEG_ODDS_SHIFT);
    }

    /// @notice A leg in its bet's leaf, with its odds. It names the market by id: the leaf needs no
    /// list of markets.
    function legWord(uint256 market, uint256 leg_) internal pure returns (uint256) {
        return market | ((leg_ >> LEG_ODDS_SHIFT) & LEG_CHOICE_MASK);
    }

    /// @notice Hash of what a bet's legs are on, without their odds. Overwrites the leg words.
    function picksHash(uint256 legWords, uint256 legs) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let end := add(legWords, shl(5, legs))
            for { let at := legWords } lt(at, end) { at := add(at, 32) } {
                // [at,at+0x20)
                mstore(at, and(mload(at), not(LEG_ODDS_MASK)))
            }
            hash := keccak256(legWords, sub(end, legWords))
        }
    }

    /// @notice Hash of a bet, its leaf in the tree: a word for each leg, then the record's head of
    /// 18 bytes and the base time's 5. It says all about the bet and nothing about its batch. The
    /// fast paths hash the leaves of bets of one leg themselves.
    /// @param legWords Memory address of the leg words, with a word of free memory after them.
    function leafHash(uint256 legWords, uint256 head, uint256 legs, uint256 base)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let legsSize := shl(5, legs)
            // [legsSize,legsSize+0x20) after legWords: head 18 | base 5 | zero 9
            mstore(
                add(legWords, legsSize),
                or(
                    shl(RECORD_LEG_COUNT_SHIFT, shr(RECORD_LEG_COUNT_SHIFT, head)),
                    shl(LEAF_BASE_SHIFT, base)
                )
            )
            hash := keccak256(legWords, add(legsSize, LEAF_END_SIZE))
        }
    }
}
