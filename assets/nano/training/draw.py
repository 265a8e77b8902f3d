"""Pictures to draw again, and nano with room for its codec: python3 draw.py target/nano"""

import collections
import json
import pathlib
import random
import shutil
import sys

WORDINGS = [
    "Reconstruct this image.",
    "Draw this image again.",
    "Reconstruct the image.",
    "Please reconstruct this picture.",
    "Show me this image again.",
    "Draw it again.",
]
ROOM = 'family = "nano"\nvq_tokens = 512\nvqgan = "../codec/model"\n'


def kind(record):
    labels = record.get("labels") or {}
    return str((labels.get("modality"), labels.get("body_part"), record["id"].split("-")[0]))


def records(source, count):
    """As many of each kind as there are, in turns."""
    first = {}
    for record in json.loads(source.read_text()):
        if isinstance(record.get("image"), str):
            first.setdefault(record["image"], record)
    kinds = collections.defaultdict(list)
    for image, record in first.items():
        kinds[kind(record)].append(image)
    for images in kinds.values():
        random.shuffle(images)
    chosen = []
    while len(chosen) < count and any(kinds.values()):
        for name in sorted(kinds):
            if kinds[name] and len(chosen) < count:
                chosen.append(kinds[name].pop())
    random.shuffle(chosen)
    for image in chosen:
        asked = {"from": "human", "value": random.choice(WORDINGS)}
        yield {"id": f"draw-{image}", "image": image, "target": image, "conversations": [asked]}


def main():
    folder = pathlib.Path(sys.argv[1])
    random.seed(3)
    for split, count in [("train", 6000), ("val", 400), ("test", 10_000)]:
        made = list(records(folder / f"{split}.json", count))
        (folder / f"draw-{split}.json").write_text(json.dumps(made))
    base = folder / "base"
    shutil.copytree(folder / "run/model", base, dirs_exist_ok=True)
    (base / "reading-room.toml").write_text(ROOM)


if __name__ == "__main__":
    main()
