"""Compare our speed with that of other software, on one machine in one run: `make bench` and `make bench-recipes`.

Every contestant is a separate process that does one task on request. Contestants take turns, and ratios compare
neighbouring turns, see `timing`. The extra `bench` installs the other software.
"""
