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
import {Desk, Desks} from "./libraries/Desk.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Caps, Exit, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Packed} from "./libraries/Packed.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Withdrawal, Withdrawals} from "./libraries/Withdrawals.sol";

/// @title Sportsbook
contract Sportsbook is Placing, ISportsbook, Ownable2Step, EIP712 {
    using Desks for Desk;
    using SafeERC20 for IERC20;

    uint256 private constant ALWAYS = type(uint256).max;
    uint8 private constant DECIMALS = 6;

    /// @inheritdoc ISportsbook
    uint40 public constant VOID_AFTER = VOID_AFTER_START;

    IERC20 public immutable TOKEN;
    address public immutable RESULTS;
    /// @dev The domain's separator as long as the chain has this number. What EIP712 keeps of it cannot
    /// be read, and its own look compares the address as well: 45 gas more for every signature.
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
    /// announced reaches the chain first.
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
        // A delegated call of an address without code succeeds, and settles nothing.
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
        // A permit that was front-run has done its work; one that is wrong fails at the transfer.
        try IERC20Permit(address(TOKEN))
            .permit(msg.sender, address(this), amount, deadline, v, r, s) {}
            catch {}
        return _deposit(msg.sender, amount);
    }

    // -- Money out

    /// @inheritdoc ISportsbook
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external {
        Account held = ledger_.accounts[withdrawal.account()];
        if (held.owner() != msg.sender) revert NotOwnerOf(uint32(withdrawal.account()), msg.sender);
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
        uint56 most = amount < Accounts.MAX_BALANCE ? uint56(amount) : uint56(Accounts.MAX_BALANCE);
        uint40 unlocksAt = amount == 0 ? 0 : uint40(block.timestamp) + EXIT_DELAY;
        ledger_.exits[account].amount = most;
        ledger_.exits[account].unlocksAt = unlocksAt;
        emit ExitRequested(account, most, unlocksAt);
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
        // An exclusion that still runs is put off; one that is over begins anew.
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
        Desk memory desk = _openDesk(batch);
        _applyCaps(desk);
        (id,) = _place(desk, batch);
    }

    /// @inheritdoc ISportsbook
    function enforce(bytes calldata batch, Signature calldata receipt)
        external
        returns (uint256 id)
    {
        Desk memory desk = _openDesk(batch);
        uint256 head;
        (id, head) = _placeOne(desk, batch);
        uint256 acceptedAt = desk.base + Packed.acceptedAfter(head);
        bytes32 structHash =
            TypedData.receiptHash(desk.slipHash(), acceptedAt, _oddsOf(desk, batch, head));
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
        Desk memory desk = _openDesk(batch);
        _applyCaps(desk);
        desk.base = block.timestamp;
        desk.bettor = msg.sender;
        uint256 head;
        (id, head) = _placeOne(desk, batch);
        bytes32 structHash = TypedData.quoteHash(quote, _oddsOf(desk, batch, head), desk.legsHash);
        (address signer, uint256 until) = _houseSigner(structHash, house_);
        if (until <= block.timestamp) revert QuoteInvalid(signer);
        _useQuote(structHash, quote, head);
    }

    /// @inheritdoc ISportsbook
    function settle(Run[] calldata) external {
        _settling();
    }

    /// @inheritdoc ISportsbook
    function cashOut(Run calldata, CashOut calldata, Signature calldata, bytes calldata) external {
        _settling();
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

    // -- House

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
        // Retired twice, a key keeps its first end.
        if (allowed) ledger_.signers[signer] = ALWAYS;
        else if (ledger_.signers[signer] == ALWAYS) ledger_.signers[signer] = block.timestamp;
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

    /// @notice The house is never without an owner: nobody could lift a pause any more.
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
        // What arrived counts, and never more than was asked for: a token that lets its receiver
        // in during a transfer could otherwise have one arrival counted twice.
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
            if (account_.isExcluded()) account_ = _readmit(account, account_);
            ledger_.accounts[account] = account_.credit(arrived);
        }
        emit Deposited(account, msg.sender, uint64(arrived));
    }

    /// @dev An exclusion that is over is taken from the account's word.
    function _readmit(uint32 account, Account held) private view returns (Account) {
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

    /// @dev Bounds all money in the book, so that no packed amount can overflow.
    function _checkHeld(uint256 held) private pure {
        if (held > Accounts.MAX_BALANCE) revert DepositTooLarge(held);
    }

    function _accountOfCaller() private view returns (uint32 account) {
        account = accountOf[msg.sender];
        if (account == 0) revert NotOwnerOf(0, msg.sender);
    }

    // -- Internal: settling

    /// @dev Runs the same function of SETTLING on this storage. The call data goes through as it is:
    /// to decode it and encode it again would cost more than all the rest of the way there.
    function _settling() private {
        address code = SETTLING;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
        }
    }

    // -- Internal: placing

    function _openDesk(bytes calldata batch) private view returns (Desk memory) {
        return _open(batch, _separator(), RECEIPT_WINDOW);
    }

    function _applyCaps(Desk memory desk) private view {
        Caps memory caps_ = ledger_.caps;
        (desk.marketCap, desk.fixtureCap) = (caps_.market, caps_.fixture);
    }

    /// @return id Number of the batch.
    /// @return head Of the one slip's record.
    function _placeOne(Desk memory desk, bytes calldata batch)
        private
        returns (uint256 id, uint256 head)
    {
        uint256 at = Packed.start(batch) + desk.tableSize;
        uint256 slips = Packed.word(at) >> 240;
        if (slips != 1) revert SlipsNotOne(slips);
        head = Packed.word(at + 2);
        uint256 legs = Packed.legCount(head);
        // Settling never pays for what a bet does not need, but whoever reads the event does.
        if (desk.markets > legs) revert MarketsUnused(desk.markets, legs);
        Skip skip;
        (id, skip) = _place(desk, batch);
        if (skip != Skip.None) revert SlipRefused(skip);
    }

    function _oddsOf(Desk memory desk, bytes calldata batch, uint256 head)
        private
        pure
        returns (uint256[] memory odds)
    {
        odds = new uint256[](Packed.legCount(head));
        for (uint256 i; i < odds.length; ++i) {
            (,, odds[i]) = Packed.leg(Packed.start(batch) + desk.tableSize + 2, i);
        }
    }

    /// @dev Of two chains that part, the one with a new number has another domain.
    function _separator() private view returns (bytes32) {
        return block.chainid == _CHAIN ? _SEPARATOR : _domainSeparatorV4();
    }

    function _houseSigner(bytes32 structHash, Signature calldata signature)
        private
        view
        returns (address signer, uint256 until)
    {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_separator(), structHash);
        signer = Signatures.recover(digest, signature.r, signature.vs);
        until = ledger_.signers[signer];
    }

    /// @dev A quote for one account is used up with its nonce, one for anyone with its stakes.
    function _useQuote(bytes32 structHash, Quote calldata quote, uint256 head) private {
        uint256 used = Packed.stake(head);
        if (quote.account == 0) {
            used += ledger_.quoted[structHash];
            ledger_.quoted[structHash] = used;
        } else if (Packed.account(head) != quote.account || Packed.nonce(head) != quote.nonce) {
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
        return ledger_.signers[signer] == ALWAYS;
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
