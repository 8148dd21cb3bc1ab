"""Signs quotes: odds at which an owner's wallet places a bet on the chain itself."""
