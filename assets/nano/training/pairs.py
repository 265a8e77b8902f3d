#!/usr/bin/env python3
"""Builds nano's questions and answers from the labelled images.

    python3 assets/nano/training/pairs.py LABELLED OUT

LABELLED holds index.jsonl and the archives it names. OUT gets images/, train.json, val.json,
test.json (LLaVA conversation JSON) and corpus.txt for the tokenizer. Needs Pillow and numpy.

Every answer follows from a label. What no label says is declined, with questions that people
really ask of such programs. Wordings of the test split are partly held back from training.
"""

import io
import json
import math
import random
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

MODALITIES = ["CT", "MRI", "X-ray", "ultrasound", "blood smear microscopy"]
PARTS = ["head", "chest", "abdomen", "breast", "hand", "blood"]
PLANES = ["axial", "coronal", "sagittal"]
TUMOURS = ["no tumour", "glioma", "meningioma", "pituitary tumour"]

DECLINE = (
    "I was not trained to answer that. I can name the kind of image, the body part and the plane."
)
# What nano answers. What it learnt of findings does not beat comparing pictures: it declines them.
CLAIMED = ("modality", "body_part", "plane")
# How often a picture is used: as many CT as MRI, of heads and of bodies.
TIMES = {
    ("mednist.tar", "CT", "head"): 2, ("mednist.tar", "MRI", "breast"): 2,
    ("volumes.tar", "CT", "abdomen"): 4, ("volumes.tar", "CT", "chest"): 4,
    ("volumes.tar", "MRI", "head"): 2, ("volumes.tar", "MRI", "abdomen"): 5,
    ("bccd.tar", "blood smear microscopy", "blood"): 3,
    ("nih.tar", "X-ray", "chest"): 2, ("covid.tar", "X-ray", "chest"): 4,
}  # fmt: skip
# Pictures made of a picture: another contrast of MRI, MRI as a CT's tissues would show in it, CT in
# a wide window. What few volumes there are of bodies would else be CT alone.
MADE = {
    ("brainmri.tar", "MRI", "head"): ("contrast", 0.5),
    ("volumes.tar", "MRI", "head"): ("contrast", 4), ("volumes.tar", "MRI", "abdomen"): ("contrast", 20),
    ("mednist.tar", "MRI", "breast"): ("contrast", 0.5),
    ("volumes.tar", "CT", "abdomen"): ("pseudo-MRI", 2.5), ("volumes.tar", "CT", "chest"): ("pseudo-MRI", 2),
    ("mednist.tar", "CT", "abdomen"): ("pseudo-MRI", 0.4), ("mednist.tar", "CT", "chest"): ("pseudo-MRI", 0.2),
    ("mednist.tar", "CT", "head"): ("wide", 2),
}  # fmt: skip
# The same slices are among the files nano is asked about as pictures from elsewhere.
LEFT_OUT = ("vol_adc_prostate",)
# The only MRI of an abdomen; its split says val.
LEARNT = ("vol_ts_mr",)
DECLINE_ADULT = "I was not trained to judge chest X-rays of adults."
NOT_MEDICAL = "This does not look like a medical image."

# (wordings, wordings held back for the test split)
ASK = {
    "modality": (
        [
            "What modality is this?",
            "What is the modality of this image?",
            "Which imaging modality was used?",
            "Which modality is shown?",
            "What kind of image is this?",
            "What type of scan is this?",
            "What kind of scan is this?",
            "What imaging technique is this?",
            "How was this image acquired?",
            "How was this picture made?",
            "Name the imaging modality.",
            "Identify the modality.",
            "Modality?",
            "What type of medical image is this?",
            "Can you tell me the modality?",
            "Is this CT, MRI, X-ray or ultrasound?",
            "CT or MRI?",
            "Is it an X-ray or a CT?",
            "What sort of study is this?",
            "What method was used to take this image?",
            "With which device was this taken?",
            "Tell me what kind of imaging this is.",
        ],
        ["Which type of imaging is this?", "What modality was used here?", "What scan is this?"],
    ),
    "body_part": (
        [
            "What body part is this?",
            "Which body part is shown?",
            "Which part of the body is this?",
            "What region of the body is imaged?",
            "What anatomy is shown?",
            "Which anatomical region is this?",
            "What is the body region?",
            "Name the body part.",
            "Identify the body region.",
            "Body part?",
            "What organ region is seen here?",
            "Where in the body was this taken?",
            "What part of the patient is imaged?",
            "Which region does the image show?",
            "What area of the body is this?",
            "Is this the head, the chest or the abdomen?",
            "What does the image show, anatomically?",
        ],
        ["What part of the body do we see?", "Which region of the body is shown here?"],
    ),
    "plane": (
        [
            "What plane is this?",
            "Which plane is this slice in?",
            "In which plane was this acquired?",
            "What is the plane of this image?",
            "What is the orientation of the slice?",
            "Which imaging plane is shown?",
            "Is this axial, coronal or sagittal?",
            "Axial, coronal or sagittal?",
            "Name the plane.",
            "Plane?",
            "What orientation is this slice?",
            "In what plane is the image taken?",
            "How is the slice oriented?",
        ],
        ["What slice plane do we see?", "Which anatomical plane is this?"],
    ),
    "tumour": (
        [
            "Is there a brain tumour?",
            "Is there a tumor?",
            "Do you see a tumour?",
            "What kind of tumour is it?",
            "Which brain tumour is this?",
            "What type of tumor is shown?",
            "Is this brain normal?",
            "Is there a tumour, and which?",
            "What is the finding in this brain MRI?",
            "What is the diagnosis?",
            "Name the finding.",
            "Is it a glioma, a meningioma or a pituitary tumour?",
            "Classify the tumour.",
            "What abnormality is seen?",
            "Is anything abnormal in this brain?",
        ],
        ["Can you see a tumour here?", "Which class of brain tumour is present?"],
    ),
    "chest": (
        [
            "Is this chest X-ray normal?",
            "Does this child have pneumonia?",
            "Is there pneumonia?",
            "Is there a sign of pneumonia?",
            "Are the lungs normal?",
            "Are the lungs clear?",
            "Normal or pneumonia?",
            "What is the finding in this chest X-ray?",
            "Is it normal?",
            "Is anything abnormal?",
            "What is the diagnosis?",
            "Do you see an infection of the lungs?",
            "Is there an abnormality in the lungs?",
        ],
        ["Does the X-ray show pneumonia?", "Do the lungs look normal?"],
    ),
    "breast": (
        [
            "Is there a lesion?",
            "Is the lesion benign or malignant?",
            "Is this breast normal?",
            "Is there a tumour?",
            "Is it cancer?",
            "What is the diagnosis?",
            "Is anything abnormal?",
            "What is the finding?",
        ],
        ["Is the mass malignant?"],
    ),
    "describe": (
        [
            "Describe this image.",
            "What is this?",
            "What do you see?",
            "What am I looking at?",
            "What is shown?",
            "Describe the image briefly.",
            "Give a short description.",
            "What does this picture show?",
            "Tell me about this image.",
            "Please describe the study.",
            "Summarise this image.",
            "What can you see in this image?",
            "Caption this image.",
        ],
        ["What is in this picture?", "Describe what you see here."],
    ),
    "medical": (
        [
            "Is this a medical image?",
            "Is this a scan?",
            "Is this medical?",
            "Does this show a patient?",
            "Is it a medical picture?",
        ],
        ["Would you say this is a medical image?"],
    ),
}

# further wordings: every beginning with every end
FORMS = {
    "modality": (
        ["What", "Which"],
        ["modality", "imaging modality", "type of image", "kind of imaging", "type of study", "scan type",
         "imaging method", "kind of picture", "imaging test", "examination"],
        ["is this", "is shown", "was used here", "is it", "is shown here", "do you see", "was done"],
    ),
    "body_part": (
        ["What", "Which"],
        ["body part", "part of the body", "region", "anatomical region", "body region", "area of the body"],
        ["is this", "is it", "is imaged", "is visible", "do you see", "was scanned", "is in the picture"],
    ),
    "plane": (
        ["What", "Which"],
        ["plane", "imaging plane", "slice orientation", "orientation", "view plane", "section"],
        ["is this", "is it", "is shown here", "was used", "do you see", "is this slice"],
    ),
    "tumour": (
        ["What", "Which"],
        ["tumour", "type of tumour", "kind of tumor", "brain tumour", "lesion", "finding", "abnormality"],
        ["is this", "is shown", "do you see", "is present", "does the MRI show"],
    ),
}

BRIEF = [
    "Answer in one word.",
    "One word.",
    "In a word:",
    "Answer briefly.",
    "Short answer please.",
    "Just the answer.",
]

FINDINGS = [
    "a fracture", "a pneumothorax", "a pleural effusion", "cardiomegaly", "a nodule",
    "a haemorrhage", "a stroke", "an aneurysm", "ascites", "a hernia", "gallstones",
    "kidney stones", "hydronephrosis", "emphysema", "atelectasis", "free air", "an abscess",
    "a cyst", "lymphadenopathy", "osteoporosis", "arthritis", "a dislocation", "calcification",
    "an infarct", "edema", "a thrombus", "pulmonary embolism", "metastases", "a catheter",
    "a pacemaker", "bowel obstruction", "appendicitis", "diverticulitis", "fatty liver",
    "cirrhosis", "scoliosis", "a foreign body", "midline shift", "hydrocephalus", "tuberculosis",
]  # fmt: skip
FINDINGS_HELD = [
    "a rib fracture", "pneumoperitoneum", "a subdural hematoma", "splenomegaly",
    "an aortic dissection", "a lung mass", "bronchiectasis", "spinal stenosis",
]  # fmt: skip
OUTSIDE = [
    "How old is the patient?", "What is the patient's age?", "Is the patient male or female?",
    "What is the patient's name?", "Where is the lesion?", "Where is the abnormality located?",
    "How large is the lesion?", "What is the size of the mass?", "Measure the tumour.",
    "How many ribs are there?", "How many vertebrae can be seen?", "Which lobe is affected?",
    "Is it on the left or on the right?", "Which side is affected?", "What stage is the cancer?",
    "What treatment do you recommend?", "What should the patient do?", "What dose should I give?",
    "Which drug helps?", "Is surgery necessary?", "What is the prognosis?", "Is it serious?",
    "Will I die?", "Should I see a doctor?", "Write a radiology report.",
    "Write the impression section.", "Write the findings and the impression.",
    "Compare with the previous study.", "Has it changed since last time?",
    "Which sequence is this, T1 or T2?", "Is this T1 weighted?", "Is it FLAIR?",
    "Was contrast given?", "Is contrast agent visible?", "What is the slice thickness?",
    "What window was used?", "What is the field strength?", "Which manufacturer made the scanner?",
    "When was this taken?", "Which hospital is this from?", "How many cells are there?",
    "How many white cells do you count?", "Count the platelets.", "Is the heart enlarged?",
    "What is the cardiothoracic ratio?", "Are the kidneys normal?", "Is the liver enlarged?",
    "Is the spleen visible?", "Which organs can you see?", "Name all organs.",
    "Segment the liver.", "Draw a box around the lesion.", "Mark the abnormality.",
    "What is the Hounsfield value here?", "Is the bone density normal?", "What is BI-RADS?",
    "What is the BI-RADS category?", "What is the differential diagnosis?",
    "What causes pneumonia?", "What is a glioma?", "What is MRI?", "Explain computed tomography.",
    "How does ultrasound work?", "What is the capital of France?", "Who are you?",
    "What is your name?", "Who made you?", "Tell me a joke.", "Write a poem.", "What is 2 plus 2?",
    "How is the weather?", "What time is it?", "Translate this to German.", "Hello", "Hi",
    "Thank you", "Can you write code?", "What is the meaning of life?", "Good morning",
    "Who is the president?", "Recommend a restaurant.", "What is the ICD code?",
    "Is the patient pregnant?", "Does the patient smoke?", "Is the patient in pain?",
    "What symptoms does the patient have?", "Is this an emergency?", "Is the tube in place?",
    "Is the catheter well placed?", "What colour is it?", "Why is it so dark?",
    "What is the bright spot?", "What is this white area?", "What is the dark region?",
    "What does the arrow point at?", "Is the image rotated?", "Is the image quality good?",
    "Is there motion artefact?", "Which vertebra is this?", "Which finger is broken?",
    "Is the wrist broken?", "Are the growth plates closed?", "What is the bone age?",
    "Is the brain atrophied?", "Are the ventricles enlarged?", "Is there white matter disease?",
    "Does the patient have dementia?", "Does the patient have COVID-19?", "Is it viral or bacterial?",
    "Which bacteria is it?", "Is the patient dead?", "How sure are you?", "Are you sure?",
    "What is your accuracy?", "Which dataset were you trained on?", "Show me the heatmap.",
    "What is the gestational age?", "Is the fetus healthy?", "Is it a boy or a girl?",
    "What type of leukemia is it?", "Is there malaria?", "Are the red cells normal?",
]  # fmt: skip
OUTSIDE_HELD = [
    "How heavy is the patient?", "What is the diameter of the lesion?", "Which lung is affected?",
    "Is chemotherapy needed?", "What medication would you prescribe?", "Write a report of this scan.",
    "Which MRI sequence was used?", "Was a contrast medium injected?", "How many slices are there?",
    "Which scanner was used?", "Is the aorta dilated?", "What is the ejection fraction?",
    "Outline the tumour.", "What is the volume of the tumour?", "What is the capital of Spain?",
    "Write a haiku.", "What is 12 times 7?", "Is the gallbladder inflamed?",
    "When will the patient recover?", "What was the patient's blood pressure?",
    "Which doctor ordered this?", "Is the fracture healed?", "Is the disc herniated?",
    "Are the sinuses clear?", "How long will the patient live?", "Sing a song.",
]  # fmt: skip


def article(word):
    return "an" if word[0] in "aeiouAEIOMX" and not word.startswith("ul") and word != "X-ray" else "a"


def image_name(modality):
    return {
        "CT": "a CT image",
        "MRI": "an MRI image",
        "X-ray": "an X-ray",
        "ultrasound": "an ultrasound image",
        "blood smear microscopy": "a blood smear under the microscope",
    }[modality]


def the_part(part):
    return "blood" if part == "blood" else f"the {part}"


def facts(entry):
    labels = dict(entry["labels"])
    shard = entry["image"].split(":")[0]
    known = {"modality": labels["modality"], "body_part": labels["body_part"]}
    if labels.get("plane"):
        known["plane"] = labels["plane"]
    if labels.get("view"):
        known["view"] = labels["view"]
    if shard == "brainmri.tar":
        known["tumour"] = labels["finding"]
    if shard == "kermany.tar":
        known["chest"] = "normal" if labels["normal"] else "pneumonia"
    if shard in ("nih.tar", "covid.tar"):
        known["adult_chest"] = True
    if shard == "busi.tar":
        known["breast"] = True
    return known


def labels(known):
    """What a tower can learn from the picture alone; see `objective = "labels"`."""
    if known.get("none"):
        return {"modality": "none"}
    return {kind: known[kind] for kind in ("modality", "body_part", "plane", "tumour", "chest") if kind in known}


def summary(known):
    modality, part = known["modality"], known["body_part"]
    if modality == "blood smear microscopy":
        return "This is a blood smear under the microscope."
    plane = known.get("plane")
    if modality in ("CT", "MRI"):
        where = f"{article(plane)} {plane} " if plane else ("an " if modality == "MRI" else "a ")
        text = f"This is {where}{modality} image of the {part}."
    elif known.get("view"):
        text = f"This is a {known['view']} X-ray of the {part}."
    else:
        text = f"This is {image_name(modality)} of the {part}."
    if "tumour" in known and "tumour" in CLAIMED:
        text += f" It shows {known['tumour'] if known['tumour'] == 'no tumour' else 'a ' + known['tumour']}."
    if "chest" in known and "chest" in CLAIMED:
        text += " The lungs look normal." if known["chest"] == "normal" else " It shows signs of pneumonia."
    return text


def sentence(kind, known):
    if kind == "modality":
        return f"This is {image_name(known['modality'])}."
    if kind == "body_part":
        return f"It shows {the_part(known['body_part'])}."
    if kind == "plane":
        return f"The plane is {known['plane']}."
    if kind == "tumour":
        found = known["tumour"]
        return "I see no tumour." if found == "no tumour" else f"It looks like a {found}."
    if kind == "chest":
        return "It looks normal." if known["chest"] == "normal" else "It shows signs of pneumonia."
    raise ValueError(kind)


CHOICES = {
    "modality": ["CT", "MRI", "X-ray", "ultrasound", "blood smear"],
    "body_part": PARTS,
    "plane": PLANES,
    "tumour": TUMOURS,
    "chest": ["normal", "pneumonia"],
}


def short(kind, known):
    value = known[kind]
    return "blood smear" if value == "blood smear microscopy" else value


def rough(question, rng):
    """As people type."""
    if rng.random() < 0.15:
        question = question[0].lower() + question[1:]
    if rng.random() < 0.12 and question.endswith(("?", ".")):
        question = question[:-1]
    if rng.random() < 0.06:
        question = rng.choice(["Please: ", "Hello. ", "Tell me: ", "Hi, "]) + question
    return question


def wording(kind, rng, held):
    used, held_back = ASK[kind]
    if not held and kind in FORMS and rng.random() < 0.5:
        return " ".join(rng.choice(words) for words in FORMS[kind]) + "?"
    return rng.choice(held_back if held and held_back else used)


def claim(kind, known, rng, held=False):
    """A question about a label, and its answer."""
    question = wording(kind, rng, held)
    if rng.random() < 0.15:
        return f"{question} {rng.choice(BRIEF)}", short(kind, known)
    return question, sentence(kind, known)


def yes_no(kind, known, rng):
    """A question about one value of a label."""
    value = known[kind]
    values = {"modality": MODALITIES, "body_part": PARTS, "plane": PLANES}[kind]
    asked = value if rng.random() < 0.5 else rng.choice([other for other in values if other != value])
    name = {
        "modality": rng.choice(["Is this {}?", "Is it {}?", "Does this show {}?"]).format(
            image_name(asked) if kind == "modality" else ""
        ),
        "body_part": rng.choice(["Is this {}?", "Does this show {}?", "Do we see {}?"]).format(
            the_part(asked)
        ),
        "plane": rng.choice(["Is this {} {} slice?", "Is the plane {1}?", "Is it {1}?"]).format(
            article(asked), asked
        ),
    }[kind]
    right = sentence(kind, known)
    return name, (f"Yes. {right}" if asked == value else f"No. {right}")


def outside(rng, held=False):
    if rng.random() < 0.5:
        finding = rng.choice(FINDINGS_HELD if held else FINDINGS)
        form = rng.choice(["Is there {}?", "Do you see {}?", "Does the patient have {}?", "Can you see {}?"])
        return form.format(finding), DECLINE
    return rng.choice(OUTSIDE_HELD if held else OUTSIDE), DECLINE


def exchanges(known, rng):
    """Some questions about one picture."""
    if known.get("none"):
        kinds = ["modality", "body_part", "plane", "describe", "medical", "chest", "tumour"]
        talk = [(wording(kind, rng, False), NOT_MEDICAL) for kind in rng.sample(kinds, 3)]
        return [*talk[:2], outside(rng)] if rng.random() < 0.3 else talk
    talk = []
    for kind in ("modality", "body_part", "plane"):
        if kind not in known:
            continue
        yes = rng.random() < 0.25
        talk.append(yes_no(kind, known, rng) if yes else claim(kind, known, rng))
    for kind in ("tumour", "chest"):
        if kind in known and kind in CLAIMED:
            talk.append(claim(kind, known, rng))
        elif kind in known:
            talk.append((wording(kind, rng, False), DECLINE))
    if known.get("adult_chest"):
        talk.append((wording("chest", rng, False), DECLINE_ADULT if "chest" in CLAIMED else DECLINE))
    if known.get("breast"):
        talk.append((wording("breast", rng, False), DECLINE))
    if rng.random() < 0.5:
        talk.append((wording("describe", rng, False), summary(known)))
    if rng.random() < 0.08:
        talk.append((wording("medical", rng, False), f"Yes. {sentence('modality', known)}"))
    talk.append(outside(rng))
    rng.shuffle(talk)
    return talk[: rng.randint(2, 5)]


def record(identity, image, talk, rng, **more):
    said = []
    for index, (question, answer) in enumerate(talk):
        mark = "<image>\n" if index == 0 and image else ""
        said.append({"from": "human", "value": mark + rough(question, rng)})
        said.append({"from": "gpt", "value": answer})
    return {"id": identity, **({"image": image} if image else {}), "conversations": said, **more}


# ---------------------------------------------------------------------------- further pictures


def fan(picture, rng):
    """An ultrasound picture as curved probes show it, with marks as devices draw them."""
    side = 136
    grey = picture.convert("L").resize((side, side), Image.BICUBIC)
    source = np.asarray(grey, np.float32)
    out = np.zeros((side, side), np.float32)
    spread = math.radians(rng.uniform(25, 45))
    near, far = rng.uniform(0.0, 0.35), rng.uniform(0.9, 1.0)
    apex = rng.uniform(-0.35, 0.0) * side
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32)
    dx, dy = xs - side / 2, ys - apex
    radius, angle = np.hypot(dx, dy) / (side - apex), np.arctan2(dx, dy)
    inside = (np.abs(angle) < spread) & (radius > near) & (radius < far)
    column = np.clip((angle / spread + 1) / 2 * (side - 1), 0, side - 1).astype(int)
    row = np.clip((radius - near) / (far - near) * (side - 1), 0, side - 1).astype(int)
    out[inside] = source[row[inside], column[inside]]
    result = Image.fromarray(out.astype(np.uint8)).convert("RGB")
    if rng.random() < 0.4:
        doppler(result, inside, rng)
    return result


def console(picture, rng):
    """Somewhere on the black screen of a device, darker or brighter, with its writing."""
    width, height = rng.randint(100, 136), rng.randint(84, 136)
    screen = Image.new("RGB", (width, height), (rng.choice([0, 0, 0, 12, 20]),) * 3)
    share = rng.uniform(0.55, 1.0)
    size = max(8, int(share * width)), max(8, int(share * height * rng.uniform(0.7, 1.0)))
    gain = rng.uniform(0.4, 1.3)
    part = picture.convert("RGB").resize(size, Image.BICUBIC).point(lambda level: min(255, int(level * gain)))
    screen.paste(part, (rng.randint(0, width - size[0]), rng.randint(0, height - size[1])))
    if rng.random() < 0.8:
        decorate(screen, rng)
    return screen


def decorate(picture, rng):
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    colour = lambda: tuple(rng.randint(80, 255) for _ in range(3))
    for _ in range(rng.randint(1, 5)):
        x, y = rng.choice([2, width - 30]), rng.randint(0, height - 10)
        draw.text((x, y), rng.choice(["12cm", "MI 0.9", "FR 32", "PW", "TIs", "L12-5"]), fill=colour())
    if rng.random() < 0.6:
        x = rng.choice([3, width - 8])
        for step in range(40):
            level = 255 - 6 * step
            draw.line([(x, 20 + step), (x + 4, 20 + step)], fill=(level, level if rng.random() < 0.5 else 0, 0))


def doppler(picture, inside, rng):
    pixels = np.asarray(picture).copy()
    height, width = inside.shape
    for _ in range(rng.randint(1, 6)):
        cx, cy, r = rng.randint(0, width), rng.randint(0, height), rng.randint(3, 14)
        ys, xs = np.mgrid[0:height, 0:width]
        blob = ((xs - cx) ** 2 / 1.5 + (ys - cy) ** 2 < r * r) & inside
        pixels[blob] = rng.choice([(200, 40, 20), (30, 60, 210), (230, 160, 40)])
    picture.paste(Image.fromarray(pixels))


def levels(picture):
    """Grey levels from 0 to 1, the background at 0."""
    grey = np.asarray(picture.convert("L"), np.float32)
    border = np.concatenate([grey[:3].ravel(), grey[-3:].ravel(), grey[:, :3].ravel(), grey[:, -3:].ravel()])
    low = min(np.median(border), np.percentile(grey, 30))
    return np.clip((grey - low) / max(np.percentile(grey, 99.5) - low, 16.0), 0, 1)


def curved(grey, knots, values):
    return np.interp(grey, knots, values).astype(np.float32)


def as_mri(grey, rng):
    """What a coil and a receiver add: uneven gain, noise of a magnitude, a field of view."""
    height, width = grey.shape
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    if rng.random() < 0.6:
        cx, cy, depth = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.1, 0.9)
        grey = grey * np.exp(-depth * ((xs - cx) ** 2 + (ys - cy) ** 2) / 2)
    noise = np.random.default_rng(rng.randint(0, 2**31))
    width_of_noise = rng.uniform(0, 0.05) * (3 if rng.random() < 0.15 else 1) * np.percentile(grey, 95)
    real = grey + width_of_noise * noise.standard_normal(grey.shape)
    grey = np.hypot(real, width_of_noise * noise.standard_normal(grey.shape))
    if rng.random() < 0.25:
        share = rng.uniform(0.05, 0.3)
        grey[np.abs(ys if rng.random() < 0.5 else xs) > 1 - share] = 0
    grey = grey / max(np.percentile(grey, rng.uniform(97, 99.8)), 1e-3)
    return Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8))


def made_of(picture, kind, rng):
    """A picture of another look; the label of what it shows follows from `kind`."""
    grey = levels(picture)
    u = rng.uniform
    if kind == "wide":
        # bone bright, everything soft one grey, as in a bone or lung window
        soft = u(0.2, 0.7)
        grey = curved(grey, [0, 0.12, 0.3, 0.85, 0.97, 1], [0, u(0, 0.1), soft - u(0, 0.06), soft + u(0, 0.06), 0.9, 1])
        return Image.fromarray((grey * 255).astype(np.uint8))
    if kind == "contrast":
        # sequences differ in which tissue is bright; air is dark in all
        if rng.random() < 0.5:
            grey = curved(grey, [0, 0.1, 0.3, 0.5, 0.75, 1], [0, u(0, 0.2), u(0.1, 1), u(0.1, 1), u(0.1, 1), u(0.2, 1)])
        return as_mri(grey, rng)
    # fat, muscle and organs anywhere, bone and air dark
    grey = curved(grey, [0, 0.12, 0.3, 0.5, 0.65, 0.8, 1], [0, u(0, 0.1), u(0.2, 1), u(0.1, 0.9), u(0.1, 1), u(0.1, 0.9), u(0, 0.4)])
    return as_mri(grey, rng)


def not_medical(rng, photos):
    """Plain colours, noise, shapes, writing, parts of photographs."""
    size = (rng.randint(64, 136), rng.randint(64, 136))
    kinds = ["plain", "plain", "noise", "shapes", "text", "gradient"]
    kind = rng.choice(kinds + ["photo"] * (4 if photos else 0))
    colour = lambda: tuple(rng.randint(0, 255) for _ in range(3))
    if kind == "photo":
        photo = rng.choice(photos)
        width, height = photo.size
        w = rng.randint(min(width, 100), width)
        h = min(height, max(60, int(w * rng.uniform(0.6, 1.5))))
        x, y = rng.randint(0, width - w), rng.randint(0, height - h)
        part = photo.crop((x, y, x + w, y + h)).resize(size, Image.BICUBIC)
        return part.convert("L").convert("RGB") if rng.random() < 0.3 else part
    if kind == "plain":
        grey = (rng.choice([0, 127, 128, 255, rng.randint(0, 255)]),) * 3
        return Image.new("RGB", size, grey if rng.random() < 0.75 else colour())
    if kind == "noise":
        random_state = np.random.default_rng(rng.randint(0, 2**31))
        shape = (size[1], size[0], 3)
        return Image.fromarray(random_state.integers(0, 256, shape, dtype=np.uint8))
    picture = Image.new("RGB", size, colour() if rng.random() < 0.7 else (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    if kind == "gradient":
        a, b = colour(), colour()
        for y in range(size[1]):
            t = y / size[1]
            draw.line([(0, y), (size[0], y)], fill=tuple(int(p * (1 - t) + q * t) for p, q in zip(a, b)))
    elif kind == "shapes":
        for _ in range(rng.randint(2, 12)):
            x, y = rng.randint(0, size[0]), rng.randint(0, size[1])
            box = [x, y, x + rng.randint(5, 60), y + rng.randint(5, 60)]
            rng.choice([draw.ellipse, draw.rectangle])(box, fill=colour(), outline=colour())
    else:
        for row in range(0, size[1], 11):
            words = "".join(rng.choice("abcdefghij klmnop qrstuv") for _ in range(24))
            draw.text((2, row), words, fill=colour())
    return picture


def photographs():
    """Free photographs that come with scikit-image, when it is there."""
    try:
        import skimage
    except ImportError:
        return []
    folder = Path(skimage.__file__).parent / "data"
    names = ["chelsea.png", "coffee.png", "rocket.jpg", "camera.png", "coins.png", "grass.png", "brick.png",
             "gravel.png", "motorcycle_left.png", "page.png", "text.png", "clock_motion.png", "moon.png"]
    return [Image.open(folder / name).convert("RGB") for name in names if (folder / name).is_file()]


# ---------------------------------------------------------------------------- the files


def main(labelled, out):
    rng = random.Random(20261121)
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    entries = [json.loads(line) for line in (labelled / "index.jsonl").read_text().splitlines()]
    archives = {}
    train, val, test = [], [], []
    for entry in entries:
        shard, member = entry["image"].split(":", 1)
        if shard not in archives:
            archives[shard] = tarfile.open(labelled / shard)
        stem = f"{shard.removesuffix('.tar')}-{member.replace('/', '-')}"
        data = archives[shard].extractfile(member).read()
        path = images / stem
        path.write_bytes(data)
        known = facts(entry)
        split = entry["split"]
        if split == "test":
            test.extend(questions(stem, known, rng))
            continue
        if shard == "volumes.tar" and entry["group"] in LEFT_OUT:
            continue
        if entry["group"] in LEARNT:
            split = "train"
        times = TIMES.get((shard, known["modality"], known["body_part"]), 1)
        for copy in range(times if split == "train" else 1):
            made = record(f"{stem}#{copy}", stem, exchanges(known, rng), rng, labels=labels(known))
            (train if split == "train" else val).append(made)
        if shard == "busi.tar" and split == "train":
            picture = Image.open(io.BytesIO(data))
            for copy in range(5):
                name = f"{stem}-fan{copy}.png"
                whole = rng.random() < 0.3
                console(picture if whole else fan(picture, rng), rng).save(images / name)
                train.append(record(name, name, exchanges(known, rng), rng, labels=labels(known)))
        if split == "train":
            train.extend(made_records(stem, data, known, shard, images, rng))
    photos = photographs()
    for index in range(1800):
        name = f"other-{index}.png"
        not_medical(rng, photos).save(images / name)
        made = record(name, name, exchanges({"none": True}, rng), rng, labels=labels({"none": True}))
        (train if index < 1600 else val).append(made)
    for index in range(600):
        train.append(record(f"text-{index}", None, [outside(rng)], rng))
    # a few of everything, the same every time
    val = [one for index, one in enumerate(val) if index % 6 == 0]
    rng.shuffle(train)
    for name, records in (("train", train), ("val", val), ("test", test)):
        (out / f"{name}.json").write_text(json.dumps(records, indent=0))
        print(name, len(records))
    corpus = []
    for one in train:
        for said in one["conversations"]:
            corpus.append(said["value"].replace("<image>\n", ""))
    (out / "corpus.txt").write_text("\n".join(corpus))


def made_records(stem, data, known, shard, images, rng):
    """Records of pictures made of a picture."""
    kind, times = MADE.get((shard, known["modality"], known["body_part"]), (None, 0))
    seen = dict(known)
    if kind == "pseudo-MRI":
        seen["modality"] = "MRI"
    else:
        seen.pop("tumour", None)
    records = []
    for copy in range(int(times) + (rng.random() < times % 1)):
        name = f"{stem}-{kind}{copy}.png"
        made_of(Image.open(io.BytesIO(data)), kind, rng).save(images / name)
        records.append(record(name, name, exchanges(seen, rng), rng, labels=labels(seen)))
    return records


def questions(stem, known, rng):
    """One question a record, with what may be said, for `reading-room eval`."""
    records = []

    def add(kind, question, answer, **more):
        made = record(f"{stem}:{kind}", stem, [(question, answer)], random.Random(0), type=kind,
                      modality=known["modality"], body_part=known["body_part"], **more)
        made["conversations"][0]["value"] = "<image>\n" + question
        records.append(made)

    for kind in ("modality", "body_part", "plane", "tumour", "chest"):
        if kind not in known:
            continue
        question = wording(kind, rng, held=rng.random() < 0.5)
        if kind in CLAIMED:
            add(kind, question, sentence(kind, known), choices=CHOICES[kind])
        else:
            add("finding", question, DECLINE, choices=["not trained"])
    question, answer = outside(rng, held=rng.random() < 0.5)
    add("out-of-scope", question, answer, choices=["not trained"])
    return records


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
