"""A store's two doors, DIMSE and DICOMweb (docs/service.md). Needs the extra: serve."""
