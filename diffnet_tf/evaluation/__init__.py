"""What a network or a method is worth, and what it learned: analysis, locality, classical methods, statistics."""
