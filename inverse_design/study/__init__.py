"""The study: its keys and their meaning, units, and the reading of study files."""
