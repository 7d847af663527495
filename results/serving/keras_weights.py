"""Whether a Keras model's HDF5 weights are plain arrays that lie in the file itself.

HDF5 can point at other files (CVE-2026-1669) and declare arrays of any size without storing them
(CVE-2026-0897). Keras writes neither, so a file that does so was made by somebody else.
"""

import io
import math
from typing import Any

import h5py

from data.common import first_line

# Raw bytes are how bfloat16 is stored.
_KINDS = "biufV"


def count_numbers(content: bytes) -> int:
    """Check the weights, and count the numbers in them.

    Args:
        content: The file's bytes.

    Returns:
        How many numbers all its arrays hold together.

    Raises:
        ValueError: If it holds anything that Keras does not write.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _count(file)
    except (OSError, RuntimeError, KeyError, TypeError) as error:  # Whatever HDF5 stumbles over.
        raise ValueError(f"its weights are no HDF5 file ({first_line(error)})") from error


def _count(file: Any) -> int:
    numbers = 0
    seen = set()
    left = [file]
    while left:
        group = left.pop()
        for name in group:
            if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
                raise ValueError("its weights point at something else (a link)")
            found = group[name]
            place = h5py.h5o.get_info(found.id).addr
            if place in seen:
                raise ValueError("its weights hold an object twice")
            seen.add(place)
            if isinstance(found, h5py.Group):
                left.append(found)
            elif isinstance(found, h5py.Dataset):
                numbers += _numbers_of(found)
            else:
                raise ValueError("its weights hold something that is no array")
    return numbers


def _numbers_of(array: Any) -> int:
    if array.is_virtual or array.external:
        raise ValueError("its weights point at another file")
    if array.shape is None or array.dtype.kind not in _KINDS:
        raise ValueError(f"its weights hold an array of {array.dtype}, which is no number")
    numbers: int = math.prod(array.shape)
    # Also what was compressed: Keras does not.
    if numbers * array.dtype.itemsize != array.id.get_storage_size():
        raise ValueError(f"its weights declare an array of {array.shape} without storing it")
    return numbers
