"""Labels: simulated curves, the store that keeps them, and sets of them as files."""
