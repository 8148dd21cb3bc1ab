// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

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
/// Markets of a table ascend by id; it has no more fixtures than markets. A signature length of 0 announces the owner's own signature in
/// the 64-byte form of EIP-2098; any other length that of an ERC-1271 wallet.
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
        LegsInvalid
    }

    /// @notice A run of bets of one batch: the table and the records as the batch's event has them,
    /// the number of the first, and the Merkle neighbours of the run.
    struct Run {
        uint256 batch;
        uint256 first;
        bytes table;
        bytes records;
        bytes32[] proof;
    }

    event AccountOpened(uint32 indexed account, address indexed owner);
    event Deposited(uint32 indexed account, address indexed from, uint64 amount);
    event Withdrawn(uint32 indexed account, uint64 amount);
    event ExitRequested(uint32 indexed account, uint64 amount, uint40 unlocksAt);
    /// @notice `data` := Table | placed u16 | placed x Record
    ///                 | skipped u16 | skipped x (account u32 | nonce u24 | reason u8)
    event BatchPlaced(uint256 indexed batch, bytes data);
    /// @notice Bit i of `settled` stands for bet i. `payouts` := k x (bet u8 | payout u64), those
    /// above nothing only.
    event BatchSettled(uint256 indexed batch, uint256 settled, bytes payouts);
    event HouseFunded(uint64 amount);
    event HouseReleased(address indexed to, uint64 amount);
    event OperatorSet(address indexed operator, bool allowed);
    event SignerSet(address indexed signer, bool allowed);
    event GuardianSet(address indexed guardian);
    event BankrollSet(address indexed bankroll);
    event PlacingPaused(bool paused);

    error AccountUnknown(uint32 account);
    error AmountZero();
    error BalanceInsufficient(uint32 account, uint256 balance, uint256 amount);
    error BankrollAlreadySet(address bankroll);
    error BankrollLocked(uint256 free, uint256 amount);
    error BatchMalformed();
    error BatchTooLarge(uint256 slips);
    error DelaysInvalid(uint40 receiptWindow, uint40 exitDelay);
    error DepositTooLarge(uint256 held);
    error ExitLocked(uint40 unlocksAt);
    error ExitUnknown(uint32 account);
    error MarketsUnused(uint256 markets, uint256 legs);
    error NotBankroll(address caller);
    error NotGuardian(address caller);
    error NotOperator(address caller);
    error NotOwnerOf(uint32 account, address caller);
    error NothingToSettle();
    error OwnerZero();
    error PlacingIsPaused();
    error ReceiptInvalid(address signer);
    error RunNotOfBatch(uint256 batch);
    error SlipRefused(Skip reason);
    error SlipsNotOne(uint256 slips);
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

    /// @notice Leave at once, with the house's countersignature that no accepted slip waits for
    /// the money. Caller is the account's owner; signatures are used in their sequence.
    function withdraw(uint32 account, uint64 amount, uint40 deadline, bytes calldata signature)
        external;

    /// @notice Announce a withdrawal that needs nobody's consent. A new one replaces the old.
    function requestExit(uint64 amount) external;

    /// @notice Take what was announced, or what is left of it, after EXIT_DELAY.
    function exit() external returns (uint64 amount);

    // -- Bets

    /// @notice Place up to 256 slips. A slip that fails is left out and reported with its reason.
    /// Warning: the operator states the time of acceptance, anywhere within RECEIPT_WINDOW before
    /// the block; liquidity providers trust it not to back-date.
    function placeBatch(bytes calldata batch) external returns (uint256 id);

    /// @notice Place one slip by the house's receipt, without the operator. Anyone may send it, until
    /// RECEIPT_WINDOW after acceptance, even when the result is known. Reverts with the reason.
    function enforce(bytes calldata batch, bytes calldata receiptSignature)
        external
        returns (uint256 id);

    /// @notice Settle runs of bets. Anyone may send them. Bets that are settled already or not yet
    /// decided are left alone; nothing is lost by sending a run twice or too early.
    function settle(Run[] calldata runs) external;

    // -- House

    /// @notice Count tokens that the bankroll has just sent here as the house's.
    function fund(uint64 amount) external;

    /// @notice Send unlocked money of the house. Only the bankroll.
    function release(address to, uint64 amount) external;

    function setOperator(address operator, bool allowed) external;
    function setSigner(address signer, bool allowed) external;
    function setGuardian(address guardian) external;
    function setBankroll(address bankroll) external;

    /// @notice Stop or resume `placeBatch`, and nothing else. The guardian stops; the owner does both.
    function pausePlacing(bool paused) external;

    // -- Views

    function accountOf(address owner) external view returns (uint32);
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint32 withdrawals);
    function exitOf(uint32 account) external view returns (uint64 amount, uint40 unlocksAt);
    function isUsable(uint32 account, uint24 nonce) external view returns (bool);
    function book()
        external
        view
        returns (
            uint64 pool,
            uint64 openStakes,
            uint64 locked,
            uint48 batchCount,
            bool paused
        );
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

    function RECEIPT_WINDOW() external view returns (uint40);
    function EXIT_DELAY() external view returns (uint40);
    function VOID_AFTER() external view returns (uint40);
}
