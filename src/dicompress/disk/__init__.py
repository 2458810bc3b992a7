"""Files that are whole or not there: written beside, flushed, renamed; what POSIX and Windows do each in their own way."""
