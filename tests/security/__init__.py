"""Nothing that is opened runs code, reads other files or takes more memory than it is worth."""
