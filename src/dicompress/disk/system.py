"""What POSIX and Windows do with files each in their own way: locks, owners, permissions, names of open files.

On Windows nobody removes or replaces a file that is open, and it is closed when its process dies. Its name can only
change after it is closed; another run that cleans the folder just then takes it, which is an error of that one target. Permissions
there are the folder's.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # where there is none


def lock(handle: int) -> None:
    """For as long as the file is open; waits for it."""
    with suppress(OSError):  # a file system without locks: `remove_unlocked` cannot lock there either, and leaves it
        if sys.platform == "win32":
            _lock_far_byte(handle)
        elif fcntl:
            fcntl.flock(handle, fcntl.LOCK_EX)


if sys.platform == "win32":

    def _lock_far_byte(handle: int) -> None:
        """LockFileEx of a byte far behind the end, as what is locked there can be neither read nor written."""
        import ctypes
        import msvcrt
        from ctypes import wintypes

        class Overlapped(ctypes.Structure):
            _fields_ = [("Internal", ctypes.c_void_p), ("InternalHigh", ctypes.c_void_p), ("Offset", wintypes.DWORD),
                        ("OffsetHigh", wintypes.DWORD), ("hEvent", wintypes.HANDLE)]  # fmt: skip

        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        word = wintypes.DWORD
        kernel32.LockFileEx.argtypes = [wintypes.HANDLE, word, word, word, word, ctypes.POINTER(Overlapped)]
        kernel32.LockFileEx.restype = wintypes.BOOL
        where, exclusive = Overlapped(OffsetHigh=1 << 30), 2
        if not kernel32.LockFileEx(msvcrt.get_osfhandle(handle), exclusive, 0, 1, 0, ctypes.byref(where)):
            raise ctypes.WinError(ctypes.get_last_error())


def remove_unlocked(path: Path | str) -> None:
    """Unless a living process has it locked. OSError if it has, or if the file is not ours to remove or gone already."""
    if not fcntl:
        return os.unlink(path)
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:  # it had the permissions of a source that may not be written to
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(handle)


def finish(file: BinaryIO, name: str, like: os.stat_result | None) -> bool:
    """A file that is written, on the disk with its attributes, so that it can be renamed. Whether it has the owner and group, too.

    like: permission bits and times that it gets, and owner and group as far as that is permitted; None for those of a new file.
    """
    file.flush()
    if not fcntl:
        os.fsync(file.fileno())
        file.close()
        if like:
            os.utime(name, ns=(like.st_atime_ns, like.st_mtime_ns))
        return True
    kept = _keep_attributes(file.fileno(), like) if like else True
    if not like:
        os.fchmod(file.fileno(), 0o666 & ~_umask())
    os.fsync(file.fileno())
    return kept


def remove(file: BinaryIO, name: str) -> None:
    """A file of ours, still locked, if it has not been renamed."""
    if not fcntl:
        with suppress(OSError):  # the disk is full
            file.close()
    with suppress(FileNotFoundError):
        os.unlink(name)


def _keep_attributes(handle: int, like: os.stat_result) -> bool:
    kept = True
    for owner, group in ((like.st_uid, like.st_gid), (-1, like.st_gid)):
        try:
            os.fchown(handle, owner, group)
            break
        except OSError:
            kept = False
    os.fchmod(handle, stat.S_IMODE(like.st_mode) & 0o777)
    os.utime(handle, ns=(like.st_atime_ns, like.st_mtime_ns))
    return kept


def link(path: Path | str, name: Path | str) -> None:
    """A second name of a file or, where that can be, of a symbolic link itself. FileExistsError if there is one already."""
    if os.link in os.supports_follow_symlinks:
        os.link(path, name, follow_symlinks=False)
    else:
        os.link(path, name)


def sync_folder(folder: Path) -> None:
    """The names in it, on the disk. Windows opens no folders, and NTFS keeps a journal of them."""
    if fcntl:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
