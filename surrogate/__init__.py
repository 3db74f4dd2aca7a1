"""Learning: encodings of grain structures, variational autoencoder, multi-head regressor, training and metrics."""
