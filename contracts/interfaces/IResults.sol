// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IResults
/// @notice One result per fixture, attested by k of n signers off-chain and final after a dispute
/// window. Every market of the fixture follows from it.
interface IResults {
    /// @notice What the signers attest. `status` is 1 (played) or 2 (void: no bet of the fixture
    /// counts). Full-time goals include those of the first half. `settledAt` is the time up to which
    /// bets count, in unix seconds.
    struct Result {
        bytes16 fixture;
        uint8 status;
        uint8 homeHalf;
        uint8 awayHalf;
        uint8 homeFull;
        uint8 awayFull;
        uint40 settledAt;
    }

    /// @notice A result as it is held; `status` 0 where there is none.
    struct Published {
        uint8 status;
        uint8 homeHalf;
        uint8 awayHalf;
        uint8 homeFull;
        uint8 awayFull;
        uint40 settledAt;
        uint40 publishedAt;
        uint40 finalAt;
    }

    event ResultPublished(
        bytes16 indexed fixture,
        uint8 status,
        uint8 homeHalf,
        uint8 awayHalf,
        uint8 homeFull,
        uint8 awayFull,
        uint40 settledAt,
        uint40 publishedAt,
        uint40 finalAt
    );
    event ResultCorrected(
        bytes16 indexed fixture,
        uint8 status,
        uint8 homeHalf,
        uint8 awayHalf,
        uint8 homeFull,
        uint8 awayFull,
        uint40 settledAt,
        uint40 publishedAt,
        uint40 finalAt
    );
    event ResultSignerSet(address indexed signer, bool allowed);
    event ThresholdSet(uint8 threshold);
    event ArbiterSet(address indexed arbiter);

    error NotArbiter(address caller);
    error ResultExists(bytes16 fixture);
    error ResultUnknown(bytes16 fixture);
    error ResultFinal(bytes16 fixture, uint40 finalAt);
    error ResultInvalid(bytes16 fixture);
    error ResultFromFuture(bytes16 fixture, uint40 settledAt);
    error SignaturesTooFew(uint256 given, uint256 threshold);
    error SignerUnknown(address signer);
    error SignersOutOfOrder(address previous, address signer);
    error ThresholdInvalid(uint8 threshold, uint256 signers);

    /// @notice Publish results that at least `threshold` signers attested. Anyone may send them.
    /// @param results One or more fixtures without a result.
    /// @param signatures r | s | v over the EIP-712 ResultSheet of all of them, in ascending order
    /// of the signers' addresses.
    function publish(Result[] calldata results, bytes[] calldata signatures) external;

    /// @notice Replace a result that is not final yet; its dispute window starts again, its time of
    /// publication stays, and three windows after publication it is final. Only the arbiter.
    /// Warning: the arbiter decides alone until the window closes.
    function correct(Result calldata result) external;

    function setSigner(address signer, bool allowed) external;
    function setThreshold(uint8 threshold) external;
    function setArbiter(address arbiter) external;

    /// @notice The result of a fixture, final or not.
    function resultOf(bytes16 fixture) external view returns (Published memory);

    /// @notice Seconds from publication to finality.
    function DISPUTE_WINDOW() external view returns (uint40);
}
