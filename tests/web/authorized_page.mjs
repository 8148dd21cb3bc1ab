/** Deposits in the app with a token that takes authorizations (EIP-3009) and no permits: with the demo wallet, for which
 * the house sends it, and with a wallet that sends it itself. The first argument is the address of the app, the second
 * the chain's node, the third the key of the second visitor. Prints as JSON what was found. */

import { decodeFunctionData, encodeAbiParameters, keccak256, parseAbi, recoverTypedDataAddress } from "viem";

import { InjectedWallet } from "./injected_wallet.mjs";
import { DESKTOP, found, look, open, PHONE, readings, until, visit, words } from "./visitor.mjs";

const [base, rpcUrl, key] = process.argv.slice(2);
const DEPOSIT = parseAbi([
  "function depositWithAuthorization(address owner, uint64 amount, uint64 fee, uint256 validAfter, uint256 validBefore, bytes32 salt, uint8 v, bytes32 r, bytes32 s)",
]);
const { sportsbook } = await (await fetch(`${base}/v1/contracts`)).json();
const { messages } = await (await fetch(`${base}/v1/typed-data`)).json();
const nonceOf = (fee, salt) => keccak256(encodeAbiParameters([{ type: "uint64" }, { type: "bytes32" }], [fee, salt]));
found.messages = Object.keys(messages).filter((name) => ["Permit", "ReceiveWithAuthorization"].includes(name));
found.sportsbook = sportsbook;

async function tokens(page) {
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
}

/** What the window shows is what is signed, and what is submitted. */
async function byHouse(browser) {
  const { context, page } = await open(browser, PHONE);
  const posted = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/v1/relays/authorizations")) posted.push(request.postDataJSON());
  });
  await page.goto(base);
  await page.getByRole("button", { name: "Try it with a demo wallet" }).click();
  await tokens(page);
  const deposit = page.getByRole("region", { name: "Deposit", exact: true });
  await deposit.getByRole("textbox").fill("70");
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByTestId("window-words").waitFor();
  found.shown = await words(page, "window-words");
  found.readings = await readings(page, "window-words");
  await look(page, "window of an authorization, phone");
  await page.getByRole("button", { name: "Sign", exact: true }).dblclick();
  await page.getByText("70.00 tUSD deposited.").waitFor();
  await until(page, "70.00 tUSD");
  found.posted = posted;
  const [{ owner, signature, salt }] = posted;
  // Over the fields that were shown, and nothing else.
  const signer = await recoverTypedDataAddress({
    ...messages.ReceiveWithAuthorization,
    message: Object.fromEntries(found.shown),
    signature,
  });
  found.house = { owner, signer, nonce: nonceOf(0n, salt) };
  await context.close();
}

/** One signature and one transaction. */
async function byWallet(browser) {
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const { page } = await open(browser, DESKTOP, wallet);
  await page.goto(`${base}/account`);
  await page.getByRole("button", { name: "Connect", exact: true }).first().click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await tokens(page);
  const deposit = page.getByRole("region", { name: "Deposit", exact: true });
  await deposit.getByRole("textbox").fill("25");
  await deposit.getByRole("radio", { name: "My wallet sends it" }).check({ force: true });
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("25.00 tUSD deposited.").waitFor();
  await until(page, "25.00 tUSD");
  const sent = wallet.asked.filter(({ method }) => method === "eth_sendTransaction");
  const [{ message }] = wallet.typed("ReceiveWithAuthorization");
  const [owner, amount, fee, validAfter, validBefore, salt] = decodeFunctionData({ abi: DEPOSIT, data: sent[0].params[0].data }).args;
  found.wallet = {
    owner: wallet.address,
    transactions: sent.length,
    signed: message,
    called: { from: owner, to: sent[0].params[0].to, value: String(amount), validAfter: String(validAfter), validBefore: String(validBefore), nonce: nonceOf(fee, salt) },
  };
}

await visit(async (browser) => {
  await byHouse(browser);
  await byWallet(browser);
});
