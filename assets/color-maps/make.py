"""Writes the tables of this folder: 256 × red, green, blue as bytes.

    python3 make.py        needs pydicom, and matplotlib's list of colours for viridis
"""

from pathlib import Path

import numpy as np
import pydicom
from matplotlib._cm_listed import _viridis_data
from pydicom.data import get_palette_files

HERE = Path(__file__).parent
for name, file in [("hot-iron", "hotiron"), ("pet", "pet"), ("hot-metal-blue", "hotmetalblue"), ("pet-20-step", "pet20step")]:
    ds = pydicom.dcmread(get_palette_files(file + ".dcm")[0])
    channels = []
    for channel in ("Red", "Green", "Blue"):
        length, first, bits = ds[channel + "PaletteColorLookupTableDescriptor"].value
        data = ds[channel + "PaletteColorLookupTableData"].value
        table = np.frombuffer(data, "<u2" if bits == 16 else "u1")[:256]
        # 16 bits hold the same eight twice
        channels.append(table >> 8 if bits == 16 and table.max() > 255 else table)
        assert (length, first) == (256, 0) and len(table) == 256
    (HERE / f"{name}.rgb").write_bytes(np.stack(channels, axis=1).astype("u1").tobytes())
viridis = np.round(np.array(_viridis_data) * 255).astype("u1")
(HERE / "viridis.rgb").write_bytes(viridis.tobytes())
