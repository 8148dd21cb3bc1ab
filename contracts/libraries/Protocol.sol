// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// What contracts and off-chain programs agree on, and no single library owns.
//
// Constants of layouts stand beside the byte or bit map that they belong to, and end alike in all
// libraries. They are declared at file level where assembly uses them: it can read no constant of
// another library.
//   X_AT     first byte of a field, from the start of a record, a slip or a memory layout
//   X_SIZE   number of bytes
//   X_SHIFT  number of bits to the right of a field in its word
//   X_MASK   bits of a field once it is shifted to the right
//   X_BITS   bits of a field where it stands in its word
// A memory layout's name alone, for example TEMPLATE_STAKE, is the offset of a whole word.

/// @dev Odds of 1, which pay the stake back. Odds are decimal odds x ODDS_ONE.
uint256 constant ODDS_ONE = 10_000;
/// @dev Lowest odds of a leg: it must win something.
uint256 constant MIN_ODDS = 10_001;

/// @dev Bets of a batch: one word has a bit for each.
uint256 constant MAX_BETS = 256;
/// @dev Legs of a slip.
uint256 constant MAX_LEGS = 12;
