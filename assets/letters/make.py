"""Writes the letters of this folder from ../fonts/Inter-Regular.otf (SIL Open Font License).

    python3 make.py        needs Pillow

letters.png has all of them beside each other in one row; letters.tsv says for each its code point,
where its cell begins, how wide the cell is and how far the pen goes on. The pen begins PAD pixels
into a cell; the baseline is BASE pixels below its top.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

EM, PAD, BASE, HEIGHT = 40, 4, 40, 52
HERE = Path(__file__).parent
font = ImageFont.truetype(HERE.parent / "fonts" / "Inter-Regular.otf", EM)
codes = [*range(0x20, 0x7F), *range(0xA1, 0x180), 0x03BC, 0x2013, 0x2026, 0x2212]
cells, rows = [], []
at = 0
for code in codes:
    letter = chr(code)
    advance = font.getlength(letter)
    left, _, right, _ = font.getbbox(letter, anchor="ls")
    width = max(int(right), 0) + 2 * PAD + 1 if code != 0x20 else 1
    cell = Image.new("L", (width, HEIGHT))
    ImageDraw.Draw(cell).text((PAD, BASE), letter, fill=255, font=font, anchor="ls")
    cells.append(cell)
    rows.append(f"{code}\t{at}\t{width}\t{advance:.3f}")
    at += width
strip = Image.new("L", (at, HEIGHT))
for cell, row in zip(cells, rows):
    strip.paste(cell, (int(row.split("\t")[1]), 0))
strip.save(HERE / "letters.png", optimize=True)
(HERE / "letters.tsv").write_text("\n".join(rows) + "\n")
