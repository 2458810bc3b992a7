"""Tags and marks of the encoding that this package looks for in bytes (PS3.5 7, PS3.10 7)."""

PIXEL_DATA = 0x7FE00010
FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00008, 0x7FE00009
PIXEL_NAMES = {
    FLOAT_PIXELS: "Float Pixel Data (7FE0,0008)",
    DOUBLE_PIXELS: "Double Float Pixel Data (7FE0,0009)",
    PIXEL_DATA: "Pixel Data (7FE0,0010)",
}
OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)  # and what the fragments take together
CREATOR, RECORD = 0x7FD90010, 0x7FD91001  # of the restore record
UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
PREAMBLE, MAGIC = 128, b"DICM"
GROUP_2 = 0x0002
