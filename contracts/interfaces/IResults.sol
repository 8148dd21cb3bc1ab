// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../libraries/Signatures.sol";

/// @title IResults
/// @notice Publishes one result per fixture, attested off-chain by k of n signers and final after
/// a dispute window. The result decides every market of the fixture. The sportsbook stores it.
///
/// What the signers attest, EIP-712 type Result:
///   fixture     first 16 bytes of the hash of the fixture's name
///   status      1  played
///               2  void, no bet counts: postponed beyond the sportsbook's VOID_AFTER,
///                  cancelled, or a walkover
///               3  abandoned before half-time, 4  abandoned after it: what no further goal
///                  could change is decided, everything else is void
///               5  fraction of a proposition
///   goals       of the first half and of the whole match; if abandoned, those scored until then.
///               With status 5: of homeFull parts, homeHalf win and awayHalf are refunded
///   settledAt   time up to which bets count, unix seconds
///
/// Warning: `threshold` signers together decide all bets, unless the arbiter replaces their
/// result. They can also withhold results; bets are then void after the sportsbook's VOID_AFTER.
interface IResults {
    /// @notice Who decides results: any `threshold` of the signers, and the arbiter until a result
    /// is final.
    struct Council {
        address[] signers;
        uint8 threshold;
        address arbiter;
    }

    /// @notice Words as ISportsbook.resolve takes them.
    event ResultsPublished(uint256[] results, uint40 publishedAt, uint40 finalAt);
    event ResultCorrected(uint256 result, uint40 finalAt);
    /// @notice `bond` is what arrived, in micro-units.
    event ResultDisputed(bytes16 indexed fixture, address indexed by, uint64 bond, uint40 finalAt);
    /// @notice A dispute ended; the bond is owed to its author again, or to the house.
    event DisputeClosed(bytes16 indexed fixture, address indexed by, uint64 bond, bool refunded);
    /// @notice Bonds of closed disputes were paid, usually when a dispute is closed.
    event BondsPaid(address indexed to, uint64 bonds);
    event CouncilProposed(address[] signers, uint8 threshold, address arbiter, uint40 fromTime);
    event CouncilAppointed(address[] signers, uint8 threshold, address arbiter, uint24 term);
    event SportsbookSet(address indexed sportsbook);

    /// @notice A council of more than 32 signers, of a signer listed twice or zero, or whose
    /// threshold is not more than half of them.
    error CouncilInvalid();
    /// @notice The council differs from the one proposed, or the proposal lapsed.
    error CouncilNotProposed();
    /// @notice The proposal's notice is not over.
    error CouncilTooEarly(uint40 fromTime);
    /// @notice The result is disputed already.
    error DisputeExists(bytes16 fixture);
    /// @notice The arbiter may still rule on the dispute.
    error DisputeOpen(bytes16 fixture, uint40 finalAt);
    /// @notice Nobody disputes the result.
    error DisputeUnknown(bytes16 fixture);
    /// @notice No bond is owed to the address.
    error NoBondsOwed(address to);
    /// @notice The caller is not the arbiter of the fixture's council.
    error NotArbiter(address caller);
    /// @notice Address 0 can own no account, and no contract.
    error OwnerZero();
    /// @notice A sheet after its deadline.
    error SheetExpired(uint40 deadline);
    /// @notice The result is final.
    error ResultFinal(bytes16 fixture, uint40 finalAt);
    /// @notice A result settled at a time that is yet to come.
    error ResultFromFuture(bytes16 fixture, uint40 settledAt);
    /// @notice A result whose fields contradict each other.
    error ResultInvalid(bytes16 fixture);
    /// @notice The fixture has no result.
    error ResultUnknown(bytes16 fixture);
    /// @notice Fewer signatures than the council's threshold; 0 if the term is yet to come.
    error SignaturesTooFew(uint256 given, uint256 threshold);
    /// @notice A signature by nobody of the council, or over another sheet.
    error SignerUnknown(address signer);
    /// @notice Signatures that are not in ascending order of the signers.
    error SignersOutOfOrder(address previous, address signer);
    /// @notice The sportsbook can be set once.
    error SportsbookAlreadySet(address sportsbook);

    /// @notice Publish results that at least `threshold` signers of a council have attested.
    /// Anyone may call it. A fixture is decided by the council that stood when it was first bet
    /// on.
    /// @param results Words as ISportsbook.resolve takes them, of fixtures without a result.
    /// @param term Of the council.
    /// @param deadline Last time at which the sheet can be published: a sheet that was replaced by
    /// a later one does not stay usable.
    /// @param signatures Over the EIP-712 type ResultSheet with all of this, in ascending order of
    /// the signers' addresses.
    function publish(
        uint256[] calldata results,
        uint24 term,
        uint40 deadline,
        Signature[] calldata signatures
    ) external;

    /// @notice Replace a result that is not final, or confirm a disputed one. The dispute window
    /// starts again, but the result is final three windows after publication at the latest. Only
    /// the arbiter of the council that decides the fixture. The bond of a dispute is refunded if
    /// the result changes; otherwise it goes to the house. If the token refuses the transfer, the
    /// bond stays owed until `payBonds`. Reverts with ISportsbook.GasTooLow rather than let the
    /// payment run out of gas; so does `closeDispute`.
    /// Warning: until the result is final, the arbiter decides alone.
    function rule(uint256 result) external;

    /// @notice Dispute a result that is not final, with BOND of the caller's tokens. It then
    /// becomes final three windows after its publication, which gives the arbiter time to rule.
    function dispute(bytes16 fixture) external;

    /// @notice Refund the bond of a dispute on which the arbiter did not rule before the result
    /// became final. Anyone may call it.
    function closeDispute(bytes16 fixture) external;

    /// @notice Pay the bonds that are owed to an address; those of the sportsbook go to the house.
    /// Anyone may call it. `rule` and `closeDispute` do so, and succeed even if the token refuses.
    function payBonds(address to) external;

    /// @notice Propose a new council. It can be appointed from NOTICE later until twice NOTICE
    /// later. Only the owner. NOTICE is longer than the sportsbook's EXIT_DELAY, so that bettors
    /// who do not trust it can leave.
    function propose(Council calldata next) external;

    /// @notice Appoint the proposed council. Anyone may call it. It decides the fixtures that are
    /// first listed in a batch from then on. The others stay with the council before, or become
    /// void if it publishes no result.
    function appoint(Council calldata next) external;

    /// @notice Set the sportsbook that stores the results, once. Only the owner.
    function setSportsbook(address sportsbook) external;

    /// @notice Number of the council that stands; the first is 1.
    function term() external view returns (uint24);
    /// @notice The threshold and the arbiter of a council; 0 if the term is yet to come.
    function councilOf(uint24 term) external view returns (uint8 threshold, address arbiter);
    function isResultSigner(uint24 term, address signer) external view returns (bool);
    /// @notice The open dispute of a fixture; zero if there is none.
    function disputeOf(bytes16 fixture) external view returns (address by, uint64 bond);

    /// @notice Bonds of closed disputes that were not paid to an address yet, in micro-units; to
    /// the sportsbook's if they are the house's.
    function bondsOwed(address to) external view returns (uint64);

    /// @notice Seconds from publication until a result is final, if nobody disputes it.
    function DISPUTE_WINDOW() external view returns (uint40);
    /// @notice Seconds between the proposal of a council and its appointment.
    function NOTICE() external view returns (uint40);
    /// @notice Bond of a dispute, in micro-units; whole units of the token.
    function BOND() external view returns (uint64);
}
