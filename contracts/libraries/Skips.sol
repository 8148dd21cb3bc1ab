// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";

/// @title Skips
/// @notice The reasons for leaving a slip out, ISportsbook.Skip, as the numbers that the event has.
/// @dev Placing passes them on as numbers: the compiler checks a variable of an enum's type at
/// every use. A constant is converted when it is compiled.
library Skips {
    uint256 internal constant NONE = uint256(ISportsbook.Skip.None);
    uint256 internal constant ACCOUNT_UNKNOWN = uint256(ISportsbook.Skip.AccountUnknown);
    uint256 internal constant SIGNATURE_INVALID = uint256(ISportsbook.Skip.SignatureInvalid);
    uint256 internal constant NONCE_USED = uint256(ISportsbook.Skip.NonceUsed);
    uint256 internal constant SLIP_EXPIRED = uint256(ISportsbook.Skip.SlipExpired);
    uint256 internal constant BALANCE_INSUFFICIENT = uint256(ISportsbook.Skip.BalanceInsufficient);
    uint256 internal constant ODDS_BELOW_MINIMUM = uint256(ISportsbook.Skip.OddsBelowMinimum);
    uint256 internal constant MARKET_UNKNOWN = uint256(ISportsbook.Skip.MarketUnknown);
    uint256 internal constant MARKET_CLOSED = uint256(ISportsbook.Skip.MarketClosed);
    uint256 internal constant ACCEPTANCE_OUTSIDE_WINDOW =
        uint256(ISportsbook.Skip.AcceptanceOutsideWindow);
    uint256 internal constant STAKE_INVALID = uint256(ISportsbook.Skip.StakeInvalid);
    uint256 internal constant EXPOSURE_EXCEEDED = uint256(ISportsbook.Skip.ExposureExceeded);
    uint256 internal constant PAYOUT_TOO_LARGE = uint256(ISportsbook.Skip.PayoutTooLarge);
    uint256 internal constant ODDS_INVALID = uint256(ISportsbook.Skip.OddsInvalid);
    uint256 internal constant EXCLUDED = uint256(ISportsbook.Skip.Excluded);
    uint256 internal constant LEGS_INVALID = uint256(ISportsbook.Skip.LegsInvalid);
    uint256 internal constant CAP_EXCEEDED = uint256(ISportsbook.Skip.CapExceeded);
    uint256 internal constant NONCE_CANCELLED = uint256(ISportsbook.Skip.NonceCancelled);
    uint256 internal constant NONCE_TOO_FAR = uint256(ISportsbook.Skip.NonceTooFar);
}
