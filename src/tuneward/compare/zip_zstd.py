"""Whether zip members packed with zstd, as Inspect writes them, can be read: since Python 3.14, or with a package."""

import importlib
import sys
from contextlib import suppress

READS_ZSTD = sys.version_info >= (3, 14)
with suppress(ImportError):
    importlib.import_module("zipfile_zstd")  # importing it teaches zipfile the format
    READS_ZSTD = True
