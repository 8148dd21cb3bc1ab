"""Shows what anybody can check on the chain: the house's keys, who decided results, and gas."""
