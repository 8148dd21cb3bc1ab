// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Placing} from "./Placing.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Batch} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Caps, Exit, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {Records} from "./libraries/Records.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Withdrawal, Withdrawals} from "./libraries/Withdrawals.sol";

/// @title Sportsbook
contract Sportsbook is Placing, ISportsbook, Ownable2Step, EIP712 {
    using SlipTemplate for PlacingState;
    using SafeERC20 for IERC20;

    /// @dev Stored for a house signer that is not retired.
    uint256 private constant ACTIVE = type(uint256).max;
    uint8 private constant DECIMALS = 6;

    /// @inheritdoc ISportsbook
    uint40 public constant VOID_AFTER = VOID_AFTER_START;

    IERC20 public immutable TOKEN;
    address public immutable RESULTS;
    /// @dev Chain id at deployment, and the domain separator on that chain. EIP712 has a private
    /// copy of both, but its getter also compares the contract's address: 45 gas more per
    /// signature.
    uint256 private immutable _CHAIN;
    bytes32 private immutable _SEPARATOR;
    /// @inheritdoc ISportsbook
    address public immutable SETTLING;
    /// @inheritdoc ISportsbook
    uint40 public immutable RECEIPT_WINDOW;
    /// @inheritdoc ISportsbook
    uint40 public immutable EXIT_DELAY;

    uint32 public accountCount;
    address public guardian;
    address public bankroll;
    /// @inheritdoc ISportsbook
    mapping(address owner => uint32) public accountOf;

    /// @param exitDelay Longer than `receiptWindow`, so that a slip accepted before the exit was
    /// requested can be placed before the money leaves.
    constructor(
        address owner_,
        IERC20 token,
        address results,
        address settling,
        uint40 receiptWindow,
        uint40 exitDelay
    ) Ownable(owner_) EIP712("Fairline", "1") {
        uint8 decimals = IERC20Metadata(address(token)).decimals();
        if (decimals != DECIMALS) revert TokenDecimalsUnsupported(decimals);
        if (receiptWindow == 0 || exitDelay <= receiptWindow) {
            revert DelaysInvalid(receiptWindow, exitDelay);
        }
        // A delegatecall to an address without code succeeds, and settles nothing.
        if (settling.code.length == 0) revert CodeMissing(settling);
        (_CHAIN, _SEPARATOR) = (block.chainid, _domainSeparatorV4());
        TOKEN = token;
        RESULTS = results;
        SETTLING = settling;
        RECEIPT_WINDOW = receiptWindow;
        EXIT_DELAY = exitDelay;
        ledger_.caps = Caps(type(uint64).max, type(uint64).max);
    }

    // -- Money in

    /// @inheritdoc ISportsbook
    function deposit(uint64 amount) external returns (uint32) {
        return _deposit(msg.sender, amount);
    }

    /// @inheritdoc ISportsbook
    function depositFor(address owner, uint64 amount) external returns (uint32) {
        return _deposit(owner, amount);
    }

    /// @inheritdoc ISportsbook
    function depositWithPermit(uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint32)
    {
        // A permit that was front-run has set the allowance; one that is invalid fails at the
        // transfer.
        try IERC20Permit(address(TOKEN))
            .permit(msg.sender, address(this), amount, deadline, v, r, s) {}
            catch {}
        return _deposit(msg.sender, amount);
    }

    // -- Money out

    /// @inheritdoc ISportsbook
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external {
        Account held = ledger_.accounts[withdrawal.account()];
        if (held.owner() != msg.sender) {
            revert NotOwnerOf(uint32(withdrawal.account()), msg.sender);
        }
        if (block.timestamp > withdrawal.deadline()) {
            revert WithdrawalExpired(uint40(withdrawal.deadline()));
        }
        bytes32 structHash = TypedData.withdrawalHash(withdrawal, held.sequence());
        (address signer, uint256 until) = _houseSigner(structHash, countersignature);
        if (until <= block.timestamp) revert WithdrawalUnsigned(signer);
        _payOut(withdrawal, held.useSequence());
    }

    /// @inheritdoc ISportsbook
    function requestExit(uint64 amount) external {
        uint32 account = _accountOfCaller();
        uint56 capped =
            amount < Accounts.MAX_BALANCE ? uint56(amount) : uint56(Accounts.MAX_BALANCE);
        uint40 unlocksAt = amount == 0 ? 0 : uint40(block.timestamp) + EXIT_DELAY;
        ledger_.exits[account].amount = capped;
        ledger_.exits[account].unlocksAt = unlocksAt;
        emit ExitRequested(account, capped, unlocksAt);
    }

    /// @inheritdoc ISportsbook
    function exit() external returns (uint64 amount) {
        uint32 account = _accountOfCaller();
        Exit memory request = ledger_.exits[account];
        if (request.amount == 0) revert ExitUnknown(account);
        if (block.timestamp < request.unlocksAt) revert ExitLocked(request.unlocksAt);
        Account held = ledger_.accounts[account];
        amount = request.amount < held.balance() ? request.amount : uint64(held.balance());
        ledger_.exits[account].amount = 0;
        ledger_.exits[account].unlocksAt = 0;
        emit ExitRequested(account, 0, 0);
        if (amount != 0) _payOut(Withdrawals.ofExit(account, amount), held);
    }

    // -- Self-exclusion

    /// @inheritdoc ISportsbook
    function excludeSelf(uint40 until) external {
        uint32 account = _accountOfCaller();
        Exit storage exit_ = ledger_.exits[account];
        uint40 from = uint40(block.timestamp);
        uint40 before = exit_.excludedUntil;
        if (until <= before || until <= from) revert ExclusionShorter(before);
        // An exclusion that still runs is extended; otherwise a new one starts now.
        if (before > from) from = exit_.excludedFrom;
        exit_.excludedFrom = from;
        exit_.excludedUntil = until;
        ledger_.accounts[account] = ledger_.accounts[account].setExcluded(true);
        emit SelfExcluded(account, from, until);
    }

    // -- Bets

    /// @inheritdoc ISportsbook
    function placeBatch(bytes calldata batch) external returns (uint256 id) {
        if (!ledger_.operators[msg.sender]) revert NotOperator(msg.sender);
        if (ledger_.book.paused) revert PlacingIsPaused();
        PlacingState memory state = _startPlacing(batch);
        _applyCaps(state);
        (id,) = _place(state, batch);
    }

    /// @inheritdoc ISportsbook
    function enforce(bytes calldata batch, Signature calldata receipt)
        external
        returns (uint256 id)
    {
        PlacingState memory state = _startPlacing(batch);
        uint256 head;
        (id, head) = _placeOneSlip(state, batch);
        uint256 acceptedAt = state.base + Records.acceptedAfter(head);
        bytes32 structHash =
            TypedData.receiptHash(state.slipHash(), acceptedAt, _oddsOf(state, batch, head));
        (address signer, uint256 until) = _houseSigner(structHash, receipt);
        if (until < acceptedAt) revert ReceiptInvalid(signer);
    }

    /// @inheritdoc ISportsbook
    function placeQuoted(bytes calldata batch, Quote calldata quote, Signature calldata house_)
        external
        returns (uint256 id)
    {
        if (ledger_.book.paused) revert PlacingIsPaused();
        if (block.timestamp > quote.deadline) revert QuoteExpired(quote.deadline);
        PlacingState memory state = _startPlacing(batch);
        _applyCaps(state);
        state.base = block.timestamp;
        state.bettor = msg.sender;
        uint256 head;
        (id, head) = _placeOneSlip(state, batch);
        bytes32 structHash = TypedData.quoteHash(quote, _oddsOf(state, batch, head), state.legsHash);
        (address signer, uint256 until) = _houseSigner(structHash, house_);
        if (until <= block.timestamp) revert QuoteInvalid(signer);
        _useQuote(structHash, quote, head);
    }

    /// @inheritdoc ISportsbook
    function settle(Run[] calldata) external {
        _delegateToSettling();
    }

    /// @inheritdoc ISportsbook
    function cashOut(Run calldata, CashOut calldata, Signature calldata, bytes calldata) external {
        _delegateToSettling();
    }

    // -- Results

    /// @inheritdoc ISportsbook
    function resolve(uint256[] calldata results, uint40 finalAt) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        unchecked {
            for (uint256 i; i < results.length; ++i) {
                uint256 result = results[i];
                uint256 id = Fixtures.idOf(result);
                Fixture fixture = ledger_.fixtures[id];
                if (fixture.status() != 0) revert ResultExists(bytes16(uint128(id)));
                ledger_.fixtures[id] = fixture.resolve(result, block.timestamp, finalAt);
            }
        }
    }

    /// @inheritdoc ISportsbook
    function amend(uint256 result, uint40 finalAt) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        uint256 id = Fixtures.idOf(result);
        Fixture fixture = ledger_.fixtures[id];
        if (fixture.status() == 0) revert ResultUnknown(bytes16(uint128(id)));
        ledger_.fixtures[id] = fixture.resolve(result, fixture.publishedAt(), finalAt);
    }

    // -- House and roles

    /// @inheritdoc ISportsbook
    function fund(uint64 amount) external {
        if (msg.sender != bankroll && msg.sender != RESULTS) revert NotBankroll(msg.sender);
        ledger_.book.pool += amount;
        _checkHeld(TOKEN.balanceOf(address(this)));
        emit HouseFunded(amount);
    }

    /// @inheritdoc ISportsbook
    function release(address to, uint64 amount) external {
        if (msg.sender != bankroll) revert NotBankroll(msg.sender);
        uint256 free = houseFree();
        if (amount > free) revert BankrollLocked(free, amount);
        ledger_.book.pool -= amount;
        emit HouseReleased(to, amount);
        Tokens.pay(TOKEN, to, amount);
    }

    /// @inheritdoc ISportsbook
    function setOperator(address operator, bool allowed) external onlyOwner {
        ledger_.operators[operator] = allowed;
        emit OperatorSet(operator, allowed);
    }

    /// @inheritdoc ISportsbook
    function setSigner(address signer, bool allowed) external onlyOwner {
        if (signer == address(0)) revert OwnerZero();
        // A key that is retired twice keeps its first time of retirement.
        if (allowed) ledger_.signers[signer] = ACTIVE;
        else if (ledger_.signers[signer] == ACTIVE) ledger_.signers[signer] = block.timestamp;
        emit SignerSet(signer, allowed);
    }

    /// @inheritdoc ISportsbook
    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    /// @inheritdoc ISportsbook
    function setBankroll(address bankroll_) external onlyOwner {
        if (bankroll != address(0)) revert BankrollAlreadySet(bankroll);
        bankroll = bankroll_;
        emit BankrollSet(bankroll_);
    }

    /// @inheritdoc ISportsbook
    function setCaps(uint64 market, uint64 fixture) external onlyOwner {
        ledger_.caps = Caps(market, fixture);
        emit CapsSet(market, fixture);
    }

    /// @inheritdoc ISportsbook
    function pausePlacing(bool paused) external {
        if (msg.sender != owner() && !(paused && msg.sender == guardian)) {
            revert NotGuardian(msg.sender);
        }
        ledger_.book.paused = paused;
        emit PlacingPaused(paused);
    }

    /// @notice Always reverts: without an owner nobody could resume placing.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerZero();
    }

    // -- Internal: money

    function _deposit(address owner, uint64 amount) private returns (uint32 account) {
        if (owner == address(0)) revert OwnerZero();
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = TOKEN.balanceOf(address(this));
        _checkHeld(held);
        // Counts what arrived, but at most what was asked for: with a token that calls its
        // receiver during a transfer, a nested deposit could otherwise be counted twice.
        uint256 arrived = held - before;
        if (arrived > amount) arrived = amount;
        if (arrived == 0) revert AmountZero();

        account = accountOf[owner];
        if (account == 0) {
            account = ++accountCount;
            accountOf[owner] = account;
            ledger_.accounts[account] = Accounts.open(owner).credit(arrived);
            emit AccountOpened(account, owner);
        } else {
            Account account_ = ledger_.accounts[account];
            if (account_.isExcluded()) account_ = _clearExclusion(account, account_);
            ledger_.accounts[account] = account_.credit(arrived);
        }
        emit Deposited(account, msg.sender, uint64(arrived));
    }

    /// @dev Clears the account's exclusion if it has ended; reverts while it runs.
    function _clearExclusion(uint32 account, Account held) private view returns (Account) {
        uint40 until = ledger_.exits[account].excludedUntil;
        if (block.timestamp < until) revert AccountExcluded(account, until);
        return held.setExcluded(false);
    }

    function _payOut(Withdrawal withdrawal, Account held) private {
        uint256 amount = withdrawal.amount();
        uint256 balance = held.balance();
        if (amount == 0) revert AmountZero();
        if (amount > balance) {
            revert BalanceInsufficient(uint32(withdrawal.account()), balance, amount);
        }
        ledger_.accounts[withdrawal.account()] = held.debit(amount);
        emit Withdrawn(withdrawal);
        Tokens.pay(TOKEN, held.owner(), amount);
    }

    /// @dev Bounds all tokens held to 56 bits, so that no sum of packed amounts can overflow.
    function _checkHeld(uint256 held) private pure {
        if (held > Accounts.MAX_BALANCE) revert DepositTooLarge(held);
    }

    function _accountOfCaller() private view returns (uint32 account) {
        account = accountOf[msg.sender];
        if (account == 0) revert NotOwnerOf(0, msg.sender);
    }

    // -- Internal: settling

    /// @dev Runs the function of the same signature in SETTLING, on this contract's storage. The
    /// call data is forwarded as it came: decoding and encoding it again would cost more than the
    /// call.
    /// Warning: SETTLING has full access to the storage. It is fixed, has no owner and no state.
    function _delegateToSettling() private {
        address code = SETTLING;
        assembly ("memory-safe") {
            // Beyond the free pointer: the call data, then what the call returns
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
        }
    }

    // -- Internal: placing

    function _startPlacing(bytes calldata batch) private view returns (PlacingState memory) {
        return _readTable(batch, _separator(), RECEIPT_WINDOW);
    }

    function _applyCaps(PlacingState memory state) private view {
        Caps memory caps_ = ledger_.caps;
        (state.marketCap, state.fixtureCap) = (caps_.market, caps_.fixture);
    }

    /// @dev Places a batch of exactly one slip; reverts with the reason if the slip is left out.
    /// @return id Number of the batch.
    /// @return head Head of the slip's record.
    function _placeOneSlip(PlacingState memory state, bytes calldata batch)
        private
        returns (uint256 id, uint256 head)
    {
        uint256 at = Calldata.start(batch) + state.tableSize;
        uint256 slips = Calldata.word(at) >> 240;
        if (slips != 1) revert SlipsNotOne(slips);
        head = Calldata.word(at + 2);
        uint256 legs = Records.legCount(head);
        // Settling does not need unused markets, but everybody who reads the event would pay for
        // them.
        if (state.marketCount > legs) revert MarketsUnused(state.marketCount, legs);
        Skip skip;
        (id, skip) = _place(state, batch);
        if (skip != Skip.None) revert SlipRefused(skip);
    }

    function _oddsOf(PlacingState memory state, bytes calldata batch, uint256 head)
        private
        pure
        returns (uint256[] memory odds)
    {
        odds = new uint256[](Records.legCount(head));
        for (uint256 i; i < odds.length; ++i) {
            (,, odds[i]) = Records.leg(Calldata.start(batch) + state.tableSize + 2, i);
        }
    }

    /// @dev After a chain split, the chain with the new id has another domain.
    function _separator() private view returns (bytes32) {
        return block.chainid == _CHAIN ? _SEPARATOR : _domainSeparatorV4();
    }

    /// @return signer Key that signed.
    /// @return until When its signatures stop counting: 0 if it never was a house signer.
    function _houseSigner(bytes32 structHash, Signature calldata signature)
        private
        view
        returns (address signer, uint256 until)
    {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_separator(), structHash);
        signer = Signatures.recover(digest, signature.r, signature.vs);
        until = ledger_.signers[signer];
    }

    /// @dev A quote for one account is used by its nonce; a quote for anyone by the stakes placed
    /// on it.
    function _useQuote(bytes32 structHash, Quote calldata quote, uint256 head) private {
        uint256 used = Records.stake(head);
        if (quote.account == 0) {
            used += ledger_.quoted[structHash];
            ledger_.quoted[structHash] = used;
        } else if (Records.account(head) != quote.account || Records.nonce(head) != quote.nonce) {
            revert QuoteForAnother(quote.account, quote.nonce);
        }
        if (used > quote.maxStake) revert QuoteUsed(used, quote.maxStake);
    }

    // -- Views

    /// @inheritdoc ISportsbook
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint8 sequence)
    {
        Account held = ledger_.accounts[account];
        return (
            held.owner(),
            uint64(held.balance()),
            uint24(held.nonce()),
            uint8(held.window()),
            uint8(held.sequence())
        );
    }

    /// @inheritdoc ISportsbook
    function exitOf(uint32 account) external view returns (uint64, uint40) {
        return (ledger_.exits[account].amount, ledger_.exits[account].unlocksAt);
    }

    /// @inheritdoc ISportsbook
    function exclusionOf(uint32 account) external view returns (uint40, uint40) {
        return (ledger_.exits[account].excludedFrom, ledger_.exits[account].excludedUntil);
    }

    /// @inheritdoc ISportsbook
    function isUsable(uint32 account, uint24 nonce) external view returns (bool) {
        return ledger_.accounts[account].isUsable(nonce);
    }

    /// @inheritdoc ISportsbook
    function isOperator(address operator) external view returns (bool) {
        return ledger_.operators[operator];
    }

    /// @inheritdoc ISportsbook
    function isSigner(address signer) external view returns (bool) {
        return ledger_.signers[signer] == ACTIVE;
    }

    /// @inheritdoc ISportsbook
    function resultOf(bytes16 fixture) external view returns (FixtureResult memory) {
        Fixture held = ledger_.fixtures[uint128(fixture)];
        return FixtureResult(
            uint8(held.status()),
            uint8(held.homeHalf()),
            uint8(held.awayHalf()),
            uint8(held.homeFull()),
            uint8(held.awayFull()),
            uint40(held.settledAt()),
            uint40(held.publishedAt()),
            uint40(held.finalAt())
        );
    }

    /// @inheritdoc ISportsbook
    function lockedOf(bytes16 fixture) external view returns (uint64) {
        return uint64(ledger_.fixtures[uint128(fixture)].locked());
    }

    /// @inheritdoc ISportsbook
    function caps() external view returns (uint64, uint64) {
        return (ledger_.caps.market, ledger_.caps.fixture);
    }

    /// @inheritdoc ISportsbook
    function batches(uint256 batch) external view returns (bytes32) {
        return bytes32(Batch.unwrap(ledger_.batches[batch].placed()));
    }

    /// @inheritdoc ISportsbook
    function settledBits(uint256 batch) external view returns (uint256) {
        return ledger_.batches[batch].isTouched() ? ledger_.settledBits[batch] : 0;
    }

    /// @inheritdoc ISportsbook
    function book() external view returns (uint64, uint64, uint64, uint48, bool) {
        Book memory book_m = ledger_.book;
        return (book_m.pool, book_m.openStakes, book_m.locked, book_m.batchCount, book_m.paused);
    }

    /// @inheritdoc ISportsbook
    function house() public view returns (uint64) {
        Book memory book_m = ledger_.book;
        return book_m.pool > book_m.openStakes ? book_m.pool - book_m.openStakes : 0;
    }

    /// @inheritdoc ISportsbook
    function houseFree() public view returns (uint64) {
        Book memory book_m = ledger_.book;
        uint256 bound = uint256(book_m.openStakes) + book_m.locked;
        return book_m.pool > bound ? uint64(book_m.pool - bound) : 0;
    }

    /// @inheritdoc ISportsbook
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes)
    {
        uint256 exposure = ledger_.exposures[market];
        for (uint256 i; i < payouts.length; ++i) {
            payouts[i] = uint64(exposure >> (64 * i));
        }
        return (payouts, uint64(exposure >> 192));
    }
}
