"""What other readers saw in a file: documents of DCMTK's dcm2json (or dcmdump) and of pydicom, in one form.

A data set is a dict of tag (a number) to Element.
"""

import base64
import json
import re
import subprocess
import tarfile
from dataclasses import dataclass, field
from decimal import Decimal

BULK_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
UNSPLIT_VRS = {"LT", "ST", "UT", "UR"}


@dataclass
class Element:
    tag: int
    vr: str
    values: list = field(default_factory=list)  # text, numbers, dicts of name groups; None for an empty value
    items: list | None = None  # data sets, of a sequence
    data: bytes | None = None  # a value that the reader gives as bytes
    size: int | None = None  # of bytes that the document leaves out
    presence_only: bool = False  # the document shows that the element is there, but not its exact value


def tag_of(text):
    return int(text, 16)


def from_json_model(document):
    """PS3.18 F.2, with what the documents put in place of long binary values."""
    elements = {}
    for name, body in document.items():
        element = Element(tag_of(name), body["vr"])
        if element.vr == "SQ":
            element.items = [from_json_model(item or {}) for item in body.get("Value", [])]
        elif "InlineBinary" in body:
            element.data = base64.b64decode(body["InlineBinary"])
        elif "InlineBinaryBytes" in body:
            element.size = body["InlineBinaryBytes"]
        elif "BulkDataURI" in body:
            element.size = int(body["BulkDataURI"].removeprefix("dropped:"))
        else:
            element.values = body.get("Value", [])
        elements[element.tag] = element
    return elements


def _loads(text):
    # dcm2json writes "127." and "inf", which are no JSON.
    text = re.sub(r"(?<=\d)\.(?=[,\]])", "", text)
    text = re.sub(r"(?<=[\[,])(-?)inf(?=[,\]])", r"\1Infinity", text)
    text = re.sub(r"(?<=[\[,])-?nan(?=[,\]])", "NaN", text)
    # Decimal keeps the digits as they are written.
    return json.loads(text, strict=False, parse_float=Decimal)


def from_dcm2json(text):
    """Returns the data set, or None when DCMTK could not read the file at all."""
    try:
        document = _loads(text)
    except ValueError:
        return None
    if "error" not in document:
        return from_json_model(document)
    if "output" in document:
        try:
            return from_json_model(_loads(document["output"]))
        except ValueError:
            pass
    return from_dcmdump(document.get("dcmdump", "")) or None


def from_pydicom(text):
    document = json.loads(text)
    elements = from_json_model(document.get("file_meta", {}))
    elements.update(from_json_model(document.get("dataset", document.get("partial", {}))))
    for name, body in document.get("pixels", {}).items():
        elements[tag_of(name)] = Element(tag_of(name), body["vr"], size=body["bytes"])
    return elements or None


# ---- dcmdump

_LINE = re.compile(r"( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (\S\S) (.*?) +# *(\d+|u/l),", re.S)
_START = re.compile(r"^ *\([0-9a-f]{4},[0-9a-f]{4}\) \S\S ")


def _dump_values(element, text):
    if text.startswith("[") and text.endswith("]") and text.isascii() and "\x1b" not in text:
        text = text[1:-1]
        element.values = [text] if element.vr in UNSPLIT_VRS else text.split("\\")
        if element.vr == "PN":
            element.values = [dict(zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="))) for name in element.values]
    elif element.vr in ("US", "SS", "UL", "SL") and re.fullmatch(r"[-\d\\]+", text):
        element.values = [int(number) for number in text.split("\\")]
    else:
        element.presence_only = True  # names of UIDs, shortened values, text of other character sets, bytes


def from_dcmdump(text):
    """dcmdump's lines: indented by level, sequences and items with their own lines."""
    lines = []
    for line in text.splitlines():
        if _START.match(line) or line.startswith("#"):
            lines.append(line)
        elif lines and line:
            lines[-1] += "\n" + line  # a value of several lines
    top = {}
    levels = [(0, top)]  # indent, data set
    sequences = []  # indent, element
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        indent, tag, vr = len(found[1]), tag_of(found[2] + found[3]), found[4]
        if tag == 0xFFFEE000 and vr == "na":
            while sequences and sequences[-1][0] >= indent:
                sequences.pop()
            item = {}
            sequences[-1][1].items.append(item)
            levels = [level for level in levels if level[0] <= indent] + [(indent + 2, item)]
            continue
        if tag >> 16 == 0xFFFE:
            continue
        levels = [level for level in levels if level[0] <= indent]
        element = Element(tag, vr)
        if found[5].startswith(("(Sequence", "(PixelSequence")):
            if vr == "SQ":
                element.items = []
                sequences.append((indent, element))
            else:
                element.size = 0
        elif found[5] == "(no value available)":
            pass
        elif vr in BULK_VRS or vr in ("OB", "OW", "??", "ox", "px"):
            element.vr = "UN" if vr == "??" else "OW" if vr in ("ox", "px") else vr
            element.presence_only = True
        else:
            _dump_values(element, found[5])
        levels[-1][1][tag] = element
    return top


def read_archive(path):
    """The members of a .tar.zst as texts, by name."""
    unpacked = subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE)
    members = {}
    with tarfile.open(fileobj=unpacked.stdout, mode="r|") as archive:
        for member in archive:
            members[member.name] = archive.extractfile(member).read().decode("utf-8", "replace")
    unpacked.stdout.close()
    if unpacked.wait() != 0:
        raise OSError(f"zstd could not unpack {path}")
    return members
