"""Pictures of structures and curves, for reports, scripts and notebooks; Matplotlib is imported when one is drawn."""
