"""Training of the model `reference`: its network in PyTorch, its patches, its export."""
