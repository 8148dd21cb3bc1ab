// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What `Settling` keeps in memory while it settles runs one after the other. Amounts are
/// micro-units; `paidOut`, `accumulatorsLocked` and `stakes` are sums over all runs of the call.
struct SettlingState {
    /// Base time of the run's batch, unix seconds: acceptance times count from it.
    uint256 base;
    /// Memory address of the first SettlingMarket, and how many there are.
    uint256 markets;
    uint256 marketCount;
    /// Bets of the batch. In the two words below, bit i is for bet i.
    uint256 betCount;
    uint256 settledBefore;
    uint256 settledNow;
    /// Position of the next record in the call data, the end of the records, and the number of the
    /// next bet in the batch.
    uint256 recordAt;
    uint256 recordsEnd;
    uint256 betIndex;
    /// Memory address of the event's data, and of its next payout.
    uint256 eventStart;
    uint256 payoutAt;
    uint256 paidOut;
    /// What settled accumulators no longer lock; singles are summed up by market.
    uint256 accumulatorsLocked;
    /// Stakes of settled accumulators, and of the singles whose market is released already.
    uint256 stakes;
    /// Bets of the run.
    uint256 runBets;
}

// Offsets of the fields of SettlingState that assembly uses. tests/contracts/test_layouts.py writes
// the struct and reads them.
uint256 constant SETTLING_STATE_BASE = 0x00;
uint256 constant SETTLING_STATE_MARKETS = 0x20;
uint256 constant SETTLING_STATE_MARKET_COUNT = 0x40;
uint256 constant SETTLING_STATE_SETTLED_NOW = 0xa0;
uint256 constant SETTLING_STATE_RECORD_AT = 0xc0;
uint256 constant SETTLING_STATE_RECORDS_END = 0xe0;
uint256 constant SETTLING_STATE_BET_INDEX = 0x100;
uint256 constant SETTLING_STATE_PAYOUT_AT = 0x140;
uint256 constant SETTLING_STATE_PAID_OUT = 0x160;
