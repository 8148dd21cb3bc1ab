// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Packed
/// @notice Reads the packed call data of batches. Addresses (`at`) are offsets into call data.
/// @dev Reading word by word instead of through `bytes` slices, whose bounds are checked on every
/// byte, saves some 900 gas a slip. Past the end call data reads as zero: callers check that a walk
/// ends exactly where the data does.
library Packed {
    error TableMalformed();

    uint256 internal constant RECORD_HEAD = 18;
    uint256 internal constant LEG_SIZE = 6;
    uint256 private constant FIXTURE_SIZE = 37;
    uint256 private constant MARKET_SIZE = 6;

    /// @notice What the records of one batch refer to.
    struct Table {
        uint256 base;
        uint256[] markets;
        bytes32[] fixtureNames;
        uint256 length;
    }

    function start(bytes calldata data) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }

    function word(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }

    /// @notice Read the table at the start of `data`. Markets must ascend, so that none is listed
    /// twice and each has one running exposure.
    function readTable(bytes calldata data) internal pure returns (Table memory table) {
        unchecked {
            uint256 at = start(data);
            uint256 head = word(at);
            uint256 fixtures = uint8(head >> 208);
            uint256 marketsAt = at + 6 + FIXTURE_SIZE * fixtures;
            uint256 count = word(marketsAt) >> 248;
            ++marketsAt;
            table.base = head >> 216;
            table.length = marketsAt - at + MARKET_SIZE * count;
            // Settling pays for every byte of the table: none may be there for nothing.
            if (fixtures > count || data.length < table.length) revert TableMalformed();
            table.markets = new uint256[](count);
            table.fixtureNames = new bytes32[](count);
            uint256 previous;
            for (uint256 i; i < count; ++i) {
                uint256 entry = word(marketsAt + MARKET_SIZE * i);
                uint256 fixture = entry >> 248;
                if (fixture >= fixtures) revert TableMalformed();
                uint256 fixtureAt = at + 6 + FIXTURE_SIZE * fixture;
                uint256 name = word(fixtureAt);
                uint256 startsAt = word(fixtureAt + 32) >> 216;
                // Widened before it is shifted: a uint40 would lose all of its bits.
                uint256 terms = uint40(entry >> 208);
                uint256 market = ((name >> 128) << 128) | (startsAt << 88) | (terms << 48);
                if (market <= previous) revert TableMalformed();
                previous = market;
                table.markets[i] = market;
                table.fixtureNames[i] = bytes32(name);
            }
        }
    }

    /// @notice Bytes of the record at `at`.
    function recordSize(uint256 head) internal pure returns (uint256) {
        unchecked {
            return RECORD_HEAD + LEG_SIZE * legCount(head);
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

    function acceptedAfter(uint256 head) internal pure returns (uint256) {
        return uint16(head >> 120);
    }

    function legCount(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 112);
    }

    /// @notice Leg number `i` of the record at `at`.
    function leg(uint256 at, uint256 i)
        internal
        pure
        returns (uint256 market, uint256 outcome, uint256 odds)
    {
        unchecked {
            uint256 entry = word(at + RECORD_HEAD + LEG_SIZE * i);
            return (entry >> 248, uint8(entry >> 240), uint32(entry >> 208));
        }
    }
}
