"""Memory that a large burst has left behind."""

import ctypes


def trim() -> bool:
    """Give free memory of the C library back to the operating system. Returns False if the library cannot (musl).

    glibc keeps what lies below a block in use. A start parses large pages of listings, and keeps small parts of them.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True
