/** Signs typed data with the libraries that client developers use.
 *
 * Reads {key, sets} from standard input, where `sets` are those of GET /v1/typed-data, and prints
 * the signature of each library over each set, which it is given as it is. */

import { readFileSync } from "node:fs";

import { SignTypedDataVersion, signTypedData } from "@metamask/eth-sig-util";
import { Wallet } from "ethers";
import { ethers as ethers5 } from "ethers-v5";
import { privateKeyToAccount } from "viem/accounts";

const { key, sets } = JSON.parse(readFileSync(0, "utf8"));

const libraries = {
  viem: (set) => privateKeyToAccount(key).signTypedData(set),
  "viem, v4": (set) => privateKeyToAccount(key).signTypedData(set.v4),
  "ethers 6": (set) => new Wallet(key).signTypedData(set.domain, set.types, set.message),
  "ethers 5": (set) => new ethers5.Wallet(key)._signTypedData(set.domain, set.types, set.message),
  "MetaMask V4": (set) =>
    signTypedData({
      privateKey: Buffer.from(key.slice(2), "hex"),
      data: set.v4,
      version: SignTypedDataVersion.V4,
    }),
};

const signatures = {};
for (const [library, sign] of Object.entries(libraries)) {
  signatures[library] = {};
  for (const [name, set] of Object.entries(sets)) signatures[library][name] = await sign(set);
}
console.log(JSON.stringify(signatures));
