// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Bankroll} from "./Bankroll.sol";
import {IResults} from "./interfaces/IResults.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Placing} from "./Placing.sol";
import {Account} from "./libraries/Accounts.sol";
import {Batch} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Fixture} from "./libraries/Fixtures.sol";
import {Deposits} from "./libraries/Deposits.sol";
import {Key, Keys} from "./libraries/Keys.sol";
import {Book, Caps, Restriction, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";
import {Money} from "./libraries/Money.sol";
import {Permissions} from "./libraries/Permissions.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {Records} from "./libraries/Records.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Withdrawal} from "./libraries/Withdrawals.sol";

/// @title Sportsbook
contract Sportsbook is Placing, Ownable2Step, EIP712 {
    using SlipTemplate for PlacingState;
    using SafeERC20 for IERC20;

    uint8 private constant DECIMALS = 6;
    /// @dev Longest lag of a mirror of the chain on which the house accepts slips.
    uint40 private constant MAX_LAG = 5 minutes;

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
    address public immutable SELF_SERVICE;
    /// @inheritdoc ISportsbook
    address public immutable ADMINISTRATION;
    /// @inheritdoc ISportsbook
    address public immutable BANKROLL;
    /// @inheritdoc ISportsbook
    uint40 public immutable EXIT_DELAY;
    /// @inheritdoc ISportsbook
    uint40 public immutable NOTICE;

    /// @inheritdoc ISportsbook
    uint40 public immutable CASH_OUT_AGE;

    /// @param rules Within the bounds that `_checkRules` states.
    /// @param keys The first keys, which count from now on.
    /// @param commissionBps For the bankroll, which is created with the sportsbook: nobody can
    /// name another.
    constructor(
        address owner_,
        IERC20 token,
        address results,
        Code memory code,
        Rules memory rules,
        Limits memory limits_,
        KeyGrant[] memory keys,
        uint256 commissionBps,
        address commissionTo
    ) Ownable(owner_) EIP712("Fairline", "1") Placing(rules) {
        uint8 decimals = IERC20Metadata(address(token)).decimals();
        if (decimals != DECIMALS) revert TokenDecimalsUnsupported(decimals);
        _checkRules(rules, IResults(results));
        _checkCode(code);
        (_CHAIN, _SEPARATOR) = (block.chainid, _domainSeparatorV4());
        TOKEN = token;
        RESULTS = results;
        (SETTLING, SELF_SERVICE, ADMINISTRATION) =
        (code.settling, code.selfService, code.administration);
        (EXIT_DELAY, NOTICE, CASH_OUT_AGE) = (rules.exitDelay, rules.notice, rules.cashOutAge);
        ledger_.caps.term = IResults(results).term();
        Permissions.setLimits(ledger_, limits_);
        for (uint256 i; i < keys.length; ++i) {
            Permissions.grant(ledger_, keys[i], uint40(block.timestamp));
        }
        BANKROLL = address(new Bankroll(token, this, commissionBps, commissionTo));
    }

    // -- Money in

    /// @inheritdoc ISportsbook
    function deposit(uint64 amount) external returns (uint32) {
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = Deposits.arrived(TOKEN, before, amount);
        return Deposits.credit(ledger_, msg.sender, arrived, RECEIPT_WINDOW);
    }

    /// @inheritdoc ISportsbook
    function depositFor(address, uint64) external returns (uint32) {
        _delegateTo(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function depositWithPermit(address, uint64, uint256, uint8, bytes32, bytes32)
        external
        returns (uint32)
    {
        _delegateTo(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function depositWithAuthorization(
        address,
        uint64,
        uint64,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external returns (uint32) {
        _delegateTo(SELF_SERVICE);
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
        (address signer, Key key) = _houseKey(structHash, countersignature);
        if (!key.isActive(Keys.WITHDRAWALS)) revert WithdrawalUnsigned(signer);
        uint256 amount = withdrawal.amount();
        if (amount == 0) revert AmountZero();
        if (amount > held.balance()) {
            revert BalanceInsufficient(uint32(withdrawal.account()), held.balance(), amount);
        }
        ledger_.accounts[withdrawal.account()] = held.useSequence().debit(amount);
        emit Withdrawn(withdrawal);
        Tokens.pay(TOKEN, msg.sender, amount);
    }

    /// @inheritdoc ISportsbook
    function requestExit(uint64) external {
        _delegateTo(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function exit() external returns (uint64) {
        _delegateTo(SELF_SERVICE);
    }

    // -- Self-exclusion and cancellation

    /// @inheritdoc ISportsbook
    function excludeSelf(uint40) external {
        _delegateTo(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function cancelNonces(uint24) external {
        _delegateTo(SELF_SERVICE);
    }

    // -- By somebody else

    /// @inheritdoc ISportsbook
    function relay(Request calldata, bytes calldata) external {
        _delegateTo(SELF_SERVICE);
    }

    // -- Bets

    /// @inheritdoc ISportsbook
    function placeBatch(bytes calldata batch) external returns (uint256 id) {
        Key key = ledger_.keys[msg.sender];
        if (!key.isActive(Keys.OPERATOR)) revert NotOperator(msg.sender);
        PlacingState memory state;
        _readTable(state, batch, _separator());
        uint256 before = state.locked;
        // Slips that would exceed the operator's budget are left out, like those that would exceed
        // the bankroll.
        uint256 most = before + key.left();
        if (state.capacity > most) state.capacity = most;
        (id,) = _place(state, batch);
        if (state.locked > before) ledger_.keys[msg.sender] = key.spend(state.locked - before);
    }

    /// @inheritdoc ISportsbook
    function enforce(bytes calldata batch, Signature calldata receipt)
        external
        returns (uint256 id)
    {
        PlacingState memory state;
        id = _enforce(state, batch, receipt);
    }

    /// @inheritdoc ISportsbook
    function enforceInstead(Run calldata, bytes calldata batch, Signature calldata receipt)
        external
        returns (uint256 id)
    {
        // Settling ends the bet of the run, and says which it was.
        (uint256 replaced, bytes32 terms, bytes32 picks) = _endReplaced(SETTLING);
        PlacingState memory state;
        (state.replaced, state.returned) = (Records.slipId(replaced), Records.stake(replaced));
        id = _enforce(state, batch, receipt);
        uint256 head = Calldata.word(Calldata.start(batch) + state.tableSize + 2);
        uint256 legs = Records.legCount(head);
        bytes32 termsNow = Records.leafHash(
            state.legWords,
            Records.withoutAcceptance(head),
            legs,
            state.base + Records.acceptedAfter(head)
        );
        // The same bet at other terms: otherwise a bettor could take another one back.
        if (
            (head ^ replaced) >> 136 != 0 || termsNow == terms
                || Records.picksHash(state.legWords, legs) != picks
        ) revert NothingToReplace();
    }

    /// @inheritdoc ISportsbook
    function placeQuoted(bytes calldata batch, Quote calldata quote, Signature calldata house_)
        external
        returns (uint256 id)
    {
        if (block.timestamp > quote.deadline) revert QuoteExpired(quote.deadline);
        PlacingState memory state;
        _readTable(state, batch, _separator());
        state.base = block.timestamp;
        state.bettor = msg.sender;
        uint256 head;
        (id, head) = _placeOneSlip(state, batch);
        bytes32 structHash = TypedData.quoteHash(quote, _oddsOf(state, batch, head), state.legsHash);
        (address signer, Key key) = _houseKey(structHash, house_);
        if (!key.isActive(Keys.RECEIPTS)) revert QuoteInvalid(signer);
        ledger_.keys[signer] = key.spend(_risk(state, head));
        _useQuote(structHash, quote, head);
    }

    /// @inheritdoc ISportsbook
    function settle(Run[] calldata) external {
        _delegateTo(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function cashOut(Run calldata, CashOut calldata, Signature calldata, bytes calldata) external {
        _delegateTo(SETTLING);
    }

    // -- Results

    /// @inheritdoc ISportsbook
    function resolve(uint256[] calldata, uint40, uint24) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        _delegateTo(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function amend(uint256, uint40) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        _delegateTo(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function setTerm(uint24 term) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        ledger_.caps.term = term;
    }

    // -- House and roles

    /// @inheritdoc ISportsbook
    function fund(uint64) external {
        if (msg.sender != BANKROLL && msg.sender != RESULTS) revert NotBankroll(msg.sender);
        _delegateTo(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function release(address to, uint64 amount) external {
        if (msg.sender != BANKROLL) revert NotBankroll(msg.sender);
        uint256 most = releasable();
        if (amount > most) revert BankrollLocked(most, amount);
        ledger_.book.pool = Money.sub(ledger_.book.pool, amount);
        emit HouseReleased(to, amount);
        Tokens.pay(TOKEN, to, amount);
    }

    /// @inheritdoc ISportsbook
    function grantKey(KeyGrant calldata) external onlyOwner {
        _delegateTo(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function retireKey(address) external {
        if (msg.sender != owner() && msg.sender != ledger_.guardian) {
            revert NotGuardian(msg.sender);
        }
        _delegateTo(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function proposeLimits(Limits calldata) external onlyOwner {
        _delegateTo(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function applyLimits(Limits calldata) external {
        _delegateTo(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function setGuardian(address guardian_) external onlyOwner {
        ledger_.guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    /// @inheritdoc ISportsbook
    function pausePlacing(bool paused) external {
        if (msg.sender != owner() && !(paused && msg.sender == ledger_.guardian)) {
            revert NotGuardian(msg.sender);
        }
        ledger_.caps.paused = paused;
        emit PlacingPaused(paused);
    }

    /// @notice Always reverts: without an owner nobody could resume placing.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerZero();
    }

    // -- Internal: other code

    /// @dev Runs the function of the same signature in another contract, on this contract's
    /// storage, and returns what it returns. The call data is forwarded as it came: decoding and
    /// encoding it again would cost more than the call.
    /// Warning: that code has full access to the storage. It is fixed, has no owner and no state.
    function _delegateTo(address code) private {
        assembly ("memory-safe") {
            // Beyond the free pointer: the call data, then what the call returns
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    /// @dev Runs the function of the same signature in another contract, as `_delegateTo` does,
    /// and goes on with the three words that it returns.
    function _endReplaced(address code)
        private
        returns (uint256 replaced, bytes32 terms, bytes32 picks)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            if iszero(delegatecall(gas(), code, free, calldatasize(), free, 96)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            replaced := mload(free)
            terms := mload(add(free, 32))
            picks := mload(add(free, 64))
        }
    }

    // -- Internal: placing

    function _enforce(PlacingState memory state, bytes calldata batch, Signature calldata receipt)
        private
        returns (uint256 id)
    {
        state.enforced = true;
        _readTable(state, batch, _separator());
        uint256 head;
        (id, head) = _placeOneSlip(state, batch);
        uint256 acceptedAt = state.base + Records.acceptedAfter(head);
        bytes32 structHash =
            TypedData.receiptHash(state.slipHash(), acceptedAt, _oddsOf(state, batch, head));
        (address signer, Key key) = _houseKey(structHash, receipt);
        if (!key.counted(Keys.RECEIPTS, acceptedAt)) revert ReceiptInvalid(signer);
        ledger_.keys[signer] = key.spend(_risk(state, head));
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

    /// @dev What the house commits with a bet: what it pays above the stake, and the stake of a bet
    /// that is replaced, which another time of acceptance could make void. Not what the market then locks: a bet that no other outweighs and one that others do pay the same.
    function _risk(PlacingState memory state, uint256 head) private pure returns (uint256) {
        return state.payout() - Records.stake(head) + state.returned;
    }

    /// @return signer Key that signed.
    /// @return key Its word; 0 if it never was a key of the house.
    function _houseKey(bytes32 structHash, Signature calldata signature)
        private
        view
        returns (address signer, Key key)
    {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_separator(), structHash);
        signer = Signatures.recover(digest, signature.r, signature.vs);
        key = ledger_.keys[signer];
    }

    // -- Internal: deployment

    /// @dev A delegatecall to an address without code succeeds, and does nothing.
    function _checkCode(Code memory code) private view {
        if (code.settling.code.length == 0) revert CodeMissing(code.settling);
        if (code.selfService.code.length == 0) revert CodeMissing(code.selfService);
        if (code.administration.code.length == 0) revert CodeMissing(code.administration);
    }

    function _checkRules(Rules memory rules, IResults results) private view {
        uint256 receiptWindow = rules.receiptWindow;
        _check("batchWindow", rules.batchWindow, 1, 2 minutes);
        _check("receiptWindow", receiptWindow, 2 * uint256(rules.batchWindow), 1 hours);
        // A slip can be accepted on a mirror that lags, and enforced until the end of its window.
        uint256 shortest = 2 * receiptWindow + MAX_LAG;
        _check("exitDelay", rules.exitDelay, shortest, 7 days);
        // Who does not trust a new council, key or limit can leave before it counts.
        shortest = uint256(rules.exitDelay) + receiptWindow;
        _check("notice", rules.notice, shortest, 30 days);
        _check("councilNotice", results.NOTICE(), shortest, 30 days);
        // No bet is placed once its result is final.
        _check("disputeWindow", results.DISPUTE_WINDOW(), receiptWindow, 7 days);
        // A bet that a receipt enforces cannot be cashed out in the same block.
        _check("cashOutAge", rules.cashOutAge, receiptWindow + 1, 1 days);
        _check("horizon", rules.horizon, 1 days, 400 days);
    }

    function _check(string memory rule, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert RuleOutOfBounds(rule, value, least, most);
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
    function accountOf(address owner) external view returns (uint32) {
        return ledger_.accountOf[owner];
    }

    /// @inheritdoc ISportsbook
    function accountCount() external view returns (uint32) {
        return ledger_.accountCount;
    }

    /// @inheritdoc ISportsbook
    function guardian() external view returns (address) {
        return ledger_.guardian;
    }

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
    function requestsOf(uint32 account) external view returns (uint40) {
        return ledger_.exits[account].requests;
    }

    /// @inheritdoc ISportsbook
    function restrictionOf(uint32 account) external view returns (Restriction memory) {
        return ledger_.restrictions[account];
    }

    /// @inheritdoc ISportsbook
    function isUsable(uint32 account, uint24 nonce) external view returns (bool) {
        Account held = ledger_.accounts[account];
        return !held.isUsed(nonce) && !held.isTooFar(nonce);
    }

    /// @inheritdoc ISportsbook
    function keyOf(address key)
        external
        view
        returns (Role role, uint40 from, uint40 until, uint64 budget, uint64 left)
    {
        Key held = ledger_.keys[key];
        return (
            Role(held.role()),
            uint40(held.from()),
            uint40(held.until()),
            uint64(held.budget()),
            uint64(held.left())
        );
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
            uint40(held.finalAt()),
            uint24(held.term())
        );
    }

    /// @inheritdoc ISportsbook
    function lockedOf(bytes16 fixture) external view returns (uint64) {
        return uint64(ledger_.fixtures[uint128(fixture)].locked());
    }

    /// @inheritdoc ISportsbook
    function limits() external view returns (Limits memory) {
        Caps memory caps = ledger_.caps;
        return Limits(caps.market, caps.fixture, caps.accumulators, caps.reserve);
    }

    /// @inheritdoc ISportsbook
    function placingPaused() external view returns (bool) {
        return ledger_.caps.paused;
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
    function book() external view returns (uint64, uint64, uint64, uint64, uint32) {
        Book memory held = ledger_.book;
        return (held.pool, held.owed, held.locked, held.accumulators, held.batchCount);
    }

    /// @inheritdoc ISportsbook
    function house() external view returns (uint64) {
        return ledger_.book.pool - ledger_.book.owed;
    }

    /// @inheritdoc ISportsbook
    function houseFree() public view returns (uint64) {
        Book memory held = ledger_.book;
        return held.pool - held.owed - held.locked;
    }

    /// @inheritdoc ISportsbook
    function releasable() public view returns (uint64) {
        uint64 free = houseFree();
        uint64 reserve = ledger_.caps.reserve;
        return free > reserve ? free - reserve : 0;
    }

    /// @inheritdoc ISportsbook
    function exposureOf(uint256 market)
        external
        view
        returns (uint64[3] memory payouts, uint64 stakes)
    {
        uint256 exposure = ledger_.exposures[market];
        for (uint256 i; i < payouts.length; ++i) {
            payouts[i] = uint64(Markets.payouts(exposure, i));
        }
        return (payouts, uint64(Markets.stakes(exposure)));
    }
}
