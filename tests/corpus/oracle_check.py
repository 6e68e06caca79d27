#!/usr/bin/env python3
"""Every element that another reader sees in a file must be in the table with an equal value, or in the account with a
reason, or in the list of disagreements with the clause of the standard; and nothing else may be in the table.

    oracle_check.py PROGRAM --corpus FOLDER [--engines FOLDER] [--show N] [FILE...]

FOLDER: files named by its MANIFEST.tsv, with oracle/dcm2json.tar.zst and oracle/pydicom.tar.zst; or any folder of files,
which dcm2json then reads now. See README.md.
"""

import argparse
import base64
import csv
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections import Counter

import oracles
import rules
from exports import Exporter, skip
from rules import BULK_VRS, Invalid

HERE = pathlib.Path(__file__).resolve().parent
MAX_COLUMN_DEPTH = 15
RECORDS_OF_A_NAME = 2
MAX_VALUE_BYTES = 1 << 20
KEPT_BINARY_BYTES = 1024  # of a private binary value


def short(value, limit=100):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def matches(text, pattern):
    """Only * is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) is not None


class Exceptions:
    """Lines of disagreements.tsv or open_bugs.tsv: patterns of file, tag path without item numbers, oracle, their value, ours."""

    def __init__(self, path):
        self.lines = []
        with open(path, encoding="utf-8") as lines:
            for row in csv.reader((line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE):
                if row[0] != "file":
                    if len(row) != 6:
                        raise ValueError(f"{path}: six columns are needed: {row}")
                    self.lines.append(row)
        self.used = Counter()

    def covers(self, file, path, oracle, theirs, ours):
        plain = re.sub(r"\[\d+\]", "", path)
        for number, (files, paths, who, their_value, our_value, _) in enumerate(self.lines):
            if who in ("any", oracle) and all(map(matches, (plain, file, theirs, ours), (paths, files, their_value, our_value))):
                self.used[number] += 1
                return True
        return False

    def unused(self, own):
        """own: of lines about this folder's files, else of all the others."""
        return [line for number, line in enumerate(self.lines) if not self.used[number] and line[0].startswith("files/") == own]

    def print_used(self, title):
        for number, count in sorted(self.used.items()):
            print(f"{title}, {count} times: {self.lines[number][5]}")


class Level:
    """A data set of an oracle beside the record that should hold it."""

    def __init__(self, elements, record, parent=None, prefix="", names=""):
        self.elements, self.record, self.prefix, self.names = elements, record, prefix, names
        self.depth = parent.depth + 1 if parent else 0
        self.utc_offset = parent.utc_offset if parent else 0
        self.codec = parent.codec if parent else "ascii"
        offset = self._first(0x00080201)
        if offset is not None and rules.utc_offset(offset) is not None:
            self.utc_offset = rules.utc_offset(offset)
        character_set = elements.get(0x00080005)
        if character_set and character_set.values:
            self.codec = rules.CODECS.get(character_set.values[0] or "", "") if len(character_set.values) == 1 else "ascii"

    def _first(self, tag):
        element = self.elements.get(tag)
        if element and element.data is not None:
            return element.data.decode("latin-1")
        return element.values[0] if element and element.values and isinstance(element.values[0], str) else None

    def creator(self, tag):
        return (self._first((tag & 0xFFFF0000) | (tag >> 8 & 0xFF)) or "").strip(" \0")


class FileCheck:
    """One file: its row and account against the oracles."""

    def __init__(self, dictionary, name, row, account, cut, disagreements, open_bugs):
        self.dictionary, self.name, self.row = dictionary, name, row
        self.exceptions = {"disagreement": disagreements, "open bug": open_bugs}
        self.cut_in_pixels = cut == "pixels"
        self.truncated = bool(cut)
        self.account = {}
        for line in account:
            self.account.setdefault(line["TagPath"] or "", []).append(line)
        self.dropped_names = {item["TagName"] for item in (row or {}).get("DroppedTags") or []}
        self.seen = set()  # (id of the record, column or tag)
        self.explained = set()  # paths of the account
        self.counts = Counter()
        self.mismatches = []

    # -- outcomes

    def mismatch(self, oracle, path, theirs, ours, what):
        theirs, ours = short(theirs), short(ours)
        for outcome, exceptions in self.exceptions.items():
            if exceptions.covers(self.name, path, oracle, theirs, ours):
                self.counts[oracle, outcome] += 1
                return
        self.counts[oracle, "mismatch"] += 1
        self.mismatches.append((self.name, path, oracle, theirs, ours, what))

    def reasons(self, path):
        return {line["Reason"] for line in self.account.get(path, [])}

    # -- elements

    def check(self, oracle, elements):
        self.oracle = oracle
        self.level(Level(elements, self.row))

    def level(self, level):
        for element in level.elements.values():
            self.element(level, element)

    def element(self, level, element):
        tag, path = element.tag, f"{level.prefix}{element.tag >> 16:04X},{element.tag & 0xFFFF:04X}"
        if self.reasons(path) & {"REPLACED_BYTES", "DUPLICATE_TAG", "STRUCTURE"}:
            self.explained.add(path)  # what the table then holds is compared all the same
        if tag & 0xFFFF == 0:
            self.counts[self.oracle, "group length"] += 1
            if tag == 0x00020000:
                self.seen.add((id(level.record), "FileMetaInformationGroupLength"))
            return
        private = tag >> 16 & 1
        entry = None if private else self.dictionary.find(tag)
        if element.items is None and element.data and element.vr == "UN" and element.data.startswith(rules.ITEM_START):
            element.items = rules.items_from_bytes(element.data, self.dictionary)
        if (
            entry
            and entry.kind == "sequence"
            and element.items is None
            and not element.presence_only
            and not element.values
            and not element.data
        ):
            element.items = []  # written without a VR, and empty
        if element.items is not None:
            outcome = self.sequence(level, element, path, entry)
        elif entry and (entry.kind == rules.BULK_ONLY or (element.vr in BULK_VRS and element.vr in entry.vrs)):
            outcome = self.bulk(level, element, path, entry.keyword)
        elif entry and entry.kind != "sequence":
            outcome = self.column(level, element, path, entry)
        else:
            outcome = self.other(level, element, path)
        if outcome:
            self.counts[self.oracle, outcome] += 1

    def sequence(self, level, element, path, entry):
        name = entry.keyword if entry and entry.kind == "sequence" else f"Tag_{element.tag:08X}"
        records = level.record.get(name) or []
        self.seen.add((id(level.record), name))
        if level.depth + 1 > MAX_COLUMN_DEPTH - RECORDS_OF_A_NAME:
            self.too_deep(element, path, level.names + name)
            return None
        if len(records) != len(element.items):
            self.mismatch(self.oracle, path, f"{len(element.items)} items", f"{len(records)} items", "items of a sequence")
        for index, (item, record) in enumerate(zip(element.items, records)):
            self.level(Level(item, record, level, f"{path}[{index}].", f"{level.names}{name}."))
        return "equal" if len(records) == len(element.items) else None

    def too_deep(self, element, path, name):
        """Below the deepest RECORD: each element is in the account, and DroppedTags names the sequence."""
        self.explained.add(path)
        if "TOO_DEEP" in self.reasons(path) and name in self.dropped_names:
            self.counts[self.oracle, "account TOO_DEEP"] += 1
        else:
            self.mismatch(
                self.oracle,
                path,
                "an element below the deepest level",
                sorted(self.reasons(path)) or "nothing",
                "TOO_DEEP expected",
            )
        for index, item in enumerate(element.items or []):
            for inner in item.values():
                tag = f"{inner.tag >> 16:04X},{inner.tag & 0xFFFF:04X}"
                entry = self.dictionary.find(inner.tag)
                self.too_deep(inner, f"{path}[{index}].{tag}", f"{name}.{entry.keyword if entry else f'Tag_{inner.tag:08X}'}")

    def bulk(self, level, element, path, name):
        reasons = self.reasons(path) & {"BULK_VR", "TRUNCATED"}
        self.explained.add(path)
        if not reasons:
            self.mismatch(
                self.oracle,
                path,
                f"{element.vr} bulk",
                f"account {sorted(self.reasons(path))}",
                "a dropped value without a line in the account",
            )
            return None
        if level.names + name not in self.dropped_names:
            self.mismatch(
                self.oracle, path, f"{element.vr} bulk", "not in DroppedTags", "a dropped value that DroppedTags does not name"
            )
            return None
        return "account " + ("BULK_VR" if "BULK_VR" in reasons else "TRUNCATED")

    def column(self, level, element, path, entry):
        record = level.record
        have = record.get(entry.keyword)
        if entry.repeating:
            group = f"{element.tag >> 16:04X}"
            have = next((item["Value"] for item in have or [] if item["Id"] == group), None)
            self.seen.add((id(record), entry.keyword, group))
        else:
            self.seen.add((id(record), entry.keyword))
        have = [] if have is None else have if isinstance(have, list) else [have]
        if element.presence_only:
            if have or path in self.account:
                self.explained.add(path)
                return "there, value not shown"
            self.mismatch(self.oracle, path, "a value", "none", "an element that is not there")
            return None
        if element.size is not None:
            return self.left_out(level, element, path, entry.keyword, have)
        values = element.values
        if element.data is not None:
            values = rules.from_bytes(entry.vr, element.data, level.codec)
            if values is None:
                return self.replaced_by_other(level, element, path, have)
        try:
            wanted = self.wanted(entry, element, values, level)
        except Invalid:
            return self.replaced_by_other(level, element, path, have, "INVALID_VALUE")
        if entry.single and len(wanted) > 1:
            if entry.kind != "text":
                return self.replaced_by_other(level, element, path, have, "MULTIPLICITY")
            wanted = ["\\".join(str(value) for value in wanted)]
        if self.same(entry, have, wanted):
            if not wanted and "VR_CLASH" in self.reasons(path):  # without a value, but OtherElements names it
                self.explained.add(path)
                self.seen.add((id(record), "OtherElements", f"Tag_{element.tag:08X}"))
            return "equal"
        if {"VR_CLASH", "INVALID_VALUE", "MULTIPLICITY"} & self.reasons(path) and not have and element.vr not in ("UN", entry.vr):
            return self.replaced_by_other(level, element, path, have)
        return self.not_equal(path, wanted, have)

    def wanted(self, entry, element, values, level):
        """What the column must hold."""
        vr = entry.vr
        if entry.kind == "name":
            names = [
                value if isinstance(value, dict) else {"Alphabetic": "" if value is None else str(value)} for value in values
            ]
            return self.without_empty_names([rules.name_parts(name) for name in names])
        values = [rules.trim(vr, value) if isinstance(value, str) else "" if value is None else value for value in values]
        if all(value == "" for value in values) and len(values) < 2:
            return []
        if entry.kind == "text":
            return values
        if entry.kind == "date":
            return [rules.date(str(value)) for value in values]
        if entry.kind == "time":
            return [rules.time(str(value)) for value in values]
        if entry.kind == "timestamp":
            return [rules.timestamp(str(value), level.utc_offset) for value in values]
        if vr == "AT" and element.vr in ("AT", "UN"):
            return [int(value, 16) for value in values]
        if entry.kind == "integer":
            numbers = [rules.number(value) for value in values]
            if any(value != int(value) or not -(2**63) <= value < 2**63 for value in numbers):
                raise Invalid
            return [int(value) for value in numbers]
        return [float(rules.number(value)) for value in values]

    @staticmethod
    def without_empty_names(names):
        """A single name of nothing but delimiters is no name."""
        return names if any(names) or len(names) > 1 else []

    def same(self, entry, have, wanted):
        if entry.kind == "name":
            return self.without_empty_names([rules.table_name_parts(name or {}) for name in have]) == wanted
        if len(have) != len(wanted):
            return False
        compare = {
            "text": lambda ours, theirs: rules.same_text(ours or "", theirs),
            "date": lambda ours, theirs: ours == theirs,
            "time": lambda ours, theirs: rules.table_time(ours) == theirs,
            "timestamp": lambda ours, theirs: rules.table_timestamp(ours) == theirs,
            "integer": lambda ours, theirs: int(ours) == theirs,
            "float": lambda ours, theirs: rules.same_number(ours, theirs, entry.vr),
        }[entry.kind]
        return all(ours is not None and compare(ours, theirs) for ours, theirs in zip(have, wanted))

    def not_equal(self, path, wanted, have):
        reasons = self.reasons(path)
        if "REPLACED_BYTES" in reasons and "".join(filter(str.isascii, repr(have))) == "".join(filter(str.isascii, repr(wanted))):
            self.explained.add(path)
            return "account REPLACED_BYTES"
        if "TRUNCATED" in reasons and self.truncated and not have:
            self.explained.add(path)
            return "account TRUNCATED"
        if "DUPLICATE_TAG" in reasons:
            self.explained.add(path)
            return "account DUPLICATE_TAG"
        self.mismatch(self.oracle, path, wanted, have or sorted(reasons) or "nothing", "another value")
        return None

    def left_out(self, level, element, path, name, have):
        """A value that the oracle's document only gives the length of."""
        reasons = self.reasons(path)
        self.explained.add(path)
        if have:
            return "there, value not shown"
        if element.size > MAX_VALUE_BYTES and "TOO_LARGE" in reasons or element.vr in BULK_VRS and "BULK_VR" in reasons:
            if level.names + name not in self.dropped_names:
                self.mismatch(
                    self.oracle,
                    path,
                    f"{element.vr} of {element.size} bytes",
                    "not in DroppedTags",
                    "a dropped value that DroppedTags does not name",
                )
                return None
            return "account " + ("TOO_LARGE" if "TOO_LARGE" in reasons else "BULK_VR")
        if reasons & {"TRUNCATED"} and self.truncated:
            return "account TRUNCATED"
        self.mismatch(
            self.oracle,
            path,
            f"{element.vr} of {element.size} bytes",
            sorted(reasons) or "nothing",
            "an element that is not there",
        )
        return None

    def replaced_by_other(self, level, element, path, have, reason=None):
        """NULL in the column, the text in OtherElements, and a line in the account."""
        wanted = [reason] if reason else ["VR_CLASH", "INVALID_VALUE", "MULTIPLICITY"]
        found = self.reasons(path) & set(wanted)
        self.explained.add(path)
        if have or not found:
            self.mismatch(
                self.oracle,
                path,
                self.text_of(element),
                have or sorted(self.reasons(path)) or "nothing",
                f"{' or '.join(wanted)} expected",
            )
            return None
        if self.other(level, element, path):
            return "account " + found.pop()
        return None

    def text_of(self, element):
        if element.data is not None:
            return element.data
        return [rules.name_text(value) if isinstance(value, dict) else value for value in element.values]

    def other(self, level, element, path):
        """OtherElements of the level."""
        name = f"Tag_{element.tag:08X}"
        rows = [row for row in level.record.get("OtherElements") or [] if row["Tag"] == name]
        self.seen.add((id(level.record), "OtherElements", name))
        if not rows:
            return self.left_out_of_other(level, element, path, name)
        data = [text or "" for text in rows[0]["Data"] or []]
        if element.presence_only or element.size is not None:
            return "there, value not shown"
        if any(self.same_other(data, vr, values, element.data) for vr, values in self.readings(level, element, data)):
            return "equal in OtherElements"
        self.mismatch(
            self.oracle,
            path,
            [element.vr] + list(self.text_of(element)) if element.data is None else element.data,
            data,
            "another value in OtherElements",
        )
        return None

    def readings(self, level, element, data):
        """(VR, values) as which the element's value may be read."""
        if element.data is None:
            yield element.vr, element.values
            return
        yield element.vr, None
        if element.vr == "UN":  # others know the private VR, or the reader does not know a newer public one
            entry = self.dictionary.find(element.tag)
            known = (
                self.dictionary.private_vr(level.creator(element.tag), element.tag)
                if element.tag >> 16 & 1
                else entry and entry.vr
            )
            if element.tag >> 16 & 1 and 0x10 <= element.tag & 0xFFFF <= 0xFF:
                known = "LO"
            if known:
                yield known, rules.from_bytes(known, element.data, level.codec)

    def same_other(self, ours, vr, values, data):
        if len(ours) == 1 and ours[0].startswith("base64:"):
            raw = base64.b64decode(ours[0][7:])
            if data is not None:
                return raw == data or (len(raw) & 1 and raw + b"\0" == data)  # DCMTK makes lengths even
            values_of_raw = rules.from_bytes(vr, raw)
            return values_of_raw is not None and self.same_values(values_of_raw, vr, values)
        if values is None:
            return data == b"" and not ours
        return self.same_values(ours, vr, values)

    def same_values(self, ours, vr, values):
        if vr == "PN":

            def parts(name):
                return rules.name_parts(name if isinstance(name, dict) else dict(zip(rules.NAME_GROUPS, (name or "").split("="))))

            return list(map(parts, ours)) == list(map(parts, values))
        values = ["" if value is None else rules.trim(vr, value) if isinstance(value, str) else value for value in values]
        if not any(value != "" for value in values) and not any(ours) and len(values) < 2:
            return True
        if len(ours) != len(values):
            return False
        if vr in ("FL", "FD", "US", "SS", "UL", "SL", "SV", "UV"):
            return all(rules.same_number(a, b, vr) for a, b in zip(ours, values))
        return all(rules.same_text(a, b) for a, b in zip(ours, values))

    def left_out_of_other(self, level, element, path, name):
        reasons = self.reasons(path)
        self.explained.add(path)
        if (element.presence_only or element.size is not None) and level.record.get(name):
            self.seen.add((id(level.record), name))
            return "there, value not shown"  # a sequence, which the oracle does not know
        size = element.size if element.size is not None else len(element.data or b"")
        if "BULK_VR" in reasons and element.vr in BULK_VRS and (size > KEPT_BINARY_BYTES or element.presence_only):
            if (
                level.names + name in self.dropped_names
                or level.names + (getattr(self.dictionary.find(element.tag), "keyword", name)) in self.dropped_names
            ):
                return "account BULK_VR"
        if "TRUNCATED" in reasons and self.truncated:
            return "account TRUNCATED"
        if "DUPLICATE_TAG" in reasons:
            return "account DUPLICATE_TAG"
        self.mismatch(
            self.oracle,
            path,
            self.text_of(element) if element.size is None else f"{element.vr} of {size} bytes",
            sorted(reasons) or "nothing",
            "an element that is not there",
        )
        return None

    # -- what no oracle has

    def check_dropped_names(self):
        """DroppedTags names what the account says is dropped, no less and no more."""
        wanted, allowed = set(), set()
        for path, lines in self.account.items():
            reasons = {line["Reason"] for line in lines}
            names = []
            for tag in re.findall(r"([0-9A-F]{4}),([0-9A-F]{4})", path):
                number = int("".join(tag), 16)
                entry = None if number >> 16 & 1 else self.dictionary.find(number)
                names.append(entry.keyword if entry else f"Tag_{number:08X}")
            if reasons & {"BULK_VR", "TOO_LARGE", "TOO_DEEP", "DUPLICATE_TAG"}:
                wanted.add(".".join(names))
            elif "TRUNCATED" in reasons:
                allowed.add(".".join(names))
        if wanted - self.dropped_names or self.dropped_names - wanted - allowed:
            self.mismatch("none", "", sorted(wanted), sorted(self.dropped_names), "DroppedTags, against the account")

    def check_extra(self):
        self.check_dropped_names()
        self._extra(self.row, "", top=True)
        if self.cut_in_pixels:
            # Neither reader shows the element in which the file was cut: the account must.
            self.explained.update(path for path in self.account if path.startswith("7FE0,"))
            if not any("TRUNCATED" in self.reasons(path) for path in self.account):
                self.mismatch("none", "", "a cut file", "no TRUNCATED in the account", "the file ends in a value")
        for path, lines in self.account.items():
            if path not in self.explained:
                for line in lines:
                    self.mismatch(
                        "none",
                        path,
                        "nothing",
                        f"{line['Reason']}: {line['Excerpt']}",
                        "a line of the account that no oracle explains",
                    )

    def _extra(self, record, where, top=False):
        for column, value in record.items():
            if value in (None, []) or (top and column in ("SourcePath", "DroppedTags")):
                continue
            if column == "OtherElements":
                for row in value:
                    if (id(record), column, row["Tag"]) not in self.seen:
                        self.mismatch(
                            "none", where + row["Tag"], "nothing", row["Data"], "in OtherElements, but no oracle has it"
                        )
            elif isinstance(value, list) and isinstance(value[0], dict) and set(value[0]) == {"Id", "Value"}:
                for row in value:
                    if (id(record), column, row["Id"]) not in self.seen:
                        self.mismatch(
                            "none", f"{where}{column}({row['Id']})", "nothing", row["Value"], "in the table, but no oracle has it"
                        )
            elif (id(record), column) not in self.seen:
                self.mismatch("none", where + column, "nothing", value, "in the table, but no oracle has it")
            elif isinstance(value, list) and isinstance(value[0], dict) and not set(value[0]) & set(rules.NAME_GROUPS):
                for index, item in enumerate(value):
                    self._extra(item, f"{where}{column}[{index}].")


def uid_of(sets):
    """SOP Instance UID, or that of the File Meta Information, as the first reader says that has one."""
    for tag in (0x00080018, 0x00020003):
        for elements in sets.values():
            element = (elements or {}).get(tag)
            if element and element.values and isinstance(element.values[0], str):
                return element.values[0].strip(" \0")
    return None


def read_corpus(folder):
    """(name, how the file is cut, data sets by oracle) of each file."""
    with open(folder / "MANIFEST.tsv", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not shutil.which("zstd"):
        skip("zstd is not installed")
    dcmtk = oracles.read_archive(folder / "oracle" / "dcm2json.tar.zst")
    pydicom = oracles.read_archive(folder / "oracle" / "pydicom.tar.zst")
    for row in rows:
        name = row["path"]
        sets = {
            "dcmtk": oracles.from_dcm2json(dcmtk[name + ".dcm2json.json"]),
            "pydicom": oracles.from_pydicom(pydicom[name + ".pydicom.json"]),
        }
        cut = "pixels" if row["truncated"] == "yes" else "perhaps" if '"error"' in dcmtk[name + ".dcm2json.json"][:20] else ""
        yield name, cut, sets


def read_folder(folder):
    """The same of a folder without oracles: DCMTK reads the files now."""
    if not shutil.which("dcm2json"):
        skip("DCMTK's dcm2json is not installed")
    for path in sorted(folder.rglob("*.dcm")):
        done = subprocess.run(["dcm2json", "-q", "-fc", "+m", str(path)], capture_output=True, timeout=60, check=False)
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0 or not text:
            raise ValueError(f"dcm2json can't read {path}: {done.stderr.decode('utf-8', 'replace')}")
        elements = oracles.from_dcm2json(text)
        if elements is None:
            raise ValueError(f"{path}: dcm2json's output is no JSON")
        yield str(path.relative_to(folder.parent)), "", {"dcmtk": elements}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--engines", help="folder of tests/engines/setup.sh: PyIceberg reads the tables")
    parser.add_argument("--show", type=int, default=60, help="mismatches to print")
    parser.add_argument("files", nargs="*", help="patterns of names, to check only some")
    options = parser.parse_args()
    if not options.corpus.is_dir():
        skip(f"there is no corpus at {options.corpus}")
    if options.engines and not pathlib.Path(options.engines, "venv").is_dir():
        options.engines = os.environ.get("ENGINES_FOLDER") or skip(f"tests/engines/setup.sh has not made {options.engines}")
    began = time.monotonic()
    whole = (options.corpus / "MANIFEST.tsv").exists()
    corpus = list(read_corpus(options.corpus) if whole else read_folder(options.corpus))
    if options.files:
        corpus = [item for item in corpus if any(fnmatch.fnmatchcase(item[0], pattern) for pattern in options.files)]
    folder = options.corpus.resolve() if whole else options.corpus.resolve().parent
    exporter = Exporter(options.program, options.engines)
    rows, account = exporter.export({folder / name: uid_of(sets) for name, _, sets in corpus})
    dictionary, disagreements, open_bugs = (
        rules.Dictionary(),
        Exceptions(HERE / "disagreements.tsv"),
        Exceptions(HERE / "open_bugs.tsv"),
    )
    counts, mismatches = Counter(), []
    for name, cut, sets in corpus:
        path = str(folder / name)
        check = FileCheck(dictionary, name, rows.get(path), account.get(path, []), cut, disagreements, open_bugs)
        if check.row is None:
            if not any(line["Reason"] == "FILE" for line in account.get(path, [])):
                for oracle, elements in sets.items():
                    check.mismatch(
                        oracle, "", f"{len(elements or {})} elements", "neither a row nor a line of the account", "the whole file"
                    )
        else:
            for oracle, elements in sets.items():
                if elements is not None:
                    check.check(oracle, elements)
            check.check_extra()
        counts += check.counts
        mismatches += check.mismatches
    together_rows, together_account = exporter.export_once([folder / name for name, _, _ in corpus])
    for name, cut, _ in corpus:
        path = str(folder / name)
        lines = together_account.get(path, [])
        if path in rows and path not in together_rows and not any(line["Reason"] == "DUPLICATE_INSTANCE" for line in lines):
            check = FileCheck(dictionary, name, None, [], cut, disagreements, open_bugs)
            check.mismatch(
                "none", "", "one file of many", "neither a row nor a line of the account", "exported together with the others"
            )
            counts += check.counts
            mismatches += check.mismatches
    report(counts, mismatches, options.show)
    disagreements.print_used("disagreement")
    open_bugs.print_used("OPEN BUG")
    unused = [] if options.files else disagreements.unused(not whole) + open_bugs.unused(not whole)
    for line in unused:
        print("a line that no file needs any more: " + " | ".join(line))
    print(f"{len(corpus)} files in {time.monotonic() - began:.0f} s: {len(mismatches)} mismatches")
    sys.exit(1 if mismatches or unused else 0)


def report(counts, mismatches, show):
    for name, path, oracle, theirs, ours, what in mismatches[:show]:
        print(f"{name}\n  {path}  {what}\n    {oracle}: {theirs}\n    table: {ours}")
    if len(mismatches) > show:
        print(f"and {len(mismatches) - show} more")
    outcomes = sorted({outcome for _, outcome in counts})
    names = sorted({oracle for oracle, _ in counts} - {"none"}) + ["none"]
    print(f"{'elements':28}" + "".join(f"{name:>10}" for name in names))
    for outcome in outcomes:
        print(f"{outcome:28}" + "".join(f"{counts[name, outcome]:10}" for name in names))
    print(f"{'all':28}" + "".join(f"{sum(counts[name, outcome] for outcome in outcomes):10}" for name in names))


if __name__ == "__main__":
    main()
