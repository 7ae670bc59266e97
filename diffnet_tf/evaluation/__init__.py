"""Evaluate networks and methods: analysis of learned filters, locality, classical methods, costs, statistics."""
