// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IResults} from "./interfaces/IResults.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Markets} from "./libraries/Markets.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {Packed} from "./libraries/Packed.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Sportsbook
contract Sportsbook is ISportsbook, Ownable2Step, EIP712 {
    using SafeERC20 for IERC20;

    /// @dev The money of the house and of open bets, in one slot.
    /// Invariant: tokens held >= all balances + pool; pool = open stakes + house.
    /// Invariant: pool >= openStakes + locked whenever a bet is placed or the bankroll withdraws.
    struct Book {
        uint64 pool;
        uint64 openStakes;
        uint64 locked;
        uint48 batchCount;
        bool paused;
    }

    /// @dev An account's second slot: what its owner announced to take out, and how many
    /// countersigned withdrawals were used.
    struct Exit {
        uint64 amount;
        uint40 unlocksAt;
        uint32 withdrawals;
    }

    /// @dev A batch on its way into the book.
    struct Placing {
        Packed.Table table;
        uint256[] exposures;
        uint256[] lockedOf;
        bytes32[] legHashes;
        bytes32 separator;
        uint256 room;
        uint256 locked;
        uint256 stakes;
        uint256 scratch;
    }

    /// @dev A run of bets on its way out.
    struct Settling {
        Packed.Table table;
        uint256[] released;
        uint256[] fractions;
        uint256 accumulatorsLocked;
        uint256 stakes;
        uint256 paid;
    }

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    uint256 private constant OUTCOMES = 3;
    uint256 private constant SKIP_SIZE = 8;
    uint256 private constant PAYOUT_SIZE = 9;
    uint256 private constant CONTRACT_SIGNATURE_GAS = 100_000;
    uint8 private constant DECIMALS = 6;

    /// @inheritdoc ISportsbook
    uint40 public constant VOID_AFTER = 7 days;

    IERC20 public immutable TOKEN;
    IResults public immutable RESULTS;
    /// @inheritdoc ISportsbook
    uint40 public immutable RECEIPT_WINDOW;
    /// @inheritdoc ISportsbook
    uint40 public immutable EXIT_DELAY;

    Book private book_;
    uint32 public accountCount;
    address public guardian;
    address public bankroll;
    mapping(uint256 account => Account) private accounts_;
    mapping(uint256 account => Exit) private exits_;
    /// @inheritdoc ISportsbook
    mapping(address owner => uint32) public accountOf;
    mapping(uint256 market => uint256) private exposures_;
    /// @dev Hash over table and bets; its last byte is the number of bets less one. 0 when settled.
    mapping(uint256 batch => bytes32) public batches;
    /// @inheritdoc ISportsbook
    mapping(uint256 batch => uint256) public settledBits;
    mapping(address operator => bool) public isOperator;
    mapping(address signer => bool) public isSigner;

    /// @param exitDelay Longer than `receiptWindow`, so that a slip accepted before the exit was
    /// announced reaches the chain first.
    constructor(
        address owner_,
        IERC20 token,
        IResults results,
        uint40 receiptWindow,
        uint40 exitDelay
    ) Ownable(owner_) EIP712("Fairline", "1") {
        uint8 decimals = IERC20Metadata(address(token)).decimals();
        if (decimals != DECIMALS) revert TokenDecimalsUnsupported(decimals);
        if (receiptWindow == 0 || exitDelay <= receiptWindow) {
            revert DelaysInvalid(receiptWindow, exitDelay);
        }
        TOKEN = token;
        RESULTS = results;
        RECEIPT_WINDOW = receiptWindow;
        EXIT_DELAY = exitDelay;
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
        try IERC20Permit(address(TOKEN)).permit(
            msg.sender, address(this), amount, deadline, v, r, s
        ) {} catch {}
        return _deposit(msg.sender, amount);
    }

    // -- Money out

    /// @inheritdoc ISportsbook
    function withdraw(uint32 account, uint64 amount, uint40 deadline, bytes calldata signature)
        external
    {
        Account held = accounts_[account];
        if (held.owner() != msg.sender) revert NotOwnerOf(account, msg.sender);
        if (block.timestamp > deadline) revert WithdrawalExpired(deadline);
        bytes32 structHash =
            TypedData.withdrawalHash(account, amount, deadline, exits_[account].withdrawals++);
        (address signer,,) = ECDSA.tryRecover(_hashTypedDataV4(structHash), signature);
        if (!isSigner[signer]) revert WithdrawalUnsigned(signer);
        _payOut(account, held, amount);
    }

    /// @inheritdoc ISportsbook
    function requestExit(uint64 amount) external {
        uint32 account = _accountOfCaller();
        uint40 unlocksAt = amount == 0 ? 0 : uint40(block.timestamp) + EXIT_DELAY;
        exits_[account].amount = amount;
        exits_[account].unlocksAt = unlocksAt;
        emit ExitRequested(account, amount, unlocksAt);
    }

    /// @inheritdoc ISportsbook
    function exit() external returns (uint64 amount) {
        uint32 account = _accountOfCaller();
        Exit memory request = exits_[account];
        if (request.amount == 0) revert ExitUnknown(account);
        if (block.timestamp < request.unlocksAt) revert ExitLocked(request.unlocksAt);
        Account held = accounts_[account];
        amount = request.amount < held.balance() ? request.amount : uint64(held.balance());
        exits_[account].amount = 0;
        exits_[account].unlocksAt = 0;
        emit ExitRequested(account, 0, 0);
        if (amount != 0) _payOut(account, held, amount);
    }

    // -- Bets

    /// @inheritdoc ISportsbook
    function placeBatch(bytes calldata batch) external returns (uint256 id) {
        if (!isOperator[msg.sender]) revert NotOperator(msg.sender);
        if (book_.paused) revert PlacingIsPaused();
        (id,) = _place(_openBatch(batch), batch);
    }

    /// @inheritdoc ISportsbook
    function enforce(bytes calldata batch, bytes calldata receiptSignature)
        external
        returns (uint256 id)
    {
        Placing memory placing = _openBatch(batch);
        uint256 at = Packed.start(batch) + placing.table.length;
        if (Packed.word(at) >> 240 != 1) revert SlipsNotOne(Packed.word(at) >> 240);
        _checkReceipt(placing, at + 2, receiptSignature);
        uint256 markets = placing.table.markets.length;
        uint256 legs = Packed.legCount(Packed.word(at + 2));
        if (markets > legs) revert MarketsUnused(markets, legs);
        Skip skip;
        (id, skip) = _place(placing, batch);
        if (skip != Skip.None) revert SlipRefused(skip);
    }

    /// @inheritdoc ISportsbook
    function settle(Run[] calldata runs) external {
        Book memory book_m = book_;
        uint256 any;
        for (uint256 i; i < runs.length; ++i) {
            any |= _settle(runs[i], book_m);
        }
        if (any == 0) revert NothingToSettle();
        book_ = book_m;
    }

    // -- House

    /// @inheritdoc ISportsbook
    function fund(uint64 amount) external {
        if (msg.sender != bankroll) revert NotBankroll(msg.sender);
        book_.pool += amount;
        _checkHeld(TOKEN.balanceOf(address(this)));
        emit HouseFunded(amount);
    }

    /// @inheritdoc ISportsbook
    function release(address to, uint64 amount) external {
        if (msg.sender != bankroll) revert NotBankroll(msg.sender);
        uint256 free = houseFree();
        if (amount > free) revert BankrollLocked(free, amount);
        book_.pool -= amount;
        emit HouseReleased(to, amount);
        TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc ISportsbook
    function setOperator(address operator, bool allowed) external onlyOwner {
        isOperator[operator] = allowed;
        emit OperatorSet(operator, allowed);
    }

    /// @inheritdoc ISportsbook
    function setSigner(address signer, bool allowed) external onlyOwner {
        if (signer == address(0)) revert OwnerZero();
        isSigner[signer] = allowed;
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
    function pausePlacing(bool paused) external {
        if (msg.sender != owner() && !(paused && msg.sender == guardian)) {
            revert NotGuardian(msg.sender);
        }
        book_.paused = paused;
        emit PlacingPaused(paused);
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
            accounts_[account] = Accounts.open(owner).credit(arrived);
            emit AccountOpened(account, owner);
        } else {
            accounts_[account] = accounts_[account].credit(arrived);
        }
        emit Deposited(account, msg.sender, uint64(arrived));
    }

    function _payOut(uint32 account, Account held, uint64 amount) private {
        if (amount == 0) revert AmountZero();
        uint256 balance = held.balance();
        if (amount > balance) revert BalanceInsufficient(account, balance, amount);
        accounts_[account] = held.debit(amount);
        emit Withdrawn(account, amount);
        TOKEN.safeTransfer(held.owner(), amount);
    }

    /// @dev Bounds all money in the book, so that no packed amount can overflow.
    function _checkHeld(uint256 held) private pure {
        if (held > Accounts.MAX_BALANCE) revert DepositTooLarge(held);
    }

    function _accountOfCaller() private view returns (uint32 account) {
        account = accountOf[msg.sender];
        if (account == 0) revert NotOwnerOf(0, msg.sender);
    }

    // -- Internal: placing

    function _openBatch(bytes calldata batch) private view returns (Placing memory placing) {
        placing.table = Packed.readTable(batch);
        uint256[] memory markets = placing.table.markets;
        uint256 count = markets.length;
        placing.exposures = new uint256[](count);
        placing.lockedOf = new uint256[](count);
        placing.legHashes = new bytes32[](count * OUTCOMES);
        for (uint256 i; i < count; ++i) {
            uint256 exposure = exposures_[markets[i]];
            placing.exposures[i] = exposure;
            placing.lockedOf[i] = Markets.locked(markets[i], exposure);
        }
        Book memory book_m = book_;
        placing.room = book_m.pool > book_m.openStakes ? book_m.pool - book_m.openStakes : 0;
        placing.locked = book_m.locked;
        placing.separator = _domainSeparatorV4();
        placing.scratch = _reserve(MAX_LEGS * 32);
    }

    /// @dev Walks the slips once: checks each, takes its stake, and builds event and tree.
    /// @return id Number of the batch.
    /// @return skip Why the last slip was left out, or None.
    function _place(Placing memory placing, bytes calldata batch)
        private
        returns (uint256 id, Skip skip)
    {
        uint256 at = Packed.start(batch) + placing.table.length;
        uint256 count = Packed.word(at) >> 240;
        if (count == 0 || count > MAX_BETS) revert BatchTooLarge(count);
        at += 2;

        bytes32[] memory leaves = new bytes32[](count);
        uint256 skips = _reserve(count * SKIP_SIZE + 32);
        bytes memory data = new bytes(batch.length + 4);
        uint256 out;
        assembly ("memory-safe") {
            out := add(data, 32)
        }
        out = _copy(out, Packed.start(batch), placing.table.length) + 2;
        uint256 placed;
        for (uint256 i; i < count; ++i) {
            uint256 head = Packed.word(at);
            uint256 size = Packed.recordSize(head);
            uint256 next;
            (skip, next) = _placeSlip(placing, at, head, size);
            if (skip == Skip.None) {
                uint256 end = _copy(out, at, size);
                leaves[placed++] = _hash(out, size);
                out = end;
            } else {
                // account and nonce are the first 7 bytes of the record
                uint256 entry = ((head >> 200) << 200) | (uint256(skip) << 192);
                uint256 to = skips + (i - placed) * SKIP_SIZE;
                assembly ("memory-safe") {
                    mstore(to, entry)
                }
            }
            at = next;
        }
        if (at != Packed.start(batch) + batch.length) revert BatchMalformed();

        _write16(data, placing.table.length, placed);
        uint256 skipped = count - placed;
        assembly ("memory-safe") {
            mstore(out, shl(240, skipped))
        }
        out = _copyMemory(out + 2, skips, skipped * SKIP_SIZE);
        assembly ("memory-safe") {
            mstore(data, sub(out, add(data, 32)))
        }

        id = _writeBatch(placing, _hashOf(batch, placing.table.length), leaves, placed);
        emit BatchPlaced(id, data);
    }

    /// @dev One slip: Check, then Effect on its account and on the running exposure.
    function _placeSlip(Placing memory placing, uint256 at, uint256 head, uint256 size)
        private
        returns (Skip, uint256 next)
    {
        unchecked {
            uint256 tail = Packed.word(at + size);
            uint256 signatureAt = at + size + 9;
            uint256 signatureLength = uint16(tail >> 184);
            next = signatureAt + (signatureLength == 0 ? 64 : signatureLength);

            (Skip skip, uint256 payout) = _checkTerms(placing, at, head, tail);
            if (skip != Skip.None) return (skip, next);

            Account account = accounts_[Packed.account(head)];
            skip = _checkAccount(account, head);
            if (skip != Skip.None) return (skip, next);

            uint256 stake = Packed.stake(head);
            (uint256 exposure, uint256 locked, uint256 lockedOf) =
                _lock(placing, at, head, payout, stake);
            if (locked > placing.room) return (Skip.ExposureExceeded, next);

            bytes32 digest = MessageHashUtils.toTypedDataHash(
                placing.separator, _slipHash(placing, at, head, tail)
            );
            if (!_signed(account.owner(), digest, signatureAt, signatureLength)) {
                return (Skip.SignatureInvalid, next);
            }

            accounts_[Packed.account(head)] = account.useNonce(Packed.nonce(head)).debit(stake);
            placing.locked = locked;
            placing.stakes += stake;
            if (Packed.legCount(head) == 1) {
                (uint256 market,,) = Packed.leg(at, 0);
                placing.exposures[market] = exposure;
                placing.lockedOf[market] = lockedOf;
            }
            return (Skip.None, next);
        }
    }

    /// @dev Times, stake, legs and odds of a slip. Returns the payout when every leg wins.
    function _checkTerms(Placing memory placing, uint256 at, uint256 head, uint256 tail)
        private
        view
        returns (Skip, uint256 payout)
    {
        unchecked {
            uint256 acceptedAt = placing.table.base + Packed.acceptedAfter(head);
            if (acceptedAt > block.timestamp || acceptedAt + RECEIPT_WINDOW < block.timestamp) {
                return (Skip.AcceptanceOutsideWindow, 0);
            }
            if (acceptedAt > placing.table.base + uint16(tail >> 200)) return (Skip.SlipExpired, 0);
            uint256 stake = Packed.stake(head);
            if (stake == 0 || stake > Accounts.MAX_BALANCE) return (Skip.StakeInvalid, 0);
            uint256 legs = Packed.legCount(head);
            if (legs == 0 || legs > MAX_LEGS) return (Skip.LegsInvalid, 0);

            uint256 product = 1;
            uint256 one = 1;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                if (index >= placing.table.markets.length) return (Skip.MarketUnknown, 0);
                uint256 market = placing.table.markets[index];
                if (outcome >= Markets.outcomes(market)) return (Skip.MarketUnknown, 0);
                if (acceptedAt >= Markets.startsAt(market) && !Markets.inPlay(market)) {
                    return (Skip.MarketClosed, 0);
                }
                if (odds <= ODDS_ONE) return (Skip.OddsInvalid, 0);
                // Bounded by MAX_BALANCE x 1e4^12 x 2^32 < 2^256, since larger payouts end here.
                product *= odds;
                one *= ODDS_ONE;
                payout = stake * product / one;
                if (payout > Accounts.MAX_BALANCE) return (Skip.PayoutTooLarge, 0);
            }
            if (product * ODDS_ONE < (tail >> 216) * one) return (Skip.OddsBelowMinimum, 0);
            return (Skip.None, payout);
        }
    }

    function _checkAccount(Account account, uint256 head) private pure returns (Skip) {
        if (account.owner() == address(0)) return Skip.AccountUnknown;
        if (!account.isUsable(Packed.nonce(head))) return Skip.NonceUsed;
        if (account.balance() < Packed.stake(head)) return Skip.BalanceInsufficient;
        return Skip.None;
    }

    /// @dev What the house would have locked with this bet. A single is netted in its market; an
    /// accumulator is locked in full.
    function _lock(
        Placing memory placing,
        uint256 at,
        uint256 head,
        uint256 payout,
        uint256 stake
    ) private pure returns (uint256 exposure, uint256 locked, uint256 lockedOf) {
        unchecked {
            if (Packed.legCount(head) != 1) return (0, placing.locked + payout - stake, 0);
            (uint256 index, uint256 outcome,) = Packed.leg(at, 0);
            exposure = placing.exposures[index] + Markets.exposureOf(outcome, payout, stake);
            lockedOf = Markets.locked(placing.table.markets[index], exposure);
            locked = placing.locked - placing.lockedOf[index] + lockedOf;
        }
    }

    function _slipHash(Placing memory placing, uint256 at, uint256 head, uint256 tail)
        private
        pure
        returns (bytes32 hash)
    {
        uint256 buffer = placing.scratch;
        uint256 legs = Packed.legCount(head);
        for (uint256 i; i < legs; ++i) {
            (uint256 index, uint256 outcome,) = Packed.leg(at, i);
            bytes32 leg = placing.legHashes[index * OUTCOMES + outcome];
            if (leg == 0) {
                leg = TypedData.legHash(
                    placing.table.fixtureNames[index], placing.table.markets[index], outcome
                );
                placing.legHashes[index * OUTCOMES + outcome] = leg;
            }
            assembly ("memory-safe") {
                mstore(add(buffer, shl(5, i)), leg)
            }
        }
        bytes32 slipType = TypedData.SLIP;
        uint256 account = Packed.account(head);
        uint256 stake = Packed.stake(head);
        uint256 minOdds = tail >> 216;
        uint256 nonce = Packed.nonce(head);
        uint256 deadline = placing.table.base + uint16(tail >> 200);
        // abi.encode would take new memory for every slip: 180 gas a slip in a batch of 256.
        assembly ("memory-safe") {
            let legsHash := keccak256(buffer, shl(5, legs))
            mstore(buffer, slipType)
            mstore(add(buffer, 32), account)
            mstore(add(buffer, 64), stake)
            mstore(add(buffer, 96), minOdds)
            mstore(add(buffer, 128), nonce)
            mstore(add(buffer, 160), deadline)
            mstore(add(buffer, 192), legsHash)
            hash := keccak256(buffer, 224)
        }
    }

    /// @dev An owner's own signature always counts, with or without code at the address (EIP-7702);
    /// a contract wallet is asked with bounded gas, so that it cannot take the batch down.
    function _signed(address owner, bytes32 digest, uint256 at, uint256 length)
        private
        view
        returns (bool)
    {
        if (length == 0) {
            (address signer,,) = ECDSA.tryRecover(
                digest, bytes32(Packed.word(at)), bytes32(Packed.word(at + 32))
            );
            return signer == owner;
        }
        bytes calldata signature;
        assembly ("memory-safe") {
            signature.offset := at
            signature.length := length
        }
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bool answered;
        bytes32 answer;
        // At most one word of the answer is read: copying all that a hostile wallet may send would
        // fill the batch's memory, whose price rises with its square.
        assembly ("memory-safe") {
            answered := staticcall(
                CONTRACT_SIGNATURE_GAS, owner, add(question, 32), mload(question), 0, 32
            )
            answered := and(answered, gt(returndatasize(), 31))
            answer := mload(0)
        }
        return answered && answer == bytes32(IERC1271.isValidSignature.selector);
    }

    function _checkReceipt(Placing memory placing, uint256 at, bytes calldata signature)
        private
        view
    {
        uint256 head = Packed.word(at);
        uint256 legs = Packed.legCount(head);
        if (legs == 0 || legs > MAX_LEGS) revert SlipRefused(Skip.LegsInvalid);
        uint256[] memory odds = new uint256[](legs);
        for (uint256 i; i < legs; ++i) {
            (uint256 index, uint256 outcome, uint256 odds_) = Packed.leg(at, i);
            if (index >= placing.table.markets.length || outcome >= OUTCOMES) {
                revert SlipRefused(Skip.MarketUnknown);
            }
            odds[i] = odds_;
        }
        uint256 tail = Packed.word(at + Packed.recordSize(head));
        bytes32 structHash = TypedData.receiptHash(
            _slipHash(placing, at, head, tail),
            placing.table.base + Packed.acceptedAfter(head),
            odds
        );
        (address signer,,) = ECDSA.tryRecover(_hashTypedDataV4(structHash), signature);
        if (!isSigner[signer]) revert ReceiptInvalid(signer);
    }

    function _writeBatch(
        Placing memory placing,
        bytes32 tableHash,
        bytes32[] memory leaves,
        uint256 placed
    ) private returns (uint256 id) {
        uint256[] memory markets = placing.table.markets;
        for (uint256 i; i < markets.length; ++i) {
            // The slot is warm: comparing is cheaper than writing what did not change.
            if (exposures_[markets[i]] != placing.exposures[i]) {
                exposures_[markets[i]] = placing.exposures[i];
            }
        }
        Book memory book_m = book_;
        id = ++book_m.batchCount;
        book_m.pool += uint64(placing.stakes);
        book_m.openStakes += uint64(placing.stakes);
        book_m.locked = uint64(placing.locked);
        book_ = book_m;
        if (placed != 0) {
            batches[id] = _commitment(tableHash, RangeProof.root(leaves, placed), placed);
        }
    }

    // -- Internal: settling

    /// @return settled Bits of the bets that this run settled.
    function _settle(Run calldata run, Book memory book_m) private returns (uint256 settled) {
        bytes32 commitment = batches[run.batch];
        if (commitment == 0) return 0;
        uint256 width = uint256(uint8(uint256(commitment))) + 1;
        uint256 count = _checkRun(run, commitment, width);

        Settling memory settling;
        settling.table = Packed.readTable(run.table);
        settling.released = new uint256[](settling.table.markets.length);
        settling.fractions = new uint256[](settling.table.markets.length * OUTCOMES);
        uint256 bits = settledBits[run.batch];
        bytes memory payouts;
        (settled, payouts) = _settleBets(settling, run, bits, count);
        if (settled == 0) return 0;

        _releaseExposure(settling, book_m);
        bits |= settled;
        if (bits == type(uint256).max >> (MAX_BETS - width)) {
            delete batches[run.batch];
            if (bits != settled) delete settledBits[run.batch];
        } else {
            settledBits[run.batch] = bits;
        }
        emit BatchSettled(run.batch, settled, payouts);
    }

    /// @dev Proves that the run's records are the batch's. Returns how many they are.
    function _checkRun(Run calldata run, bytes32 commitment, uint256 width)
        private
        pure
        returns (uint256 count)
    {
        if (run.first >= width) revert RunNotOfBatch(run.batch);
        bytes32[] memory leaves = new bytes32[](width - run.first);
        uint256 scratch = _reserve(Packed.RECORD_HEAD + Packed.LEG_SIZE * MAX_LEGS);
        uint256 at = Packed.start(run.records);
        uint256 end = at + run.records.length;
        while (at < end) {
            uint256 head = Packed.word(at);
            uint256 size = Packed.recordSize(head);
            if (count == leaves.length || Packed.legCount(head) > MAX_LEGS) {
                revert RunNotOfBatch(run.batch);
            }
            _copy(scratch, at, size);
            leaves[count++] = _hash(scratch, size);
            at += size;
        }
        assembly ("memory-safe") {
            mstore(leaves, count)
        }
        bytes32 root = RangeProof.root(leaves, run.first, width, run.proof);
        if (at != end || _commitment(keccak256(run.table), root, width) != commitment) {
            revert RunNotOfBatch(run.batch);
        }
    }

    function _settleBets(Settling memory settling, Run calldata run, uint256 bits, uint256 count)
        private
        returns (uint256 settled, bytes memory payouts)
    {
        payouts = new bytes(count * PAYOUT_SIZE + 32);
        uint256 out;
        assembly ("memory-safe") {
            out := add(payouts, 32)
        }
        uint256 at = Packed.start(run.records);
        for (uint256 i = run.first; i < run.first + count; ++i) {
            uint256 head = Packed.word(at);
            if (bits & (1 << i) == 0) {
                (bool decided, uint256 payout) = _settleBet(settling, at, head);
                if (decided) settled |= 1 << i;
                if (payout != 0) {
                    uint256 entry = (i << 248) | (payout << 184);
                    assembly ("memory-safe") {
                        mstore(out, entry)
                    }
                    out += PAYOUT_SIZE;
                }
            }
            at += Packed.recordSize(head);
        }
        assembly ("memory-safe") {
            mstore(payouts, sub(out, add(payouts, 32)))
        }
    }

    /// @dev One bet: pays it when all of its legs are decided.
    function _settleBet(Settling memory settling, uint256 at, uint256 head)
        private
        returns (bool, uint256 payout)
    {
        unchecked {
            uint256 stake = Packed.stake(head);
            uint256 legs = Packed.legCount(head);
            uint256 most = stake;
            uint256 one = 1;
            uint256 halves = 1;
            payout = stake;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                (bool decided, uint256 win, uint256 refund) = _fraction(
                    settling, index, outcome, settling.table.base + Packed.acceptedAfter(head)
                );
                if (!decided) return (false, 0);
                // Bounded like the payout at placing, times 2^12 for the halves: below 2^256.
                payout *= odds * win + ODDS_ONE * refund;
                most *= odds;
                one *= ODDS_ONE;
                halves *= Outcomes.HALVES;
            }
            payout /= one * halves;
            most /= one;
            if (legs == 1) {
                (uint256 index, uint256 outcome,) = Packed.leg(at, 0);
                settling.released[index] += Markets.exposureOf(outcome, most, stake);
            } else {
                settling.accumulatorsLocked += most - stake;
            }
            settling.stakes += stake;
            settling.paid += payout;
            if (payout != 0) {
                uint256 account = Packed.account(head);
                accounts_[account] = accounts_[account].credit(payout);
            }
            return (true, payout);
        }
    }

    /// @dev Before the match the fraction does not depend on the bet: it is worked out once a run.
    function _fraction(Settling memory settling, uint256 index, uint256 outcome, uint256 acceptedAt)
        private
        view
        returns (bool decided, uint256 win, uint256 refund)
    {
        uint256 key = index * OUTCOMES + outcome;
        uint256 known = settling.fractions[key];
        if (known != 0) return (known & 2 != 0, (known >> 2) & 3, known >> 4);
        uint256 market = settling.table.markets[index];
        (decided, win, refund) = Outcomes.fraction(
            market, outcome, acceptedAt, RESULTS.resultOf(Markets.fixture(market)), VOID_AFTER
        );
        if (!Markets.inPlay(market)) {
            settling.fractions[key] = 1 | (decided ? 2 : 0) | (win << 2) | (refund << 4);
        }
    }

    function _releaseExposure(Settling memory settling, Book memory book_m) private {
        uint256 locked = book_m.locked - settling.accumulatorsLocked;
        uint256[] memory markets = settling.table.markets;
        for (uint256 i; i < markets.length; ++i) {
            uint256 released = settling.released[i];
            if (released == 0) continue;
            uint256 exposure = exposures_[markets[i]];
            locked = locked + Markets.locked(markets[i], exposure - released)
                - Markets.locked(markets[i], exposure);
            exposures_[markets[i]] = exposure - released;
        }
        book_m.locked = uint64(locked);
        book_m.openStakes -= uint64(settling.stakes);
        book_m.pool -= uint64(settling.paid);
    }

    // -- Internal: bytes

    function _commitment(bytes32 tableHash, bytes32 root, uint256 bets)
        private
        pure
        returns (bytes32)
    {
        uint256 hash = uint256(RangeProof.hash(tableHash, root));
        return bytes32(((hash >> 8) << 8) | (bets - 1));
    }

    /// @dev Memory that stays where it is; the caller writes before it reads.
    function _reserve(uint256 size) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 63), not(31)))
        }
    }

    function _copy(uint256 to, uint256 from, uint256 size) private pure returns (uint256 end) {
        assembly ("memory-safe") {
            calldatacopy(to, from, size)
            end := add(to, size)
        }
    }

    function _copyMemory(uint256 to, uint256 from, uint256 size)
        private
        pure
        returns (uint256 end)
    {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, size) { i := add(i, 32) } {
                mstore(add(to, i), mload(add(from, i)))
            }
            end := add(to, size)
        }
    }

    function _hash(uint256 at, uint256 size) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(at, size)
        }
    }

    function _hashOf(bytes calldata data, uint256 size) private pure returns (bytes32) {
        return keccak256(data[:size]);
    }

    function _write16(bytes memory data, uint256 at, uint256 value) private pure {
        data[at] = bytes1(uint8(value >> 8));
        data[at + 1] = bytes1(uint8(value));
    }

    // -- Views

    /// @inheritdoc ISportsbook
    function accountAt(uint32 account)
        external
        view
        returns (address owner, uint64 balance, uint24 nonce, uint8 window, uint32 withdrawals)
    {
        Account held = accounts_[account];
        return (
            held.owner(),
            uint64(held.balance()),
            uint24(held.nonce()),
            uint8(held.window()),
            exits_[account].withdrawals
        );
    }

    /// @inheritdoc ISportsbook
    function exitOf(uint32 account) external view returns (uint64, uint40) {
        return (exits_[account].amount, exits_[account].unlocksAt);
    }

    /// @inheritdoc ISportsbook
    function isUsable(uint32 account, uint24 nonce) external view returns (bool) {
        return accounts_[account].isUsable(nonce);
    }

    /// @inheritdoc ISportsbook
    function book() external view returns (uint64, uint64, uint64, uint48, bool) {
        Book memory book_m = book_;
        return (
            book_m.pool, book_m.openStakes, book_m.locked, book_m.batchCount, book_m.paused
        );
    }

    /// @inheritdoc ISportsbook
    function house() public view returns (uint64) {
        Book memory book_m = book_;
        return book_m.pool > book_m.openStakes ? book_m.pool - book_m.openStakes : 0;
    }

    /// @inheritdoc ISportsbook
    function houseFree() public view returns (uint64) {
        Book memory book_m = book_;
        uint256 bound = uint256(book_m.openStakes) + book_m.locked;
        return book_m.pool > bound ? uint64(book_m.pool - bound) : 0;
    }

    /// @inheritdoc ISportsbook
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes)
    {
        uint256 exposure = exposures_[market];
        for (uint256 i; i < OUTCOMES; ++i) {
            payouts[i] = uint64(exposure >> (64 * i));
        }
        return (payouts, uint64(exposure >> 192));
    }
}
