#!/usr/bin/env python3
"""The DICOM JSON that we write of a file against what DCMTK's dcm2json and pydicom's to_json say of the same file.

    json_check.py PRINTER --corpus FOLDER [--show N] [FILE...]

PRINTER: the program print_dicom_json. FOLDER: files named by its MANIFEST.tsv, with oracle/dcm2json.tar.zst and
oracle/pydicom.tar.zst. Every element of an oracle must be in our document with the same VR and values, and ours may have no
other; where an oracle knows less (VR UN, values left out, files it could not read), only what it knows is compared. An element
that the two oracles do not agree on must be as one of them has it.
"""

import argparse
import base64
import csv
import json
import pathlib
import struct
import subprocess
import sys
from collections import Counter
from decimal import Decimal, InvalidOperation

import oracles
from exports import skip

META_GROUP = 0x0002
CHARACTER_SET = 0x00080005
PIXEL_DATA = 0x7FE00010
NUMBERS = {"IS", "DS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"}
FORMATS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d", "SV": "<q", "UV": "<Q"}


def strict(text):
    """Our documents are JSON without any mending."""

    def refuse(name):
        raise ValueError(f"{name} is no JSON")

    def ordered(pairs):
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a name stands twice: {keys}")
        if keys and len(keys[0]) == 8 and keys != sorted(keys):
            raise ValueError(f"tags do not ascend: {keys}")
        return dict(pairs)

    return json.loads(text, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=ordered)


def number(value, vr):
    try:
        result = Decimal(str(value).strip("\0 "))
    except InvalidOperation:
        return str(value).strip("\0 ")
    if vr in ("FL", "FD", "DS") and result.is_finite():
        # Oracles print doubles; a float has fewer digits.
        return struct.unpack("<f", struct.pack("<f", max(-3.4e38, min(3.4e38, float(result)))))[0]
    return "NaN" if result.is_nan() else result


def plain(value, vr):
    """One value in the form in which it is compared."""
    if value is None or value == "" or value == {}:
        return None
    if isinstance(value, dict):
        groups = {name: text.rstrip(" \0").rstrip("^ ") for name, text in value.items()}
        return {name: text for name, text in groups.items() if text} or None
    if vr in NUMBERS:
        return number(value, vr)
    return str(value).strip(" \0") or None


def values(element):
    result = [plain(value, element.vr) for value in element.values]
    return [] if result == [None] else result


def from_bytes(data, vr):
    """A value that an oracle has as bytes only, read by our VR; None when that says nothing."""
    if vr in FORMATS and len(data) % struct.calcsize(FORMATS[vr]) == 0:
        return [plain(value, vr) for (value,) in struct.iter_unpack(FORMATS[vr], data)]
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return None
    if vr in ("SQ", "AT", "PN") or vr in oracles.BULK_VRS or "\x1b" in text:
        return None
    parts = [text] if vr in oracles.UNSPLIT_VRS else text.split("\\")
    result = [plain(part, vr) for part in parts]
    return [] if result == [None] else result


class Check:
    def __init__(self):
        self.elements = 0
        self.findings = []

    def same(self, ours, theirs):
        """Whether an oracle's element says the same as ours."""
        if theirs.presence_only or theirs.size is not None:
            return True
        if theirs.items is not None:
            return ours.items is not None and len(ours.items) == len(theirs.items)
        if ours.items is not None:
            return theirs.vr == "UN"  # bytes, which we took apart
        if theirs.data is not None:
            if ours.data is not None:
                return ours.data == theirs.data
            if ours.size is not None:
                return True
            mine = from_bytes(theirs.data, ours.vr)
            return mine is None or mine == values(ours)
        if ours.data is not None or ours.size is not None:
            return not theirs.values or ours.vr == "UN"
        return ours.tag == CHARACTER_SET or values(ours) == values(theirs)

    def vr_fits(self, ours, theirs):
        if theirs.vr in ("", ours.vr) or "UN" in (ours.vr, theirs.vr):
            return True
        return {ours.vr, theirs.vr} in ({"US", "SS"}, {"OB", "OW"}, {"US", "OW"})

    def data_set(self, path, ours, known):
        """known: [(name, data set)]."""
        tags = set(ours)
        for _, elements in known:
            tags |= set(elements)
        for tag in sorted(tags):
            if tag & 0xFFFF == 0 or tag >> 16 == META_GROUP:
                continue
            self.elements += 1
            name = f"{path}{tag:08X}"
            there = [(who, elements[tag]) for who, elements in known if tag in elements]
            if tag not in ours:
                self.findings.append((name, "not in ours", [who for who, _ in there]))
                continue
            mine = ours[tag]
            if not there and mine.size is not None and tag == PIXEL_DATA:
                continue  # oracles give up at pixel data that is cut or compressed
            if not there:
                self.findings.append((name, "only in ours", mine.vr))
                continue
            agreeing = [(who, t) for who, t in there if self.same(mine, t) and self.vr_fits(mine, t)]
            if not agreeing:
                shown = [(who, t.vr, t.values or t.data or (t.items is not None and len(t.items))) for who, t in there]
                self.findings.append((name, (mine.vr, mine.values or mine.data or mine.size), shown))
            if mine.items is not None:
                for i, item in enumerate(mine.items):
                    below = [(who, t.items[i]) for who, t in agreeing if t.items is not None]
                    if below:
                        self.data_set(f"{name}/{i + 1}/", item, below)


def from_ours(document):
    """Like from_json_model, with our BulkDataURIs checked."""
    levels = [(document, "", result := {})]
    while levels:
        level, path, elements = levels.pop()
        for name, body in level.items():
            element = oracles.Element(oracles.tag_of(name), body["vr"])
            if set(body) - {"vr", "Value", "InlineBinary", "BulkDataURI"} or len(body) > 2:
                raise ValueError(f"{name}: {sorted(body)}")
            if body["vr"] == "SQ":
                element.items = []
                for i, item in enumerate(body.get("Value", [])):
                    below = {}
                    element.items.append(below)
                    levels.append((item, f"{path}{name}/{i + 1}/", below))
            elif "InlineBinary" in body:
                element.data = base64.b64decode(body["InlineBinary"], validate=True)
            elif "BulkDataURI" in body:
                if body["BulkDataURI"] != f"bulk:{path}{name}":
                    raise ValueError(f"{path}{name}: {body['BulkDataURI']}")
                element.size = -1
            else:
                element.values = body.get("Value", [])
            elements[element.tag] = element
    return result


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("printer")
    arguments.add_argument("--corpus", required=True, type=pathlib.Path)
    arguments.add_argument("--show", type=int, default=40)
    arguments.add_argument("files", nargs="*")
    options = arguments.parse_args()
    manifest = options.corpus / "MANIFEST.tsv"
    if not manifest.exists():
        skip(f"no files in {options.corpus}")
    with open(manifest, encoding="utf-8") as lines:
        paths = [row["path"] for row in csv.DictReader(lines, delimiter="\t")]
    if options.files:
        paths = [path for path in paths if any(part in path for part in options.files)]
    try:
        dcmtk = oracles.read_archive(options.corpus / "oracle" / "dcm2json.tar.zst")
        pydicom = oracles.read_archive(options.corpus / "oracle" / "pydicom.tar.zst")
    except OSError as error:
        skip(str(error))
    command = [options.printer, *(options.corpus / path for path in paths)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    lines = done.stdout.decode("utf-8").splitlines()
    if len(lines) != len(paths):
        sys.exit(f"{len(lines)} documents of {len(paths)} files")
    allowed = Counter()
    with open(pathlib.Path(__file__).parent / "json_disagreements.tsv", encoding="utf-8") as rows:
        excuses = [row for row in csv.reader((r for r in rows if not r.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE)]
    found, elements, compared = 0, 0, 0
    for path, line in zip(paths, lines):
        document = strict(line)
        known = []
        if path + ".dcm2json.json" in dcmtk:
            known.append(("dcmtk", oracles.from_dcm2json(dcmtk[path + ".dcm2json.json"])))
        if path + ".pydicom.json" in pydicom:
            known.append(("pydicom", oracles.from_pydicom(pydicom[path + ".pydicom.json"])))
        known = [(who, elements) for who, elements in known if elements]
        if document is None or not known:
            continue
        compared += 1
        check = Check()
        check.data_set("", from_ours(document), known)
        elements += check.elements
        for finding in check.findings:
            excuse = next((e for e in excuses if e[0] in path and finding[0].startswith(e[1])), None)
            if excuse:
                allowed[tuple(excuse)] += 1
                continue
            found += 1
            if found <= options.show:
                print(path, *finding)
    unused = [] if options.files else [e for e in excuses if tuple(e) not in allowed]
    for excuse in unused:
        print("json_disagreements.tsv: no file needs", excuse)
    print(f"{compared} files, {elements} elements compared, {sum(allowed.values())} disagreements explained, {found} others")
    sys.exit(1 if found or unused or compared == 0 else 0)


if __name__ == "__main__":
    main()
