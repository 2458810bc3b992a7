"""Training of the model `srec`: its network in PyTorch, its patches, its export."""
