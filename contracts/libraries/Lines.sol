// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Row} from "./Rows.sol";

/// @notice A market of a batch on its way through memory: the address of its first word.
type Line is uint256;

using Lines for Line global;

// Places of a line's words, for what is written by hand. Three words each, for outcomes 0 to 2: KNOWN,
// their leg hashes when placing and their fractions when settling; PLAIN, the legs' hash of a slip of
// that one leg when placing, and the outcome's fate when settling, once it is worked out (a fourth word
// of it stays 0); SUMS, payouts and stakes << 128 that plain bets release, in the place of what only
// placing needs. SLOT and STORED: where the exposure is held, and as what before placing.
uint256 constant LINE_EXPOSURE = 0x20;
uint256 constant LINE_LOCKED = 0x40;
uint256 constant LINE_MODE = 0x60;
uint256 constant LINE_CLOSES_AT = 0x80;
uint256 constant LINE_OUTCOMES = 0xa0;
uint256 constant LINE_ROW = 0xc0;
uint256 constant LINE_KNOWN = 0xe0;
uint256 constant LINE_PLAIN = 0x140;
uint256 constant LINE_SUMS = 0x40;
uint256 constant LINE_SLOT = 0x1c0;
uint256 constant LINE_STORED = 0x1e0;
uint256 constant LINE_SIZE = 0x200;

/// @title Lines
/// @notice A market's words in memory, by plain offsets: arrays of structs would check a bound and
/// follow a pointer at every look.
library Lines {
    function reserve(uint256 count) internal pure returns (uint256 lines) {
        assembly ("memory-safe") {
            lines := mload(0x40)
            let end := add(lines, mul(count, LINE_SIZE))
            mstore(0x40, end)
            // Memory behind the free pointer may hold what others left.
            calldatacopy(lines, calldatasize(), sub(end, lines))
        }
    }

    function at(uint256 lines, uint256 index) internal pure returns (Line) {
        unchecked {
            return Line.wrap(lines + index * LINE_SIZE);
        }
    }

    function next(Line line) internal pure returns (Line) {
        unchecked {
            return Line.wrap(Line.unwrap(line) + LINE_SIZE);
        }
    }

    function market(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(line)
        }
    }

    /// @dev Payouts and stakes: all of the market when placing, those released when settling.
    function exposure(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_EXPOSURE))
        }
    }

    function locked(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_LOCKED))
        }
    }

    function mode(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_MODE))
        }
    }

    function closesAt(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_CLOSES_AT))
        }
    }

    function outcomes(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_OUTCOMES))
        }
    }

    function row(Line line) internal pure returns (Row value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_ROW))
        }
    }

    /// @dev What is worked out once for an outcome below 3; 0 before.
    function known(Line line, uint256 outcome) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, add(LINE_KNOWN, shl(5, outcome))))
        }
    }

    function setMarket(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(line, value)
        }
    }

    function setExposure(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, LINE_EXPOSURE), value)
        }
    }

    function setLocked(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, LINE_LOCKED), value)
        }
    }

    function setMode(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, LINE_MODE), value)
        }
    }

    function setTerms(Line line, uint256 closesAt_, uint256 outcomes_, Row row_) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, LINE_CLOSES_AT), closesAt_)
            mstore(add(line, LINE_OUTCOMES), outcomes_)
            mstore(add(line, LINE_ROW), row_)
        }
    }

    /// @dev The legs' hash of a slip of that one outcome, below 3; 0 before it is worked out.
    function plain(Line line, uint256 outcome) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, add(LINE_PLAIN, shl(5, outcome))))
        }
    }

    function setPlain(Line line, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, add(LINE_PLAIN, shl(5, outcome))), value)
        }
    }

    /// @dev The exposure as it is held, and where.
    function setStored(Line line, uint256 slot_, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, LINE_EXPOSURE), value)
            mstore(add(line, LINE_SLOT), slot_)
            mstore(add(line, LINE_STORED), value)
        }
    }

    function slot(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_SLOT))
        }
    }

    function stored(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, LINE_STORED))
        }
    }

    /// @dev Payouts and stakes that settled bets release, as the market's exposure has them.
    function released(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let sums := add(line, LINE_SUMS)
            let a := mload(sums)
            let b := mload(add(sums, 32))
            let c := mload(add(sums, 64))
            // The stakes of all three end up on top, each sum's payouts in their place.
            value := shl(192, shr(128, add(add(a, b), c)))
            a := and(a, 0xffffffffffffffff)
            b := shl(64, and(b, 0xffffffffffffffff))
            c := shl(128, and(c, 0xffffffffffffffff))
            value := add(add(value, mload(add(line, LINE_EXPOSURE))), or(or(a, b), c))
        }
    }

    function setKnown(Line line, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, add(LINE_KNOWN, shl(5, outcome))), value)
        }
    }
}
