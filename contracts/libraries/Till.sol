// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Runs of bets on their way out of the ledger, one after the other. Amounts are micro-units,
/// and sums are those of all runs.
struct Till {
    /// What the records' times count from, unix seconds.
    uint256 base;
    uint256 lines;
    uint256 markets;
    /// Bets of the batch, and bits of those that were settled before, and now.
    uint256 width;
    uint256 bits;
    uint256 settled;
    /// Where the walk is: in the call data, which bet of the batch.
    uint256 at;
    uint256 end;
    uint256 bet;
    /// The event's payouts, where the next belongs, and their sum.
    uint256 payouts;
    uint256 out;
    uint256 paid;
    /// Of accumulators; singles are summed up by market.
    uint256 accumulatorsLocked;
    uint256 stakes;
    /// Bets of the run.
    uint256 count;
}

// Places in memory of a till's fields, for what is written by hand.
uint256 constant TILL_LINES = 0x20;
uint256 constant TILL_MARKETS = 0x40;
uint256 constant TILL_SETTLED = 0xa0;
uint256 constant TILL_AT = 0xc0;
uint256 constant TILL_END = 0xe0;
uint256 constant TILL_BET = 0x100;
uint256 constant TILL_OUT = 0x140;
uint256 constant TILL_PAID = 0x160;

/// @dev Bytes of a payout in the event: bet 1 | amount 8.
uint256 constant PAYOUT_SIZE = 9;

// What a line's PLAIN words say of an outcome for all its bets: lost or won; 0 for anything else and
// while it is not worked out. The values make one comparison of PlainBets do for two.
uint256 constant PLAIN_LOST = 0x010000;
uint256 constant PLAIN_WON = 0x1010000;
// Where they differ.
uint256 constant PLAIN_WON_FLAG = 0x1000000;
