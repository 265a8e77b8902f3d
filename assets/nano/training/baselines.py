#!/usr/bin/env python3
"""What nano has to beat: the most frequent answer, and the answer of the nearest picture.

    python3 assets/nano/training/baselines.py LABELLED

Pictures are compared as 32 x 32 grey levels, a test picture with all of the training split.
"""

import io
import json
import sys
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from pairs import facts

KINDS = ("modality", "body_part", "plane", "tumour", "chest")


def main(labelled):
    entries = [json.loads(line) for line in (labelled / "index.jsonl").read_text().splitlines()]
    archives = {}
    seen = {"train": ([], []), "test": ([], [])}
    for entry in entries:
        if entry["split"] not in seen:
            continue
        shard, member = entry["image"].split(":", 1)
        if shard not in archives:
            archives[shard] = tarfile.open(labelled / shard)
        picture = Image.open(io.BytesIO(archives[shard].extractfile(member).read()))
        small = np.asarray(picture.convert("L").resize((32, 32), Image.BILINEAR), np.float32).ravel()
        seen[entry["split"]][0].append(small)
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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
