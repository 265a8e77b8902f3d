#!/usr/bin/env python3
"""Renders DICOM files nano never saw and asks for their modality: what a reader opens first.

    python3 assets/nano/training/outside.py reading-room MANIFEST.tsv OUT

MANIFEST.tsv lists files (path, modality, range of modality values); every CT, MR, X-ray and
ultrasound file is rendered at its own window and at three others. OUT gets images/ and
outside.json for `reading-room eval --dataset OUT/outside.json --images OUT/images`. Pictures of
16 x 16 pixels, in which nobody could tell, are a type of their own. Needs Pillow.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

NAMES = {"CT": "CT", "MR": "MRI", "CR": "X-ray", "DX": "X-ray", "MG": "X-ray", "US": "ultrasound"}
SAID = {
    "CT": "This is a CT image.",
    "MRI": "This is an MRI image.",
    "X-ray": "This is an X-ray.",
    "ultrasound": "This is an ultrasound image.",
}
SMALL = 32
CHOICES = ["CT", "MRI", "X-ray", "ultrasound", "blood smear"]


def windows(row):
    """Its own, and three others: for CT those people choose, else parts of its range."""
    if row["modality"] == "CT":
        return ["file", "soft-tissue", "lung", "bone"]
    try:
        low, high = float(row["modality_min"]), float(row["modality_max"])
    except (TypeError, ValueError):
        return ["file"]
    width = max(high - low, 2.0)
    return ["file", "auto", f"{low + 0.3 * width},{0.5 * width}", f"{low + 0.5 * width},{width}"]


def kind(path, number):
    if max(Image.open(path).size) < SMALL:
        return "fewer than 32 pixels"
    return "its own window" if number == 0 else "another window"


def main(program, manifest, out):
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    records = []
    with manifest.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t")]
    for index, row in enumerate(rows):
        modality = NAMES.get(row["modality"])
        path = manifest.parent / row["path"]
        # encodings of one picture count once; what is broken is not a picture
        if modality is None or "/broken/" in row["path"] or "transfer-syntax-matrix" in row["path"]:
            continue
        if "charset" in row["path"] or row["decodes"] != "yes":
            continue
        for number, window in enumerate(windows(row)):
            if window != "file" and row["spp"] == "3":
                continue
            name = f"{index:04d}-{number}.png"
            command = [program, "render", str(path), "--out", str(images / name), f"--window={window}"]
            if subprocess.run(command, capture_output=True).returncode != 0:
                continue
            records.append(
                {
                    "id": f"{row['path']}@{window}",
                    "image": name,
                    "conversations": [
                        {"from": "human", "value": "<image>\nWhat modality is this?"},
                        {"from": "gpt", "value": SAID[modality]},
                    ],
                    "type": kind(images / name, number),
                    "modality": modality,
                    "choices": CHOICES,
                }
            )
    (out / "outside.json").write_text(json.dumps(records, indent=0))
    print(len(records))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
