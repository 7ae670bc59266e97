"""What all other modules use: types, checks, the backend, quiet loading, the command line."""
