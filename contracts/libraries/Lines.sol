// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A market of a batch on its way through memory: the address of its first word.
type Line is uint256;
/// @notice A fixture of a batch on its way through memory.
type Row is uint256;

using Lines for Line global;
using Rows for Row global;

/// @title Lines
/// @notice A market's words in memory, by plain offsets: arrays of structs would check a bound and
/// follow a pointer at every look.
library Lines {
    /// @dev Words of a line: seven of its own, then the leg hashes of outcomes 0 to 2 when placing,
    /// or their fractions when settling.
    uint256 private constant SIZE = 320;

    function reserve(uint256 count) internal pure returns (uint256 lines) {
        assembly ("memory-safe") {
            lines := mload(0x40)
            let end := add(lines, mul(count, SIZE))
            mstore(0x40, end)
            // Memory behind the free pointer may hold what others left.
            calldatacopy(lines, calldatasize(), sub(end, lines))
        }
    }

    function at(uint256 lines, uint256 index) internal pure returns (Line) {
        unchecked {
            return Line.wrap(lines + index * SIZE);
        }
    }

    function next(Line line) internal pure returns (Line) {
        unchecked {
            return Line.wrap(Line.unwrap(line) + SIZE);
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
            value := mload(add(line, 32))
        }
    }

    function locked(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, 64))
        }
    }

    function mode(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, 96))
        }
    }

    function closesAt(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, 128))
        }
    }

    function outcomes(Line line) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, 160))
        }
    }

    function row(Line line) internal pure returns (Row value) {
        assembly ("memory-safe") {
            value := mload(add(line, 192))
        }
    }

    /// @dev What is worked out once for an outcome below 3; 0 before.
    function known(Line line, uint256 outcome) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(line, add(224, shl(5, outcome))))
        }
    }

    function setMarket(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(line, value)
        }
    }

    function setExposure(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, 32), value)
        }
    }

    function setLocked(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, 64), value)
        }
    }

    function setMode(Line line, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, 96), value)
        }
    }

    function setTerms(Line line, uint256 closesAt_, uint256 outcomes_, Row row_) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, 128), closesAt_)
            mstore(add(line, 160), outcomes_)
            mstore(add(line, 192), row_)
        }
    }

    function setKnown(Line line, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(line, add(224, shl(5, outcome))), value)
        }
    }
}

/// @title Rows
/// @notice A fixture's words in memory: hash of its name, its start, and what its bets lock.
library Rows {
    uint256 private constant SIZE = 96;

    function reserve(uint256 count) internal pure returns (uint256 rows) {
        assembly ("memory-safe") {
            rows := mload(0x40)
            mstore(0x40, add(rows, mul(count, SIZE)))
        }
    }

    function at(uint256 rows, uint256 index) internal pure returns (Row) {
        unchecked {
            return Row.wrap(rows + index * SIZE);
        }
    }

    function set(Row row, uint256 name_, uint256 startsAt_, uint256 locked_) internal pure {
        assembly ("memory-safe") {
            mstore(row, name_)
            mstore(add(row, 32), startsAt_)
            mstore(add(row, 64), locked_)
        }
    }

    /// @dev The fixture's id is the first 16 bytes of its name's hash.
    function name(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(row)
        }
    }

    function startsAt(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(row, 32))
        }
    }

    function locked(Row row) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(row, 64))
        }
    }

    function setLocked(Row row, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(row, 64), value)
        }
    }
}
