// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice What `Placing` keeps in memory while it places one batch. Times are unix seconds,
/// amounts micro-units. Fields named `...At` are positions; those of data in memory are memory
/// addresses.
struct PlacingState {
    /// Base time of the batch: acceptance times and deadlines of its slips count from it.
    uint256 base;
    /// Earliest acceptance time that the receipt window still allows.
    uint256 earliestAcceptance;
    /// Owner who places a quoted bet without a signature; zero when slips must be signed.
    address bettor;
    uint256 marketCap;
    uint256 fixtureCap;
    uint256 accumulatorCap;
    /// What all open accumulators lock, updated by every slip placed.
    uint256 accumulators;
    /// Whether the house's receipt enforces the slip: then no cap applies, and it counts if it was
    /// accepted within RECEIPT_WINDOW, and before a result was published.
    bool enforced;
    /// Account and nonce of a bet that the slip replaces; zero for none.
    uint256 replaced;
    /// Stake that its bettor got back.
    uint256 returned;
    /// Memory address of the first PlacingMarket, and how many there are.
    uint256 markets;
    uint256 marketCount;
    /// Memory address of the first FixtureEntry, and how many there are.
    uint256 fixtures;
    uint256 fixtureCount;
    /// Bytes of the table at the start of the batch.
    uint256 tableSize;
    /// The most that the bankroll may lock: the house's money, settled profit and loss included.
    uint256 capacity;
    /// What all open bets lock, updated by every slip placed.
    uint256 locked;
    /// Stakes of the accumulators placed; the stakes of singles are in the markets' exposures.
    uint256 stakes;
    /// Memory for the leg hashes of one slip, and for the leg words of its bet.
    uint256 legHashes;
    uint256 legWords;
    /// Memory address of the SlipTemplate.
    uint256 template;
    /// Hash over the legs of the slip that the slow path handled last.
    bytes32 legsHash;
    /// Memory for the EIP-712 struct of one leg.
    uint256 legBuffer;
    /// Position of the next slip in the call data, of the next leaf, and of the next record in the
    /// event's data.
    uint256 slipAt;
    uint256 leafAt;
    uint256 eventAt;
    uint256 slipsLeft;
    /// By how much more fixtures and accumulators lock than before, once all slips are placed. What
    /// a fixture locks less does not count: its bets are not another's cover.
    uint256 raised;
}

// Offsets of the fields of PlacingState that assembly uses. tests/contracts/test_layouts.py writes
// the struct and reads them.
uint256 constant PLACING_STATE_BASE = 0x00;
uint256 constant PLACING_STATE_EARLIEST_ACCEPTANCE = 0x20;
uint256 constant PLACING_STATE_MARKET_CAP = 0x60;
uint256 constant PLACING_STATE_FIXTURE_CAP = 0x80;
uint256 constant PLACING_STATE_MARKETS = 0x140;
uint256 constant PLACING_STATE_MARKET_COUNT = 0x160;
uint256 constant PLACING_STATE_CAPACITY = 0x1e0;
uint256 constant PLACING_STATE_LOCKED = 0x200;
uint256 constant PLACING_STATE_TEMPLATE = 0x280;
uint256 constant PLACING_STATE_SLIP_AT = 0x2e0;
uint256 constant PLACING_STATE_LEAF_AT = 0x300;
uint256 constant PLACING_STATE_EVENT_AT = 0x320;
uint256 constant PLACING_STATE_SLIPS_LEFT = 0x340;
