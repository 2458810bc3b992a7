"""What teaches other libraries our streams and files, each module or package named after its library.

`import dicompress.pydicom`, `dicompress.numcodecs` and `dicompress.zarr` are the public names.
"""
