// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../libraries/Signatures.sol";
import {Withdrawal} from "../libraries/Withdrawals.sol";

/// @title ISportsbook
/// @notice Escrow of bettors' money, bets and the house's bankroll. Odds come from off-chain; each
/// bet is signed by its bettor, placed in a batch, and settled from the published result alone.
///
/// Amounts are units of the 6-decimal token; odds are decimal odds x 10^4; times are unix seconds.
/// Packed bytes are big-endian:
///   Table  := base u40 | n u8 | n x (fixture name hash 32 | startsAt u40)
///           | m u8 | m x (fixture index u8 | kind u8 | period u8 | line i16 | flags u8)
///   Record := account u32 | nonce u24 | stake u64 | accepted u16, seconds after base
///           | legs u8 | legs x (market index u8 | outcome u8 | odds u32)
///   Batch  := Table | count u16 | count x (Record | minOdds u40 | deadline u16, seconds after base
///           | signature length u16 | signature)
///   Markets := base u40 | m x (fixture id 16 | startsAt u40 | kind u8 | period u8 | line i16 | flags u8)
/// Fixtures of a table ascend by id, and so do markets; there are no more fixtures than markets. A
/// signature length of 0 announces the owner's own signature in the 64-byte form of EIP-2098; any
/// other length that of an ERC-1271 wallet. A quoted bet ends with a length of 0 and no signature.
interface ISportsbook {
    /// @notice Why a slip was left out of a batch. The numbers are those of the event.
    enum Skip {
        None,
        AccountUnknown,
        SignatureInvalid,
        NonceUsed,
        SlipExpired,
        BalanceInsufficient,
        OddsBelowMinimum,
        MarketUnknown,
        MarketClosed,
        AcceptanceOutsideWindow,
        StakeInvalid,
        ExposureExceeded,
        PayoutTooLarge,
        OddsInvalid,
        Excluded,
        LegsInvalid,
        CapExceeded
    }

    /// @notice A run of bets of one batch: the number of the first; what their times count from and
    /// the markets that they refer to, in any order; their records as the event has them, but for the
    /// index of the market, which is that of `markets`; and the proof: the hash of the whole batch
    /// (m u8 | Markets | Records as in the event) and the Merkle neighbours of the run or, for all bets
    /// of a batch of several, its root alone. A run that is settled behind another may leave out its
    /// markets, but not the time: its records then refer to those that were listed last.
    struct Run {
        uint256 batch;
        uint256 first;
        bytes markets;
        bytes records;
        bytes32[] proof;
    }

    /// @notice The house's offer of a bet, signed as Quote with the odds and legs of the bet.
    /// Warning: a quote for anyone lets a bettor use the balance or the nonce that a slip counts on
    /// which the house has accepted and not placed yet. Who accepts slips quotes to accounts.
    /// @param account Whom it is for, who may use it for one slip of this nonce; 0 for anyone, who
    /// together may stake `maxStake` on it.
    struct Quote {
        uint32 account;
        uint24 nonce;
        uint64 maxStake;
        uint40 deadline;
    }

    /// @notice What house and bettor sign to end a bet, or the part of it that staked `stake`, for
    /// `price`.
    struct CashOut {
        uint64 stake;
        uint64 price;
        uint40 deadline;
    }

    /// @notice A fixture's result as it is held; `status` 0 where there is none. IResults says what
    /// the fields mean.
    struct FixtureResult {
        uint8 status;
        uint8 homeHalf;
        uint8 awayHalf;
        uint8 homeFull;
        uint8 awayFull;
        uint40 settledAt;
        uint40 publishedAt;
        uint40 finalAt;
    }

    event AccountOpened(uint32 indexed account, address indexed owner);
    event Deposited(uint32 indexed account, address indexed from, uint64 amount);
    /// @notice `withdrawal` := account u32 | amount u64 | deadline u40, which is 0 after `exit`.
    event Withdrawn(Withdrawal withdrawal);
    event ExitRequested(uint32 indexed account, uint64 amount, uint40 unlocksAt);
    /// @notice `data` := placed u16 | m u8 | Markets | placed x Record
    ///                 | skipped x (account u32 | nonce u24 | reason u8)
    event BatchPlaced(uint256 indexed batch, bytes data);
    /// @notice Bit i of `settled` stands for bet i. `payouts` := k x (bet u8 | payout u64), those
    /// above nothing only.
    event BatchSettled(uint256 indexed batch, uint256 settled, bytes payouts);
    /// @notice A bet ended for `price`. When part of its stake was left, that `rest` goes on as bet 0
    /// of the batch `next`, else `next` is 0. `markets` and `record` are as in a Run.
    event CashedOut(
        uint256 indexed batch,
        uint256 bet,
        uint64 price,
        uint256 next,
        uint64 rest,
        bytes markets,
        bytes record
    );
    event SelfExcluded(uint32 indexed account, uint40 from, uint40 until);
    event HouseFunded(uint64 amount);
    event HouseReleased(address indexed to, uint64 amount);
    event OperatorSet(address indexed operator, bool allowed);
    event SignerSet(address indexed signer, bool allowed);
    event GuardianSet(address indexed guardian);
    event BankrollSet(address indexed bankroll);
    event CapsSet(uint64 market, uint64 fixture);
    event PlacingPaused(bool paused);

    error AccountExcluded(uint32 account, uint40 until);
    error AmountZero();
    error BalanceInsufficient(uint32 account, uint256 balance, uint256 amount);
    error BankrollAlreadySet(address bankroll);
    error BankrollLocked(uint256 free, uint256 amount);
    error BatchMalformed();
    error BatchTooLarge(uint256 slips);
    error BetNotOpen(uint256 batch, uint256 bet);
    error CashOutExpired(uint40 deadline);
    error CashOutStakeInvalid(uint256 given, uint256 stake);
    error CashOutTooHigh(uint256 price, uint256 limit);
    error CashOutUnsigned(address signer);
    error CodeMissing(address settling);
    error DelaysInvalid(uint40 receiptWindow, uint40 exitDelay);
    error DepositTooLarge(uint256 held);
    error ExclusionShorter(uint40 until);
    error ExitLocked(uint40 unlocksAt);
    error ExitUnknown(uint32 account);
    error GasTooLow();
    error MarketsUnused(uint256 markets, uint256 legs);
    error NotBankroll(address caller);
    error NotGuardian(address caller);
    error NotOperator(address caller);
    error NotResults(address caller);
    error NotOwnerOf(uint32 account, address caller);
    error NothingToSettle();
    error OwnerZero();
    error PlacingIsPaused();
    error ProofInvalid();
    error QuoteExpired(uint40 deadline);
    error QuoteForAnother(uint32 account, uint24 nonce);
    error QuoteInvalid(address signer);
    error QuoteUsed(uint256 stakes, uint256 maxStake);
    error ReceiptInvalid(address signer);
    error ResultExists(bytes16 fixture);
    error ResultUnknown(bytes16 fixture);
    error RunNotOfBatch(uint256 batch);
    error SlipRefused(Skip reason);
    error SlipsNotOne(uint256 slips);
    error TableMalformed();
    error TokenDecimalsUnsupported(uint8 decimals);
    error WithdrawalExpired(uint40 deadline);
    error WithdrawalUnsigned(address signer);

    // -- Money in

    /// @notice Put tokens on the caller's account; the first deposit opens it.
    function deposit(uint64 amount) external returns (uint32 account);

    /// @notice Put the caller's tokens on somebody else's account.
    function depositFor(address owner, uint64 amount) external returns (uint32 account);

    /// @notice `deposit` with an EIP-2612 permit for exactly this amount. A permit that somebody
    /// else has already used is no obstacle.
    function depositWithPermit(uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint32 account);

    // -- Money out. Nobody can pause these.

    /// @notice Leave at once, which the house grants by its countersignature: no accepted slip waits for
    /// the money. Caller is the account's owner; signatures are used in their sequence.
    /// @param withdrawal What was signed: account u32 | amount u64 | deadline u40, the deadline in the
    /// lowest bits. One word costs less than three, and so does a function with the lowest selector.
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external;

    /// @notice Announce a withdrawal that needs nobody's consent. A new one replaces the old.
    function requestExit(uint64 amount) external;

    /// @notice Take what was announced, or what is left of it, after EXIT_DELAY.
    function exit() external returns (uint64 amount);

    // -- Self-exclusion

    /// @notice Shut the caller's account to bets and deposits from now on until a time, which can
    /// only be put off, never brought forward. Slips that were accepted before still count.
    function excludeSelf(uint40 until) external;

    // -- Bets

    /// @notice Place up to 256 slips. A slip that fails is left out and reported with its reason.
    /// Warning: the operator states the time of acceptance, anywhere within RECEIPT_WINDOW before
    /// the block; liquidity providers trust it not to back-date.
    function placeBatch(bytes calldata batch) external returns (uint256 id);

    /// @notice Place one slip by the house's receipt, without the operator. Anyone may send it, until
    /// RECEIPT_WINDOW after acceptance, even when the result is known. No cap stands in its way.
    /// Reverts with the reason.
    function enforce(bytes calldata batch, Signature calldata receipt) external returns (uint256 id);

    /// @notice Place the caller's own bet at odds that the house quoted. The bet is accepted at the
    /// time of the block: its record's `accepted` is 0. Reverts with the reason.
    function placeQuoted(bytes calldata batch, Quote calldata quote, Signature calldata house)
        external
        returns (uint256 id);

    /// @notice Settle runs of bets. Anyone may send them. Bets that are settled already or not yet
    /// decided are left alone; nothing is lost by sending a run twice or too early.
    function settle(Run[] calldata runs) external;

    /// @notice End a bet at a price that house and bettor signed as CashOut.
    /// @param run The one bet.
    /// @param bettor The owner's signature: 64 bytes by its key, any other length as a contract.
    function cashOut(
        Run calldata run,
        CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettor
    ) external;

    // -- Results

    /// @notice Take results of fixtures that have none. Only RESULTS.
    /// @param results Words of: fixture 128 | status 8 | homeHalf 8 | awayHalf 8 | homeFull 8
    /// | awayFull 8 | settledAt 40 | 48 zero.
    function resolve(uint256[] calldata results, uint40 finalAt) external;

    /// @notice Replace a result or put its finality off. Only RESULTS.
    function amend(uint256 result, uint40 finalAt) external;

    // -- House

    /// @notice Count tokens that the caller has just sent here as the house's. Only the bankroll, and
    /// RESULTS for a bond that was lost.
    function fund(uint64 amount) external;

    /// @notice Send unlocked money of the house. Only the bankroll.
    function release(address to, uint64 amount) external;

    function setOperator(address operator, bool allowed) external;

    /// @notice Let a key sign for the house, or retire it: receipts that it signed for slips accepted
    /// up to now can still be enforced, anything else it signs counts no more.
    function setSigner(address signer, bool allowed) external;
    function setGuardian(address guardian) external;
    function setBankroll(address bankroll) external;

    /// @notice The most that may be locked for one market (and one accumulator), for one fixture.
    function setCaps(uint64 market, uint64 fixture) external;

    /// @notice Stop or resume `placeBatch` and `placeQuoted`, and nothing else. The guardian stops; the owner does both.
    function pausePlacing(bool paused) external;

    // -- Views

    function accountOf(address owner) external view returns (uint32);
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint8 sequence);
    function exitOf(uint32 account) external view returns (uint64 amount, uint40 unlocksAt);
    function exclusionOf(uint32 account) external view returns (uint40 from, uint40 until);
    function isOperator(address operator) external view returns (bool);
    function isSigner(address signer) external view returns (bool);
    function resultOf(bytes16 fixture) external view returns (FixtureResult memory);
    /// @notice What open bets on the fixture lock, until it has a result.
    function lockedOf(bytes16 fixture) external view returns (uint64);
    function caps() external view returns (uint64 market, uint64 fixture);
    function isUsable(uint32 account, uint24 nonce) external view returns (bool);
    function book()
        external
        view
        returns (uint64 pool, uint64 openStakes, uint64 locked, uint48 batchCount, bool paused);
    /// @notice What belongs to the bankroll: settled money, profit and loss included.
    function house() external view returns (uint64);
    /// @notice What of it can leave: not locked by open bets.
    function houseFree() external view returns (uint64);
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes);
    function batches(uint256 batch) external view returns (bytes32 commitment);
    function settledBits(uint256 batch) external view returns (uint256);

    /// @notice The code of `settle` and `cashOut`; fixed, and without storage of its own.
    function SETTLING() external view returns (address);
    function RECEIPT_WINDOW() external view returns (uint40);
    function EXIT_DELAY() external view returns (uint40);
    function VOID_AFTER() external view returns (uint40);
}
