/** Chains of one machine, whose keys everybody knows: `LOCAL_CHAIN_IDS` of protocol/limits.py. */
export const LOCAL_CHAINS: readonly number[] = [1337, 31337];
