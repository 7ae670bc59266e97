"""Evaluate networks and methods: what a network learned, locality, classical methods, costs, statistics."""
