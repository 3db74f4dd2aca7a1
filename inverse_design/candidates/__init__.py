"""Structures worth a full simulation: posterior, sources, selection."""
