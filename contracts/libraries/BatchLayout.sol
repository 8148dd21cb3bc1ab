// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Bytes after a slip's record, before its signature:
//   bytes  [0,5)         [5,7)     [7,9)
//   field  minimum odds  deadline  signature length
uint256 constant TAIL_SIZE = 9;
uint256 constant TAIL_MIN_ODDS_SIZE = 5;

/// @title BatchLayout
/// @notice Reads the call data of a batch: the table that it begins with, and what follows the
/// record of each slip. ISportsbook has the whole format, `Records` that of a record.
///
///   Table        head | fixtures | number of markets 1 | markets
///
///   head         bytes  [0,5)      [5]
///                field  base time  number of fixtures
///   a fixture    bytes  [0,32)            [32,37)
///                field  hash of its name  start
///   a market     bytes  [0]            [1]   [2]     [3,5)  [5]
///                field  fixture index  kind  period  line   flags
///
/// After the table: number of slips 2, then the slips: record, tail, signature. `head`, `market`
/// and `tail` below are words that begin with one of these.
library BatchLayout {
    uint256 internal constant TABLE_HEAD_SIZE = 6;
    uint256 internal constant TABLE_FIXTURE_SIZE = 37;
    uint256 internal constant TABLE_MARKET_SIZE = 6;
    /// @dev Bytes of the number of markets, and of the number of slips.
    uint256 internal constant MARKET_COUNT_SIZE = 1;
    uint256 internal constant SLIP_COUNT_SIZE = 2;
    /// @dev Bytes of a signature by the owner's key, whose length in the tail is 0.
    uint256 internal constant KEY_SIGNATURE_SIZE = 64;

    uint256 private constant BASE_SHIFT = 216;
    uint256 private constant FIXTURE_COUNT_SHIFT = 208;
    uint256 private constant MARKET_COUNT_SHIFT = 248;
    uint256 private constant SLIP_COUNT_SHIFT = 240;
    /// @dev In the second word of a fixture.
    uint256 private constant FIXTURE_STARTS_AT_SHIFT = 216;
    uint256 private constant MARKET_FIXTURE_SHIFT = 248;
    uint256 private constant MARKET_TERMS_SHIFT = 208;
    uint256 private constant TAIL_MIN_ODDS_SHIFT = 216;
    uint256 private constant TAIL_DEADLINE_SHIFT = 200;
    uint256 private constant TAIL_LENGTH_SHIFT = 184;

    function base(uint256 head) internal pure returns (uint256) {
        return head >> BASE_SHIFT;
    }

    function fixtureCount(uint256 head) internal pure returns (uint256) {
        return uint8(head >> FIXTURE_COUNT_SHIFT);
    }

    function marketCount(uint256 word) internal pure returns (uint256) {
        return word >> MARKET_COUNT_SHIFT;
    }

    function slipCount(uint256 word) internal pure returns (uint256) {
        return word >> SLIP_COUNT_SHIFT;
    }

    /// @param word The second word of a fixture.
    function fixtureStartsAt(uint256 word) internal pure returns (uint256) {
        return word >> FIXTURE_STARTS_AT_SHIFT;
    }

    function marketFixture(uint256 market) internal pure returns (uint256 index) {
        return market >> MARKET_FIXTURE_SHIFT;
    }

    /// @notice Kind, period, line and flags, as `Markets.make` takes them.
    function marketTerms(uint256 market) internal pure returns (uint256) {
        return uint40(market >> MARKET_TERMS_SHIFT);
    }

    /// @notice Lowest odds that the bettor accepts.
    function minOdds(uint256 tail) internal pure returns (uint256) {
        return tail >> TAIL_MIN_ODDS_SHIFT;
    }

    /// @notice Deadline in seconds after the base time.
    function deadlineAfter(uint256 tail) internal pure returns (uint256) {
        return uint16(tail >> TAIL_DEADLINE_SHIFT);
    }

    /// @notice 0 for a signature by the owner's key.
    function signatureLength(uint256 tail) internal pure returns (uint256) {
        return uint16(tail >> TAIL_LENGTH_SHIFT);
    }
}
