// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";

/// @notice How a token is counted in micro-units, 10^-6 of a token:
///   bits   [0,128)                           [128,256)
///   field  units of the token per micro-unit  micro-units per unit of the token
/// With more than 6 decimals the second is 1, with fewer the first; with 6 both are.
type Scale is uint256;

using Scales for Scale global;

/// @title Scales
/// @notice Converts between micro-units, in which everything is counted, and the units of a token
/// with 0 to 18 decimals, in which it moves. Tokens that arrive are rounded down to whole
/// micro-units. What leaves must be whole units of the token, so it is never rounded by a
/// transfer.
library Scales {
    uint256 private constant MICRO_DECIMALS = 6;
    uint256 private constant MAX_DECIMALS = 18;
    uint256 private constant MICRO_PER_UNIT_AT = 128;

    /// @notice The scale of a token. Reverts with TokenDecimalsMissing or
    /// TokenDecimalsUnsupported.
    function ofToken(IERC20 token) internal view returns (Scale) {
        (bool answered, bytes memory answer) =
            address(token).staticcall(abi.encodeCall(IERC20Metadata.decimals, ()));
        if (!answered || answer.length < 32) {
            revert ISportsbook.TokenDecimalsMissing(address(token));
        }
        uint256 decimals = abi.decode(answer, (uint256));
        if (decimals > MAX_DECIMALS) revert ISportsbook.TokenDecimalsUnsupported(decimals);
        (uint256 unitsPerMicro_, uint256 microPerUnit_) = (1, 1);
        if (decimals < MICRO_DECIMALS) microPerUnit_ = 10 ** (MICRO_DECIMALS - decimals);
        else unitsPerMicro_ = 10 ** (decimals - MICRO_DECIMALS);
        return Scale.wrap((microPerUnit_ << MICRO_PER_UNIT_AT) | unitsPerMicro_);
    }

    /// @notice Units of the token in a micro-unit; 1 if the token has at most 6 decimals.
    function unitsPerMicro(Scale scale) internal pure returns (uint256) {
        return uint128(Scale.unwrap(scale));
    }

    /// @notice Micro-units in a unit of the token; 1 if the token has at least 6 decimals.
    function microPerUnit(Scale scale) internal pure returns (uint256) {
        return Scale.unwrap(scale) >> MICRO_PER_UNIT_AT;
    }

    /// @notice Units of the token in an amount of micro-units. Reverts with AmountUneven.
    function toUnits(Scale scale, uint256 micro) internal pure returns (uint256) {
        uint256 unit = scale.microPerUnit();
        // Neither is 0.
        unchecked {
            if (micro % unit != 0) revert ISportsbook.AmountUneven(micro, unit);
        }
        return scale.toUnitsDown(micro);
    }

    /// @notice Whole units of the token in an amount of micro-units.
    function toUnitsDown(Scale scale, uint256 micro) internal pure returns (uint256) {
        // An amount has at most 64 bits, a factor 40.
        unchecked {
            return micro / scale.microPerUnit() * scale.unitsPerMicro();
        }
    }

    /// @notice Whole micro-units in units of the token; the highest number if they are more.
    function toMicroDown(Scale scale, uint256 units) internal pure returns (uint256) {
        return Math.saturatingMul(units / scale.unitsPerMicro(), scale.microPerUnit());
    }

    /// @notice Whether units of the token are at most an amount of micro-units. Cannot overflow.
    function isAtMost(Scale scale, uint256 units, uint256 micro) internal pure returns (bool) {
        return units / scale.unitsPerMicro() <= micro / scale.microPerUnit();
    }

    /// @notice The part of an amount of micro-units that is whole units of the token.
    function wholeDown(Scale scale, uint256 micro) internal pure returns (uint256) {
        unchecked {
            return micro - micro % scale.microPerUnit();
        }
    }
}
