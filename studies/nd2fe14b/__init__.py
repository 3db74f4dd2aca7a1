"""Labelled structures of the paper's distribution: the study that makes them, the label sets and their card."""
