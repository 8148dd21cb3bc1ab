// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signature} from "../libraries/Signatures.sol";
import {Withdrawal} from "../libraries/Withdrawals.sol";
import {ISportsbookViews} from "./ISportsbookViews.sol";

/// @title ISportsbook
/// @notice Holds bettors' balances, open stakes and the house's money. Odds are made off-chain.
/// Each bet is signed by its bettor, placed in a batch, and settled by the published result alone.
///
/// Amounts are micro-units, 10^-6 of a token, whatever its decimals (0 to 18); odds are decimal odds
/// x 10^4, times are unix seconds. Only transfers of the token are in its own units, see SCALE. Of a
/// token with fewer than 6 decimals, only whole units move; balances may hold fractions.
/// Packed bytes are big-endian; sizes without a type are in bytes:
///   Table   := base u40 | n u8 | n x (fixture name hash 32 | startsAt u40)
///            | m u8 | m x (fixture index u8 | kind u8 | period u8 | line i16 | flags u8)
///   Record  := account u32 | nonce u24 | stake u64 | accepted u16, seconds after base
///            | legs u8 | legs x (market index u8 | outcome u8 | odds u32)
///   Batch   := Table | count u16 | count x (Record | minOdds u40 | deadline u16, seconds after
///            base | signature length u16 | signature)
///   Markets := base u40 | m x (fixture id 16 | startsAt u40 | kind u8 | period u8 | line i16
///            | flags u8)
/// Fixtures of a table are in ascending order of their ids, and so are markets; each fixture has a
/// market. A signature length of 0 stands for the 64 bytes of a signature by the
/// owner's key (EIP-2098); any other length is that of a signature for an ERC-1271 wallet. A
/// quoted bet has a length of 0 and no signature.
interface ISportsbook is ISportsbookViews {
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
        CapExceeded,
        NonceCancelled,
        NonceTooFar
    }

    /// @notice What a key of the house may do. An address has at most one role, for good.
    enum Role {
        None,
        /// Call `placeBatch`.
        Operator,
        /// Sign receipts and quotes.
        Receipts,
        /// Sign cash-outs.
        CashOuts,
        /// Sign withdrawals.
        Withdrawals
    }

    /// @notice Times that are fixed at deployment, in seconds. The constructor bounds them, with
    /// RuleOutOfBounds.
    /// @param batchWindow How long before the block the operator may state that a slip was
    /// accepted.
    /// @param receiptWindow How long after its acceptance a receipt can enforce a slip.
    /// @param exitDelay Between `requestExit` and `exit`.
    /// @param cashOutAge After its acceptance, before a bet can be cashed out.
    /// @param notice Between the proposal of a limit or a key and when it counts.
    /// @param horizon How far ahead a fixture may start to be bet on.
    struct Rules {
        uint40 batchWindow;
        uint40 receiptWindow;
        uint40 exitDelay;
        uint40 cashOutAge;
        uint40 notice;
        uint40 horizon;
    }

    /// @notice The contracts with code that the sportsbook runs on its own storage.
    struct Code {
        address settling;
        address selfService;
        address administration;
    }

    /// @notice What the house may risk, in micro-units.
    /// @param marketCap The most that one market, or one accumulator, may lock.
    /// @param fixtureCap The most that the single bets of one fixture may lock.
    /// @param accumulatorCap The most that all accumulators together may lock.
    /// @param receiptReserve What batches, quotes, cash-outs and withdrawals of liquidity must
    /// leave free of the house's money, so that receipts can be enforced.
    struct Limits {
        uint56 marketCap;
        uint56 fixtureCap;
        uint56 accumulatorCap;
        uint56 receiptReserve;
    }

    /// @notice A key of the house.
    /// @param budget In micro-units, what it may commit at once and again in each BUDGET_PERIOD (a
    /// day): by how much an operator's batches may raise what is locked, what receipts and quotes
    /// may pay above the stakes, or what cash-outs may pay and by how much they may raise what is
    /// locked. Not used for withdrawals.
    struct KeyGrant {
        address key;
        Role role;
        uint56 budget;
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
    /// @param offeredAt When the house made the offer. It ends with what its price could not know:
    /// the start of a match that had not started, a result that was not final, and the time from
    /// which a leg is void for want of a result.
    /// @param deadline Last time at which the offer can be used.
    struct CashOut {
        uint64 stake;
        uint64 price;
        uint40 offeredAt;
        uint40 deadline;
    }

    /// @notice What an owner can ask for by a signature, see Request.
    enum Action {
        RequestExit,
        Exit,
        Exclude,
        CancelNonces
    }

    /// @notice What an owner signs so that somebody else sends it, as EIP-712 type Request, in
    /// which the action is in words.
    /// @param value The argument of the function that the action is named after; 0 for an exit.
    /// @param fee Paid to who sends it, from the amount of an exit; 0 for any other action.
    /// @param number How many requests of the account were relayed before: each counts once.
    /// @param deadline Last time at which it can be sent.
    struct Request {
        uint32 account;
        Action action;
        uint64 value;
        uint64 fee;
        uint40 number;
        uint40 deadline;
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
    /// @notice A bet ended, and its stake returned, as a receipt says that another one counts.
    /// `markets` and `record` are as in Run.
    event BetReplaced(uint256 indexed batch, uint256 bet, bytes markets, bytes record);
    event SelfExcluded(uint32 indexed account, uint40 from, uint40 until);
    event HouseFunded(uint64 amount);
    event HouseReleased(address indexed to, uint64 amount);
    /// @notice From `cancelledAt` on, slips with nonces up to `last` do not count.
    event NoncesCancelled(uint32 indexed account, uint24 last, uint40 cancelledAt);
    event KeyGranted(address indexed key, Role role, uint56 budget, uint40 from);
    event KeyRetired(address indexed key);
    /// @notice A request of the account's owner was sent by `by`, who received the fee.
    event Relayed(uint32 indexed account, uint40 number, uint64 fee, address indexed by);
    event GuardianSet(address indexed guardian);
    event LimitsProposed(Limits limits, uint40 from);
    event LimitsSet(Limits limits);
    event PlacingPaused(bool paused);

    /// @notice A deposit to an account whose owner has excluded it until that time.
    error AccountExcluded(uint32 account, uint40 until);
    /// @notice An amount to move that is not whole: in micro-units, of a token with fewer than 6
    /// decimals, with how many of them are a unit of the token; for assets of the bankroll, in units
    /// of a token with more than 6 decimals, with how many of them are a micro-unit. Also at the
    /// deployment of RESULTS, for the bond.
    error AmountUneven(uint256 amount, uint256 unit);
    /// @notice A deposit of which nothing arrived, or a withdrawal of nothing.
    error AmountZero();
    /// @notice A withdrawal above the account's balance.
    error BalanceInsufficient(uint32 account, uint256 balance, uint256 amount);
    /// @notice Money of the house that open bets or receipts need: for a withdrawal of liquidity,
    /// what can be released and what was asked for; for a cash-out, the pool and what it would
    /// have to hold.
    error BankrollLocked(uint256 free, uint256 amount);
    /// @notice The bytes of a batch do not end with its last slip.
    error BatchMalformed();
    /// @notice A batch of no slips, or of more than 256.
    error BatchTooLarge(uint256 slips);
    /// @notice The bet is settled, or its batch is unknown.
    error BetNotOpen(uint256 batch, uint256 bet);
    /// @notice What a signature commits exceeds what is left of its key's budget.
    error BudgetExceeded(uint256 left, uint256 amount);
    /// @notice A cancellation within RECEIPT_WINDOW of the one before.
    error CancellationPending(uint40 until);
    /// @notice An offer after its deadline, or before it was made.
    error CashOutExpired(uint40 deadline);
    /// @notice Since the offer, the match of that fixture has started or has become void, or its
    /// result was published, or has become final.
    error CashOutOutdated(bytes16 fixture);
    /// @notice The part of the stake to end is 0 or above the bet's stake.
    error CashOutStakeInvalid(uint256 given, uint256 stake);
    /// @notice The bet is younger than CASH_OUT_AGE.
    error CashOutTooEarly(uint256 openFrom);
    /// @notice A price above what the part could win.
    error CashOutTooHigh(uint256 price, uint256 limit);
    /// @notice The offer lacks the signature of a key for cash-outs, or of the owner.
    error CashOutUnsigned(address signer);
    /// @notice At deployment: there is no contract at that address.
    error CodeMissing(address code);
    /// @notice All tokens held, in micro-units, would not fit 56 bits.
    error DepositTooLarge(uint256 held);
    /// @notice An exclusion that would end before the one that runs, or that is shorter than
    /// RECEIPT_WINDOW.
    error ExclusionTooShort(uint40 until, uint40 least);
    /// @notice A fee for a request that pays nothing out: only an exit can pay one.
    error FeeWithoutExit(uint64 fee);
    /// @notice A fee above the deposit that arrived, or above the amount of the exit.
    error FeeTooHigh(uint64 fee, uint256 amount);
    /// @notice An exit before EXIT_DELAY is over.
    error ExitLocked(uint40 unlocksAt);
    /// @notice An exit that was not requested.
    error ExitUnknown(uint32 account);
    /// @notice Too little gas to ask a contract wallet for its signature; send the call with more.
    error GasTooLow();
    /// @notice A key that is zero or has or had a role; or one to be retired that is not at work.
    error KeyInvalid(address key);
    /// @notice More than two keys of a role that are not retired.
    error KeysTooMany(Role role, uint256 most);
    /// @notice Limits that differ from those proposed, before their notice is over or after they
    /// lapsed.
    error LimitsNotProposed(uint40 from);
    /// @notice A list with more markets than the bet or slip has legs.
    error MarketsUnused(uint256 markets, uint256 legs);
    /// @notice Only the bankroll may release; only it and RESULTS may fund.
    error NotBankroll(address caller);
    /// @notice Only the owner and the guardian may pause and retire keys; only the owner may
    /// resume.
    error NotGuardian(address caller);
    /// @notice The caller is no operator: never was one, is retired, or its grant has not begun.
    error NotOperator(address caller);
    /// @notice Only RESULTS may store results and the term.
    error NotResults(address caller);
    /// @notice A cancellation beyond the nonces that a slip could use.
    error NonceTooFar(uint24 nonce, uint256 most);
    /// @notice The caller does not own the account; account 0 if it owns none. For a receipt that
    /// is enforced once a match has started, or instead of another bet.
    error NotOwnerOf(uint32 account, address caller);
    /// @notice The receipt is for another bet, or says what was placed.
    error NothingToReplace();
    /// @notice No bet of the runs is open and decided.
    error NothingToSettle();
    /// @notice Address 0 can own no account, and no contract.
    error OwnerZero();
    /// @notice Somebody else's call with a permit that its owner has not signed, or that was used.
    error PermitInvalid(address owner);
    /// @notice Batches and quotes are paused.
    error PlacingIsPaused();
    /// @notice A run's proof has the wrong length, or its bets are not in the batch.
    error ProofInvalid();
    /// @notice A quote after its deadline.
    error QuoteExpired(uint40 deadline);
    /// @notice The quote is for another account or nonce than the slip has.
    error QuoteForAnother(uint32 account, uint24 nonce);
    /// @notice The quote lacks the signature of a key for receipts, or was signed for other odds
    /// or legs.
    error QuoteInvalid(address signer);
    /// @notice The stakes placed on a quote would exceed its maximum.
    error QuoteUsed(uint256 stakes, uint256 maxStake);
    /// @notice The receipt lacks the signature of a key for receipts that counted at the time of
    /// acceptance, or was signed for another slip, time or odds.
    error ReceiptInvalid(address signer);
    /// @notice A request after its deadline.
    error RequestExpired(uint40 deadline);
    /// @notice A request that was sent before, or whose number is not the next.
    error RequestOutOfTurn(uint40 number, uint40 expected);
    /// @notice The request lacks the owner's signature, or differs from what was signed.
    error RequestUnsigned(address owner);
    /// @notice The fixture has a result.
    error ResultExists(bytes16 fixture);
    /// @notice The fixture has no result.
    error ResultUnknown(bytes16 fixture);
    /// @notice At deployment: a rule outside its bounds.
    error RuleOutOfBounds(string rule, uint256 value, uint256 least, uint256 most);
    /// @notice Markets or records differ from those of the batch.
    error RunNotOfBatch(uint256 batch);
    /// @notice The only slip of a receipt or quote fails a check.
    error SlipRefused(Skip reason);
    /// @notice A receipt or quote with no slip, or with several.
    error SlipsNotOne(uint256 slips);
    /// @notice A fixture in the table starts beyond HORIZON.
    error StartTooFar(uint256 startsAt, uint256 latest);
    /// @notice A table that ends too early, is out of order, names a fixture that it does not list, or
    /// lists one without a market.
    error TableMalformed();
    /// @notice Another council decides the fixture.
    error TermInvalid(bytes16 fixture, uint24 term, uint24 given);
    /// @notice At deployment: the token does not say how many decimals it has.
    error TokenDecimalsMissing(address token);
    /// @notice At deployment: the token has more than 18 decimals.
    error TokenDecimalsUnsupported(uint256 decimals);
    /// @notice A withdrawal after its deadline.
    error WithdrawalExpired(uint40 deadline);
    /// @notice The withdrawal lacks the signature of a key for withdrawals, or is out of its
    /// sequence.
    error WithdrawalUnsigned(address signer);

    // -- Money in

    /// @notice Deposit tokens to the caller's account. The first deposit opens it.
    /// Warning: balances count what arrived, in whole micro-units. They do not follow a token that
    /// rebases.
    /// @param amount In micro-units; whole units of the token, otherwise it reverts with
    /// AmountUneven. So also for all other deposits, withdrawals and fees.
    function deposit(uint64 amount) external returns (uint32 account);

    /// @notice Deposit the caller's tokens to the account of `owner`.
    function depositFor(address owner, uint64 amount) external returns (uint32 account);

    /// @notice Deposit the tokens of `owner` to the account of `owner`, with the owner's EIP-2612
    /// permit for exactly this amount, in units of the token. Anyone may call it. For the owner, it also works if
    /// somebody else has used the permit first; for anybody else it does not, as the owner must
    /// have agreed.
    function depositWithPermit(
        address owner,
        uint64 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint32 account);

    /// @notice Deposit the tokens of `owner` to the account of `owner`, with the owner's
    /// authorization by EIP-3009 of a transfer of `amount`, in units of the token, to this contract.
    /// Anyone may call it, and receives `fee` of the amount: the authorization's nonce is keccak256(abi.encode(fee,
    /// salt)), so that the owner has signed it.
    function depositWithAuthorization(
        address owner,
        uint64 amount,
        uint64 fee,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 salt,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint32 account);

    // -- Money out. Nobody can pause these functions.

    /// @notice Withdraw at once, with the house's countersignature: the house confirms that no
    /// accepted slip needs the money. Only the account's owner. Signatures count in their
    /// sequence.
    /// @param countersignature By a key for withdrawals, over EIP-712 type Withdrawal.
    /// @param withdrawal What was signed: account u32 | amount u64 | deadline u40, in the lowest
    /// 136 bits. One word costs less gas than three; the function's name has the lowest selector,
    /// for the same reason.
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external;

    /// @notice Request a withdrawal that needs nobody's consent, payable after EXIT_DELAY. A new
    /// request replaces the old one; an amount of 0 cancels it.
    function requestExit(uint64 amount) external;

    /// @notice Withdraw the requested amount after EXIT_DELAY, or the balance if that is less. Of a
    /// token with fewer than 6 decimals whole units only; a fraction stays in the account.
    function exit() external returns (uint64 amount);

    // -- Self-exclusion and cancellation

    /// @notice Exclude the caller's account from bets and deposits, from now until `until`, at
    /// least for RECEIPT_WINDOW. It can be extended, but never shortened. Slips that were accepted
    /// before still count; one that is accepted during it never does.
    function excludeSelf(uint40 until) external;

    /// @notice Cancel the caller's signed slips with nonces up to `last`: from now on none of them
    /// can be accepted. Those that were accepted before still count, and their receipts can be
    /// enforced. One cancellation per RECEIPT_WINDOW.
    function cancelNonces(uint24 last) external;

    // -- By somebody else

    /// @notice Do what an account's owner has signed: `requestExit`, `exit`, `excludeSelf` or
    /// `cancelNonces`. Anyone may call it. Who sends an exit receives the fee that the owner signed,
    /// from its amount; the rest goes to the owner.
    /// @param signature The owner's over the request: 64 bytes by key, or by contract
    /// (ERC-1271).
    function relay(Request calldata request, bytes calldata signature) external;

    // -- Bets

    /// @notice Place up to 256 slips. A slip that fails a check is left out and reported with the
    /// reason; so is one on a fixture that has a result, and one that would exceed the operator's
    /// budget. Reverts if the slips fit it only because others lower what their fixtures lock.
    /// Only operators.
    /// Warning: the operator states the time of acceptance, anywhere within BATCH_WINDOW before
    /// the block.
    function placeBatch(bytes calldata batch) external returns (uint256 id);

    /// @notice Place one slip with the house's receipt, without the operator, until RECEIPT_WINDOW
    /// after acceptance, even while placing is paused. Anyone may call it until the first of its
    /// matches starts, then only the account's owner, even when the result is known: a slip must
    /// have been accepted before it was published. No cap applies, but the key's budget does.
    /// Reverts with the reason.
    /// Warning: receipts of a retired key count for slips accepted before its retirement. Whoever
    /// stole the key can back-date a receipt, within RECEIPT_WINDOW, and commit what is left of
    /// its budget.
    /// @param batch A batch of one slip.
    /// @param receipt By a key for receipts, over EIP-712 type Receipt.
    function enforce(bytes calldata batch, Signature calldata receipt) external returns (uint256 id);

    /// @notice Enforce a receipt where the operator placed its slip at another time of acceptance or
    /// at other odds. That bet ends, then the slip is placed as the receipt says. Only the account's
    /// owner may call it, until RECEIPT_WINDOW after acceptance. Legs and stake must be the same:
    /// nobody can take another bet back. The key's budget pays for the stake of a bet in play as
    /// well.
    /// @param placed The bet that was placed: a run of one.
    function enforceInstead(Run calldata placed, bytes calldata batch, Signature calldata receipt)
        external
        returns (uint256 id);

    /// @notice Place the caller's own bet at odds that the house has quoted. The bet is accepted
    /// at the time of the block, so `accepted` in its record is 0. Reverts with the reason.
    /// @param batch A batch of one slip without a signature.
    /// @param house Signature by a key for receipts, over EIP-712 type Quote.
    function placeQuoted(bytes calldata batch, Quote calldata quote, Signature calldata house)
        external
        returns (uint256 id);

    /// @notice Settle runs of bets. Anyone may call it. Bets that are settled already or not
    /// decided yet are left unchanged, so a run may be sent twice or too early.
    function settle(Run[] calldata runs) external;

    /// @notice End a bet, or a part of it, at a price that house and bettor have signed. The key's
    /// budget pays the price, and what the market locks more without the bet, if it covered others.
    /// Warning: an offer names the bet by batch and position. After a reorganisation that could be
    /// another bet of the same account, so the house should sign for final batches only.
    /// @param run The bet: a run of one.
    /// @param house Signature by a key for cash-outs, over EIP-712 type CashOut.
    /// @param bettor The owner's signature over the same: 64 bytes by key, or by
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
    /// @param term Of the council that decided; every fixture must be its to decide.
    function resolve(uint256[] calldata results, uint40 finalAt, uint24 term) external;

    /// @notice Replace a result or change when it becomes final. Only RESULTS.
    function amend(uint256 result, uint40 finalAt) external;

    /// @notice A new council stands: it decides fixtures that are first listed in a batch from now
    /// on. Only RESULTS.
    function setTerm(uint24 term) external;

    // -- House and roles

    /// @notice Add tokens of the caller to the house's money. Only the bankroll, and RESULTS for a
    /// lost bond.
    function fund(uint64 amount) external;

    /// @notice Pay out money of the house, at most `releasable`. Only the bankroll.
    function release(address to, uint64 amount) external;

    /// @notice Give a key a role and a budget, both for good; it counts NOTICE later. At most two
    /// keys of a role: one at work, and one in reserve that can take over at once. Only the owner.
    function grantKey(KeyGrant calldata given) external;

    /// @notice Retire a key, at once and for good. Receipts of a retired key for slips accepted
    /// until now can still be enforced, within what is left of its budget; nothing else that it
    /// signs counts. Only the owner and the guardian.
    function retireKey(address key) external;

    /// @notice Set who may pause placing and retire keys. Only the owner.
    function setGuardian(address guardian) external;

    /// @notice Propose other limits. Anyone can apply them from NOTICE later until twice NOTICE
    /// later. Only the owner.
    function proposeLimits(Limits calldata next) external;

    /// @notice Apply the limits that the owner proposed.
    function applyLimits(Limits calldata next) external;

    /// @notice Pause or resume `placeBatch` and `placeQuoted`, and nothing else. The owner may do
    /// both; the guardian may pause.
    function pausePlacing(bool paused) external;

    /// @notice A key's role, from when it counts, when it was retired (the highest number if it
    /// was not), its budget, and what is left of it.
    function keyOf(address key)
        external
        view
        returns (Role role, uint40 from, uint40 until, uint64 budget, uint64 left);

    /// @notice What the house may risk.
    function limits() external view returns (Limits memory);

    /// @notice See Rules.
    function BATCH_WINDOW() external view returns (uint40);
    function RECEIPT_WINDOW() external view returns (uint40);
    function EXIT_DELAY() external view returns (uint40);
    function CASH_OUT_AGE() external view returns (uint40);
    function NOTICE() external view returns (uint40);
    function HORIZON() external view returns (uint40);
}
