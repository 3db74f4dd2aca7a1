"""Labelled structures of the paper's distribution: the study that makes 4,000 of them, and the part made so far."""
