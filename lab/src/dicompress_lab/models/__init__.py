"""The models that `pyramid` is compared with; dicompress finds them by the entry points in pyproject.toml (`families.py`)."""
