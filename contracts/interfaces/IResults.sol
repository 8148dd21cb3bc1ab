// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../libraries/Signatures.sol";

/// @title IResults
/// @notice One result per fixture, attested by k of n signers off-chain and final after a dispute
/// window. Every market of the fixture follows from it. Results are held by the sportsbook.
///
/// What the signers attest, EIP-712 type Result:
///   fixture     first 16 bytes of the hash of its name
///   status      1 played; 2 void: postponed beyond the sportsbook's VOID_AFTER, cancelled, or a
///               walk-over: no bet counts; 3 abandoned before half-time; 4 abandoned after it: what
///               no further goal could change stands, the rest is void; 5 a proposition's fraction
///   goals       of the first half and of the whole match; when abandoned, those scored until then.
///               With status 5: won in homeHalf and refunded in awayHalf of homeFull parts
///   settledAt   the time up to which bets count, unix seconds
interface IResults {
    /// @notice Who decides: any `threshold` of the signers, and the arbiter while a result is not
    /// final.
    struct Council {
        address[] signers;
        uint8 threshold;
        address arbiter;
    }

    /// @notice Words as ISportsbook.resolve takes them.
    event ResultsPublished(uint256[] results, uint40 publishedAt, uint40 finalAt);
    event ResultCorrected(uint256 result, uint40 finalAt);
    event ResultDisputed(bytes16 indexed fixture, address indexed by, uint64 bond, uint40 finalAt);
    /// @notice The dispute is over; the bond went back to whom it came from, or to the house. `refunded`
    /// says what was due: a bond that its giver's address did not take is the house's as well.
    event DisputeClosed(bytes16 indexed fixture, address indexed by, uint64 bond, bool refunded);
    event CouncilProposed(address[] signers, uint8 threshold, address arbiter, uint40 fromTime);
    event CouncilAppointed(address[] signers, uint8 threshold, address arbiter, uint32 term);
    event SportsbookSet(address indexed sportsbook);

    error CouncilInvalid();
    error CouncilNotProposed();
    error CouncilTooEarly(uint40 fromTime);
    error DisputeExists(bytes16 fixture);
    error DisputeOpen(bytes16 fixture, uint40 finalAt);
    error DisputeUnknown(bytes16 fixture);
    error NotArbiter(address caller);
    error ResultFinal(bytes16 fixture, uint40 finalAt);
    error ResultFromFuture(bytes16 fixture, uint40 settledAt);
    error ResultInvalid(bytes16 fixture);
    error ResultUnknown(bytes16 fixture);
    error SignaturesTooFew(uint256 given, uint256 threshold);
    error SignerUnknown(address signer);
    error SignersOutOfOrder(address previous, address signer);
    error SportsbookAlreadySet(address sportsbook);
    error WindowInvalid();

    /// @notice Publish results that at least `threshold` signers attested. Anyone may send them.
    /// @param results Words as ISportsbook.resolve takes them, of fixtures without a result.
    /// @param signatures Over the EIP-712 ResultSheet of all of them, in ascending order of the
    /// signers' addresses.
    function publish(uint256[] calldata results, Signature[] calldata signatures) external;

    /// @notice Replace a result that is not final yet, or confirm one that is disputed; its window
    /// starts again, and three windows after publication it is final. Only the arbiter. The bond of
    /// a dispute goes back when the result changed, else to the house.
    /// Warning: the arbiter decides alone until the window closes.
    function rule(uint256 result) external;

    /// @notice Contest a result that is not final, with BOND of the caller's tokens. It then becomes
    /// final three windows after its publication, which leaves the arbiter time to rule.
    function dispute(bytes16 fixture) external;

    /// @notice Give the bond of a dispute back that the arbiter left unanswered until the result
    /// became final. Anyone may send it.
    function closeDispute(bytes16 fixture) external;

    /// @notice Announce a new council. It can be appointed NOTICE later: longer than the sportsbook's
    /// EXIT_DELAY, so that whoever does not trust it can leave first. Only the owner.
    function propose(Council calldata next) external;

    /// @notice Put the announced council in office. Anyone may send it. Fixtures know nothing of
    /// councils: the one in office signs for all that have no result yet.
    function appoint(Council calldata next) external;

    /// @notice Where results go; set once. Only the owner.
    function setSportsbook(address sportsbook) external;

    function arbiter() external view returns (address);
    function threshold() external view returns (uint8);
    function isResultSigner(address signer) external view returns (bool);
    function disputeOf(bytes16 fixture) external view returns (address by, uint64 bond);

    /// @notice Seconds from publication to finality.
    function DISPUTE_WINDOW() external view returns (uint40);
    /// @notice Seconds from the announcement of a council to its office.
    function NOTICE() external view returns (uint40);
    /// @notice Micro-units that a dispute costs.
    function BOND() external view returns (uint64);
}
