"""How alike are drawn pictures? python3 drawn.py PROGRAM target/nano COUNT [MODEL]

Of COUNT pictures of the test split: SSIM of what the model drew, and of another picture of the same
kind in its place, both at 128 x 128 in grey levels (scikit-image's usual window, so not quite the
program's own figure, which is printed as well).
"""

import json
import pathlib
import random
import statistics
import subprocess
import sys

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from draw import kind

SIDE = 128


def grey(path):
    """On a black square, as the model gets it nearly."""
    picture = Image.open(path).convert("L")
    side = max(picture.size)
    square = Image.new("L", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square.resize((SIDE, SIDE), Image.BICUBIC))


def interval(values):
    rng = np.random.default_rng(0)
    means = [np.mean(rng.choice(values, len(values))) for _ in range(1000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{statistics.mean(values):.3f} ({low:.3f}-{high:.3f})"


def main():
    program, folder, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    model = sys.argv[4:5] or ["nano"]
    kinds = {}
    for record in json.loads((folder / "test.json").read_text()):
        if isinstance(record.get("image"), str):
            kinds.setdefault(record["image"], kind(record))
    names = sorted(kinds)
    random.seed(1)
    random.shuffle(names)
    own, drawn, other, whole = [], [], [], 0
    for name in names[:count]:
        path, out = folder / "images" / name, folder / "drawn.png"
        command = [program, "reconstruct", "--model", *model, "--image", path, "--out", out]
        said = json.loads(
            subprocess.run(
                [*command, "--device", "cpu", "--json"], check=True, capture_output=True
            ).stdout
        )
        whole += said["complete"]
        if not said["complete"]:
            continue
        own.append(said["metrics"]["ssim"])
        drawn.append(structural_similarity(grey(path), grey(out)))
        alike = [at for at in names if at != name and kinds[at] == kinds[name]]
        if alike:
            picture = grey(folder / "images" / random.choice(alike))
            other.append(structural_similarity(grey(path), picture))
    print(f"whole: {whole} of {count}")
    print(f"SSIM as the program measures it: {interval(own)}; lowest {min(own):.3f}")
    print(f"0.45 and more: {sum(value >= 0.45 for value in own)} of {len(own)}")
    print(f"SSIM at 128 x 128: {interval(drawn)}; another picture of the kind {interval(other)}")


if __name__ == "__main__":
    main()
