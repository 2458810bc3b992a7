"""Training the models and exporting them to integer networks. Needs torch (the extra [train])."""

from importlib import import_module

_LAZY = {"Schedule": "loop", "by_name": "recipe", "export_checkpoint": "export", "train": "loop"}

__all__ = list(_LAZY)


def __getattr__(name: str):
    """Import torch only when it is asked for: graphs and weights need onnx alone."""
    if name not in _LAZY:
        raise AttributeError(f"module 'dicompress_lab.training' has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
