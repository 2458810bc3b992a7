"""Training of the model `l3c`, a configuration of the network of `reference`."""
