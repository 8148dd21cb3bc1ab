"""What is known of an account: balances, reserves, withdrawals."""
