"""Signs owners in with their wallets (EIP-4361), and keeps their sessions."""
