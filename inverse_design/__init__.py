"""The engine: study, goals, latent search, candidates, verification, report and command line."""
