"""Peers and ourselves side by side, on one machine in one run: `make bench` and `make bench-recipes`.

Every contestant is a process of its own, which does one task when it is told; they take turns, and ratios are those of
neighbouring turns. See `timing`. The peers come with the `bench` extra.
"""
