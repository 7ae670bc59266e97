"""Bad input: what may go wrong with it, from Python and from the commands."""
