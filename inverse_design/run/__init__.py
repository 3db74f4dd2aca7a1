"""A run: its folder, the keys of its stages, and what each stage does."""
