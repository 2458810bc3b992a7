"""Training of the model `pyramid`: its network in PyTorch, its patches, its export."""
