// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../libraries/Signatures.sol";
import {Withdrawal} from "../libraries/Withdrawals.sol";

/// @title ISportsbook
/// @notice Holds bettors' balances, open stakes and the house's money. Odds are made off-chain.
/// Each bet is signed by its bettor, placed in a batch, and settled by the published result alone.
///
/// Amounts are units of the 6-decimal token, odds are decimal odds x 10^4, times are unix seconds.
/// Packed bytes are big-endian; sizes without a type are in bytes:
///   Table   := base u40 | n u8 | n x (fixture name hash 32 | startsAt u40)
///            | m u8 | m x (fixture index u8 | kind u8 | period u8 | line i16 | flags u8)
///   Record  := account u32 | nonce u24 | stake u64 | accepted u16, seconds after base
///            | legs u8 | legs x (market index u8 | outcome u8 | odds u32)
///   Batch   := Table | count u16 | count x (Record | minOdds u40 | deadline u16, seconds after
///            base | signature length u16 | signature)
///   Markets := base u40 | m x (fixture id 16 | startsAt u40 | kind u8 | period u8 | line i16
///            | flags u8)
/// Fixtures of a table are in ascending order of their ids, and so are markets; there are no more
/// fixtures than markets. A signature length of 0 stands for the 64 bytes of a signature by the
/// owner's key (EIP-2098); any other length is that of a signature for an ERC-1271 wallet. A
/// quoted bet has a length of 0 and no signature.
interface ISportsbook {
    /// @notice Why a slip was left out of a batch; `reason` in BatchPlaced.
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

    /// @notice Consecutive bets of one batch, to be settled.
    /// @param batch Number of the batch.
    /// @param first Number of the first bet in the batch.
    /// @param markets Markets: base time of the batch, and the markets that the bets refer to, in
    /// any order. If it has the base time only, the records refer to the last list of an earlier
    /// run in the same call.
    /// @param records Records of the bets as in BatchPlaced, but with market indices that refer to
    /// `markets`.
    /// @param proof Hash of the whole batch (m u8 | Markets | Records, as in BatchPlaced), then
    /// the neighbours of the run in the Merkle tree. For all bets of a batch of two or more: the
    /// root of the tree alone; `markets` and `records` are then exactly those of BatchPlaced.
    struct Run {
        uint256 batch;
        uint256 first;
        bytes markets;
        bytes records;
        bytes32[] proof;
    }

    /// @notice The house's offer of a bet, signed as EIP-712 type Quote together with the odds and
    /// legs.
    /// Warning: with a quote for anyone, a bettor can spend the balance or the nonce of a slip
    /// that the house has accepted but not placed yet. A house that accepts slips should quote to
    /// one account.
    /// @param account Account that may use the quote, for one slip with this nonce; 0 for anyone.
    /// @param nonce Nonce of the slip, if the quote is for one account.
    /// @param maxStake Maximum stake; for a quote for anyone, of all bets on it together.
    /// @param deadline Last time at which the quote can be used.
    struct Quote {
        uint32 account;
        uint24 nonce;
        uint64 maxStake;
        uint40 deadline;
    }

    /// @notice What house and bettor sign to end a bet early.
    /// @param stake Stake of the part that ends: the bet's stake, or less.
    /// @param price Amount paid for that part.
    /// @param deadline Last time at which the offer can be used.
    struct CashOut {
        uint64 stake;
        uint64 price;
        uint40 deadline;
    }

    /// @notice A fixture's result as stored; `status` is 0 if there is none. IResults explains the
    /// fields.
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
    /// @notice `withdrawal` := account u32 | amount u64 | deadline u40, in the lowest 136 bits.
    /// The deadline is 0 after `exit`.
    event Withdrawn(Withdrawal withdrawal);
    event ExitRequested(uint32 indexed account, uint64 amount, uint40 unlocksAt);
    /// @notice `data` := placed u16 | m u8 | Markets | placed x Record
    ///                 | skipped x (account u32 | nonce u24 | reason u8)
    event BatchPlaced(uint256 indexed batch, bytes data);
    /// @notice Bit i of `settled` is set if bet i was settled by this run.
    /// `payouts` := k x (bet u8 | payout u64), without bets that pay nothing.
    event BatchSettled(uint256 indexed batch, uint256 settled, bytes payouts);
    /// @notice A bet, or a part of it, was ended for `price`. If a part of the stake is left, it
    /// continues as bet 0 of batch `next` with the stake `rest`; otherwise `next` is 0. `markets`
    /// and `record` are as in Run.
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

    /// @notice Deposit tokens to the caller's account. The first deposit opens it.
    /// Warning: balances count what arrived. They do not follow a token that rebases.
    function deposit(uint64 amount) external returns (uint32 account);

    /// @notice Deposit the caller's tokens to the account of `owner`.
    function depositFor(address owner, uint64 amount) external returns (uint32 account);

    /// @notice `deposit` with an EIP-2612 permit for exactly this amount. It also works if
    /// somebody else has used the permit first.
    function depositWithPermit(uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint32 account);

    // -- Money out. Nobody can pause these functions.

    /// @notice Withdraw at once, with the house's countersignature: the house confirms that no
    /// accepted slip needs the money. Only the account's owner. Signatures count in their
    /// sequence.
    /// @param countersignature The house signer's, over EIP-712 type Withdrawal.
    /// @param withdrawal What was signed: account u32 | amount u64 | deadline u40, in the lowest
    /// 136 bits. One word costs less gas than three; the function's name has the lowest selector,
    /// for the same reason.
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external;

    /// @notice Request a withdrawal that needs nobody's consent, payable after EXIT_DELAY. A new
    /// request replaces the old one; an amount of 0 cancels it.
    function requestExit(uint64 amount) external;

    /// @notice Withdraw the requested amount after EXIT_DELAY, or the balance if that is less.
    function exit() external returns (uint64 amount);

    // -- Self-exclusion

    /// @notice Exclude the caller's account from bets and deposits, from now until `until`. It can
    /// be extended, but never shortened. Slips that were accepted before still count.
    function excludeSelf(uint40 until) external;

    // -- Bets

    /// @notice Place up to 256 slips. A slip that fails a check is left out and reported with the
    /// reason. Only operators.
    /// Warning: the operator states the time of acceptance, anywhere within RECEIPT_WINDOW before
    /// the block. Liquidity providers trust the operator not to back-date it.
    function placeBatch(bytes calldata batch) external returns (uint256 id);

    /// @notice Place one slip with the house's receipt, without the operator. Anyone may call it,
    /// until RECEIPT_WINDOW after acceptance, even while placing is paused or when the result is
    /// known. No cap applies. Reverts with the reason.
    /// Warning: receipts of a retired house signer count for slips accepted before its retirement.
    /// Whoever stole the key can back-date a receipt, within RECEIPT_WINDOW.
    /// @param batch A batch of one slip.
    /// @param receipt The house signer's, over EIP-712 type Receipt.
    function enforce(bytes calldata batch, Signature calldata receipt) external returns (uint256 id);

    /// @notice Place the caller's own bet at odds that the house has quoted. The bet is accepted
    /// at the time of the block, so `accepted` in its record is 0. Reverts with the reason.
    /// @param batch A batch of one slip without a signature.
    /// @param house The house signer's signature over EIP-712 type Quote.
    function placeQuoted(bytes calldata batch, Quote calldata quote, Signature calldata house)
        external
        returns (uint256 id);

    /// @notice Settle runs of bets. Anyone may call it. Bets that are settled already or not
    /// decided yet are left unchanged, so a run may be sent twice or too early.
    function settle(Run[] calldata runs) external;

    /// @notice End a bet, or a part of it, at a price that house and bettor have signed.
    /// Warning: an offer names the bet by batch and position. After a reorganisation that could be
    /// another bet of the same account, so the house should sign for final batches only.
    /// @param run The bet: a run of one.
    /// @param house The house signer's signature over EIP-712 type CashOut.
    /// @param bettor The owner's signature over the same: 64 bytes by key, any other length by
    /// contract (ERC-1271).
    function cashOut(
        Run calldata run,
        CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettor
    ) external;

    // -- Results

    /// @notice Store results of fixtures that have none. Only RESULTS.
    /// Warning: the sportsbook does not check results; it trusts RESULTS, whose address is fixed.
    /// @param results Words of: fixture id 16 | status u8 | homeHalf u8 | awayHalf u8 | homeFull
    /// u8 | awayFull u8 | settledAt u40 | 6 zero bytes.
    /// @param finalAt From when on bets are settled by these results.
    function resolve(uint256[] calldata results, uint40 finalAt) external;

    /// @notice Replace a result or change when it becomes final. Only RESULTS.
    function amend(uint256 result, uint40 finalAt) external;

    // -- House and roles

    /// @notice Add tokens that the caller has just transferred here to the house's money. Only the
    /// bankroll, and RESULTS for a lost bond.
    /// Warning: the caller is trusted to have transferred the amount.
    function fund(uint64 amount) external;

    /// @notice Pay out money of the house that open bets do not lock. Only the bankroll.
    function release(address to, uint64 amount) external;

    /// @notice Allow an address to place batches, or stop it. Only the owner.
    function setOperator(address operator, bool allowed) external;

    /// @notice Allow a key to sign for the house, or retire it. Receipts of a retired key for
    /// slips accepted until now can still be enforced; nothing else that it signs counts. Only the
    /// owner.
    function setSigner(address signer, bool allowed) external;

    /// @notice Set who may pause placing. Only the owner.
    function setGuardian(address guardian) external;

    /// @notice Set the contract that owns the house's money, once. Only the owner.
    /// Warning: the bankroll can take all money of the house that open bets do not lock.
    function setBankroll(address bankroll) external;

    /// @notice Set the maximum that one market or one accumulator may lock, and the maximum that
    /// the single bets of one fixture may lock. Only the owner. Enforced receipts are exempt.
    function setCaps(uint64 market, uint64 fixture) external;

    /// @notice Pause or resume `placeBatch` and `placeQuoted`, and nothing else. The owner may do
    /// both; the guardian may pause.
    function pausePlacing(bool paused) external;

    // -- Views

    /// @notice Number of the owner's account; 0 if there is none.
    function accountOf(address owner) external view returns (uint32);
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint8 sequence);
    function exitOf(uint32 account) external view returns (uint64 amount, uint40 unlocksAt);
    /// @notice The account's last exclusion, over or not; 0 and 0 if there was none.
    function exclusionOf(uint32 account) external view returns (uint40 from, uint40 until);
    function isOperator(address operator) external view returns (bool);
    /// @notice Whether a key signs for the house and is not retired.
    function isSigner(address signer) external view returns (bool);
    function resultOf(bytes16 fixture) external view returns (FixtureResult memory);
    /// @notice What the fixture's markets lock for single bets, as the fixture's cap counts it.
    /// Settling does not lower it.
    function lockedOf(bytes16 fixture) external view returns (uint64);
    function caps() external view returns (uint64 market, uint64 fixture);
    /// @notice Whether a slip with this nonce could be placed.
    function isUsable(uint32 account, uint24 nonce) external view returns (bool);
    /// @notice The house's money and open stakes (`pool`), open stakes, what open bets lock of the
    /// house's money, batches placed, and whether placing is paused.
    function book()
        external
        view
        returns (uint64 pool, uint64 openStakes, uint64 locked, uint48 batchCount, bool paused);
    /// @notice The house's money: what the bankroll has funded, and profit and loss of settled
    /// bets.
    function house() external view returns (uint64);
    /// @notice What open bets do not lock of the house's money.
    function houseFree() external view returns (uint64);
    /// @notice What the open single bets on a market could be paid on outcomes 0 to 2, and their
    /// stakes.
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes);
    /// @notice Commitment to the bets of a batch; 0 if all are settled, or the batch is empty or
    /// unknown.
    function batches(uint256 batch) external view returns (bytes32 commitment);
    /// @notice Bit i is set if bet i of the batch is settled; 0 once all are.
    function settledBits(uint256 batch) external view returns (uint256);

    /// @notice The contract with the code of `settle` and `cashOut`, run by delegatecall.
    function SETTLING() external view returns (address);
    /// @notice Seconds after acceptance within which a slip can be placed.
    function RECEIPT_WINDOW() external view returns (uint40);
    /// @notice Seconds between `requestExit` and `exit`.
    function EXIT_DELAY() external view returns (uint40);
    /// @notice Seconds after a market's start within which a result must be published; then bets
    /// are void.
    function VOID_AFTER() external view returns (uint40);
}
