"""Training the models and exporting them to integer networks. Needs torch and onnx (the extra [train])."""

from .export import export_checkpoint
from .network import Config
from .train import Schedule, train

__all__ = ["Config", "Schedule", "export_checkpoint", "train"]
