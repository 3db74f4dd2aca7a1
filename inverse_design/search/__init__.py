"""The search of the latent space."""
