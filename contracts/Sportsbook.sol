// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Bankroll} from "./Bankroll.sol";
import {IResults} from "./interfaces/IResults.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {ISportsbookViews} from "./interfaces/ISportsbookViews.sol";
import {Placing} from "./Placing.sol";
import {SportsbookViews} from "./SportsbookViews.sol";
import {Account} from "./libraries/Accounts.sol";
import {BatchLayout} from "./libraries/BatchLayout.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Delegation} from "./libraries/Delegation.sol";
import {Deposits} from "./libraries/Deposits.sol";
import {Key, Keys} from "./libraries/Keys.sol";
import {VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Permissions} from "./libraries/Permissions.sol";
import {Markets} from "./libraries/Markets.sol";
import {PlacingMarket} from "./libraries/PlacingMarkets.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {RECORD_STAKE_SHIFT, Records} from "./libraries/Records.sol";
import {Rulebook} from "./libraries/Rulebook.sol";
import {Scale, Scales} from "./libraries/Scales.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Withdrawal} from "./libraries/Withdrawals.sol";

/// @title Sportsbook
contract Sportsbook is Placing, SportsbookViews, Ownable2Step, EIP712 {
    using SlipTemplate for PlacingState;

    /// @inheritdoc ISportsbookViews
    uint40 public constant VOID_AFTER = VOID_AFTER_START;

    IERC20 public immutable TOKEN;
    /// @inheritdoc ISportsbookViews
    Scale public immutable SCALE;
    address public immutable RESULTS;
    /// @dev Chain id at deployment, and the domain separator on that chain. EIP712 has a private
    /// copy of both, but its getter also compares the contract's address: 45 gas more per
    /// signature.
    uint256 private immutable _CHAIN;
    bytes32 private immutable _SEPARATOR;
    /// @inheritdoc ISportsbookViews
    address public immutable SETTLING;
    /// @inheritdoc ISportsbookViews
    address public immutable SELF_SERVICE;
    /// @inheritdoc ISportsbookViews
    address public immutable ADMINISTRATION;
    /// @inheritdoc ISportsbookViews
    address public immutable BANKROLL;
    /// @inheritdoc ISportsbook
    uint40 public immutable EXIT_DELAY;
    /// @inheritdoc ISportsbook
    uint40 public immutable NOTICE;

    /// @inheritdoc ISportsbook
    uint40 public immutable CASH_OUT_AGE;

    /// @param rules Within the bounds that Rulebook states.
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
        Rulebook.checkRules(rules, IResults(results));
        Rulebook.checkCode(code);
        (_CHAIN, _SEPARATOR) = (block.chainid, _domainSeparatorV4());
        TOKEN = token;
        SCALE = Scales.ofToken(token);
        RESULTS = results;
        (SETTLING, SELF_SERVICE, ADMINISTRATION) =
        (code.settling, code.selfService, code.administration);
        (EXIT_DELAY, NOTICE, CASH_OUT_AGE) = (rules.exitDelay, rules.notice, rules.cashOutAge);
        ledger_.caps.term = IResults(results).term();
        Permissions.setLimits(ledger_, limits_);
        for (uint256 i; i < keys.length; ++i) {
            Permissions.grant(ledger_, keys[i], uint40(block.timestamp));
        }
        BANKROLL = address(new Bankroll(token, SCALE, this, commissionBps, commissionTo));
    }

    // -- Money in

    /// @inheritdoc ISportsbook
    function deposit(uint64 amount) external returns (uint32) {
        uint256 arrived = Deposits.pull(TOKEN, SCALE, msg.sender, amount);
        return Deposits.credit(ledger_, msg.sender, arrived, RECEIPT_WINDOW);
    }

    /// @inheritdoc ISportsbook
    function depositFor(address, uint64) external returns (uint32) {
        Delegation.run(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function depositWithPermit(address, uint64, uint256, uint8, bytes32, bytes32)
        external
        returns (uint32)
    {
        Delegation.run(SELF_SERVICE);
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
        Delegation.run(SELF_SERVICE);
    }

    // -- Money out

    /// @inheritdoc ISportsbook
    function withdrawGranted(Signature calldata countersignature, Withdrawal withdrawal) external {
        Account held = ledger_.accounts[withdrawal.account()];
        // Check
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
        uint256 units = SCALE.toUnits(amount);
        // Effect
        ledger_.accounts[withdrawal.account()] = held.useSequence().debit(amount);
        emit Withdrawn(withdrawal);
        // Interaction
        Tokens.pay(TOKEN, msg.sender, units);
    }

    /// @inheritdoc ISportsbook
    function requestExit(uint64) external {
        Delegation.run(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function exit() external returns (uint64) {
        Delegation.run(SELF_SERVICE);
    }

    // -- Self-exclusion and cancellation

    /// @inheritdoc ISportsbook
    function excludeSelf(uint40) external {
        Delegation.run(SELF_SERVICE);
    }

    /// @inheritdoc ISportsbook
    function cancelNonces(uint24) external {
        Delegation.run(SELF_SERVICE);
    }

    // -- By somebody else

    /// @inheritdoc ISportsbook
    function relay(Request calldata, bytes calldata) external {
        Delegation.run(SELF_SERVICE);
    }

    // -- Bets

    /// @inheritdoc ISportsbook
    function placeBatch(bytes calldata batch) external returns (uint256 id) {
        Key key = ledger_.keys[msg.sender];
        if (!key.isActive(Keys.OPERATOR)) revert NotOperator(msg.sender);
        PlacingState memory state;
        _readTable(state, batch, _separator());
        // Slips that would exceed the operator's budget are left out, like those that would exceed
        // the bankroll.
        uint256 most = state.locked + key.left();
        if (state.capacity > most) state.capacity = most;
        (id,) = _place(state, batch);
        // Here what one fixture locks less does not count for another: a batch that needs that is
        // refused.
        if (state.raised != 0) ledger_.keys[msg.sender] = key.spend(state.raised);
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
        (uint256 replaced, bytes32 terms, bytes32 picks) = Delegation.endReplaced(SETTLING);
        PlacingState memory state;
        (state.replaced, state.returned) = (Records.slipId(replaced), Records.stake(replaced));
        id = _enforce(state, batch, receipt);
        uint256 head = Calldata.word(_slipAt(state, batch));
        uint256 legs = Records.legCount(head);
        bytes32 termsNow = Records.leafHash(
            state.legWords,
            Records.withoutAcceptance(head),
            legs,
            state.base + Records.acceptedAfter(head)
        );
        // The same bet at other terms: otherwise a bettor could take another one back.
        if (
            (head ^ replaced) >> RECORD_STAKE_SHIFT != 0 || termsNow == terms
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
        Delegation.run(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function cashOut(Run calldata, CashOut calldata, Signature calldata, bytes calldata) external {
        Delegation.run(SETTLING);
    }

    // -- Results

    /// @inheritdoc ISportsbook
    function resolve(uint256[] calldata, uint40, uint24) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        Delegation.run(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function amend(uint256, uint40) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        Delegation.run(SETTLING);
    }

    /// @inheritdoc ISportsbook
    function setTerm(uint24 term) external {
        if (msg.sender != RESULTS) revert NotResults(msg.sender);
        ledger_.caps.term = term;
    }

    // -- House and roles

    /// @inheritdoc ISportsbook
    function fund(uint64) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function release(address, uint64) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function grantKey(KeyGrant calldata) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function retireKey(address) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function proposeLimits(Limits calldata) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function applyLimits(Limits calldata) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function setGuardian(address) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @inheritdoc ISportsbook
    function pausePlacing(bool) external {
        Delegation.run(ADMINISTRATION);
    }

    /// @notice Always reverts: without an owner nobody could resume placing.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerZero();
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
        (bool started, bool inPlay) = _play(state);
        // With hindsight only for the bettor: a receipt binds the house, not her.
        if (started && msg.sender != ledger_.accounts[Records.account(head)].owner()) {
            revert NotOwnerOf(uint32(Records.account(head)), msg.sender);
        }
        // Another time of acceptance can make a bet in play void, and return a stake that is lost.
        uint256 returned = inPlay ? state.returned : 0;
        ledger_.keys[signer] = key.spend(_risk(state, head) + returned);
    }

    /// @return started Whether the start of one of the table's markets has come.
    /// @return inPlay Whether one of them is in play.
    function _play(PlacingState memory state) private view returns (bool started, bool inPlay) {
        PlacingMarket entry = PlacingMarket.wrap(state.markets);
        for (uint256 i; i < state.marketCount; ++i) {
            if (Markets.startsAt(entry.market()) <= block.timestamp) started = true;
            if (Markets.inPlay(entry.market())) inPlay = true;
            entry = entry.next();
        }
    }

    /// @dev Places a batch of exactly one slip; reverts with the reason if the slip is left out.
    /// @return id Number of the batch.
    /// @return head Head of the slip's record.
    function _placeOneSlip(PlacingState memory state, bytes calldata batch)
        private
        returns (uint256 id, uint256 head)
    {
        uint256 at = Calldata.start(batch) + state.tableSize;
        uint256 slips = BatchLayout.slipCount(Calldata.word(at));
        if (slips != 1) revert SlipsNotOne(slips);
        head = Calldata.word(at + BatchLayout.SLIP_COUNT_SIZE);
        uint256 legs = Records.legCount(head);
        // Settling does not need unused markets, but everybody who reads the event would pay for
        // them.
        if (state.marketCount > legs) revert MarketsUnused(state.marketCount, legs);
        Skip skip;
        (id, skip) = _place(state, batch);
        if (skip != Skip.None) revert SlipRefused(skip);
    }

    /// @dev Position of the only slip of a batch.
    function _slipAt(PlacingState memory state, bytes calldata batch)
        private
        pure
        returns (uint256)
    {
        return Calldata.start(batch) + state.tableSize + BatchLayout.SLIP_COUNT_SIZE;
    }

    function _oddsOf(PlacingState memory state, bytes calldata batch, uint256 head)
        private
        pure
        returns (uint256[] memory odds)
    {
        odds = new uint256[](Records.legCount(head));
        for (uint256 i; i < odds.length; ++i) {
            (,, odds[i]) = Records.leg(_slipAt(state, batch), i);
        }
    }

    /// @dev After a chain split, the chain with the new id has another domain.
    function _separator() private view returns (bytes32) {
        return block.chainid == _CHAIN ? _SEPARATOR : _domainSeparatorV4();
    }

    /// @dev What the house commits with a bet: what it pays above the stake. Not what the market
    /// then locks: a bet that no other outweighs and one that others do pay the same.
    function _risk(PlacingState memory state, uint256 head) private pure returns (uint256) {
        return state.payout() - Records.stake(head);
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
}
