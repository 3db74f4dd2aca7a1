"""4,000 labelled structures of the paper's distribution: what makes them, and (once made) the sets themselves."""
