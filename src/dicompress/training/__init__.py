"""Training the models and exporting them to integer networks. Needs torch and onnx (the extra [train])."""

from .export import export_checkpoint
from .recipe import by_name
from .train import Schedule, train

__all__ = ["Schedule", "by_name", "export_checkpoint", "train"]
