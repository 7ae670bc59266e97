"""What everybody uses: types, checks, the backend, quiet loading, the command line. It imports nothing of ours."""
