#!/usr/bin/env python3
"""What nano has to beat: the most frequent answer, and the answer of the nearest picture.

    python3 assets/nano/training/baselines.py LABELLED [OUTSIDE]

Pictures are compared as 32 x 32 grey levels, a test picture with all of the training split.
OUTSIDE is the folder that outside.py filled.
"""

import io
import json
import sys
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from pairs import LEFT_OUT, facts

KINDS = ("modality", "body_part", "plane", "tumour", "chest")


def small(picture):
    return np.asarray(picture.convert("L").resize((32, 32), Image.BILINEAR), np.float32).ravel()


def outside(folder, train, facts_of_train):
    """Modality of pictures from elsewhere."""
    records = json.loads((folder / "outside.json").read_text())
    answers = np.array([known["modality"] for known in facts_of_train])
    pictures = np.array([small(Image.open(folder / "images" / record["image"])) for record in records])
    distance = (train**2).sum(1)[None] - 2 * pictures @ train.T
    nearest = answers[distance.argmin(1)]
    right = np.array([record["modality"] for record in records])
    kinds = np.array([record["type"] for record in records])
    is_large = kinds != "fewer than 32 pixels"
    for name, which in [("all", is_large | True), ("of 32 pixels and more", is_large)]:
        most, count = Counter(right[which]).most_common(1)[0]
        print(f"outside, {name}: {which.sum()} pictures, always {most} {100 * count / which.sum():.1f},"
              f" nearest {100 * np.mean((nearest == right)[which]):.1f}")
    for modality in sorted(set(right)):
        which = (right == modality) & is_large
        print(f"  {modality}: {which.sum()}, nearest {100 * np.mean((nearest == right)[which]):.1f}")


def main(labelled, elsewhere):
    entries = [json.loads(line) for line in (labelled / "index.jsonl").read_text().splitlines()]
    archives = {}
    seen = {"train": ([], []), "test": ([], [])}
    for entry in entries:
        if entry["split"] not in seen or entry["group"] in LEFT_OUT:
            continue
        shard, member = entry["image"].split(":", 1)
        if shard not in archives:
            archives[shard] = tarfile.open(labelled / shard)
        picture = Image.open(io.BytesIO(archives[shard].extractfile(member).read()))
        seen[entry["split"]][0].append(small(picture))
        seen[entry["split"]][1].append(facts(entry))
    train, test = np.array(seen["train"][0]), np.array(seen["test"][0])
    squares = (train**2).sum(1)
    for kind in KINDS:
        of_kind = np.array([kind in known for known in seen["train"][1]])
        answers = [known[kind] for known in seen["train"][1] if kind in known]
        asked = [index for index, known in enumerate(seen["test"][1]) if kind in known]
        right = np.array([seen["test"][1][index][kind] for index in asked])
        most = Counter(answers).most_common(1)[0][0]
        distance = squares[of_kind][None] - 2 * test[asked] @ train[of_kind].T
        nearest = np.array(answers)[distance.argmin(1)]
        share = lambda said: 100 * float(np.mean(said == right))
        print(f"{kind}: {len(asked)} pictures, most frequent {share(most):.1f}, nearest {share(nearest):.1f}")
    if elsewhere:
        outside(elsewhere, train, seen["train"][1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
