"""Files to a zip or a tar, byte for byte the same each time: order, times and modes are fixed.

Knows nothing of what is in it.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

# The earliest that a zip can say.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o644
_MODE = _READABLE << 16
_COMPRESSED = (".jar", ".whl")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return the zip of some files, given by their path in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            # What is compressed already would only cost time.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def tar_gz_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return the compressed tar of some files, given by their path in it."""
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), _READABLE
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(tarred.getvalue(), 9, mtime=0)
