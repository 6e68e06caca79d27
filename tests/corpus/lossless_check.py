#!/usr/bin/env python3
"""What profile lossless says about values without a column must be true of the files' bytes.

    lossless_check.py PROGRAM --corpus FOLDER...

BulkData: the bytes at Offset have the SHA-256 that stands there. SourceSha256 and DicomOffset: of the file, as Python reads it.
Sequences deeper than a table has levels: the JSON in OtherElements is what dcm2json prints for the same items.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from exports import TABLE, skip

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
ITEM, DELIMITATION = 0xFFFEE000, 0xFFFEE0DD


def export(program, files):
    with tempfile.TemporaryDirectory() as warehouse:
        command = [program, "export", "-", "--warehouse", warehouse, "--bq-table", f"bq://{TABLE}", "--quiet", "--json"]
        command += ["--profile", "lossless", "--bulk-sha256", "--columns", "SourcePath,SourceSha256,DicomOffset"]
        paths = "".join(f"{path}\n" for path in files).encode()
        report = json.loads(subprocess.run(command, input=paths, stdout=subprocess.PIPE, timeout=300, check=False).stdout)
        counts = report["elements"]
        if counts["read"] != counts["placed"] + counts["other"] + sum(counts["dropped"].values()):
            raise ValueError(f"the account does not balance: {counts}")
        query = [program, "query", "--warehouse", warehouse, "--format", "json", f"SELECT * FROM `{TABLE}`"]
        return json.loads(subprocess.run(query, capture_output=True, timeout=300, check=True).stdout)


def fragments_end(data, offset, byte_order):
    """Behind the last fragment; None when the bytes are not as PS3.5 A.4 says."""
    while offset + 8 <= len(data):
        group, element, length = struct.unpack_from(byte_order + "HHI", data, offset)
        if group << 16 | element == DELIMITATION:
            return offset
        if group << 16 | element != ITEM:
            return None
        offset += 8 + length
    return None


def data_set_offset(data):
    """Behind the File Meta Information, by its group length (PS3.10 7.1); None without one, or when it is too short."""
    start = 128 if data[128:132] == b"DICM" else -4
    if data[start + 4 : start + 12] != b"\x02\x00\x00\x00UL\x04\x00":
        return None
    offset = start + 16 + struct.unpack_from("<I", data, start + 12)[0]
    return None if data[offset : offset + 2] == b"\x02\x00" else offset


def check_bulk(row, data, faults):
    if row.get("TransferSyntaxUID") == DEFLATED:
        return 0
    checked = 0
    byte_order = ">" if row.get("TransferSyntaxUID") == BIG_ENDIAN else "<"
    for item in row["BulkData"]:
        begin = int(item["Offset"])
        end = begin + int(item["Length"]) if item["Length"] is not None else fragments_end(data, begin, byte_order)
        whole = item["VR"] != "SQ" and end is not None and end <= len(data)
        expected = hashlib.sha256(data[begin:end]).hexdigest() if whole else None
        if item["Sha256"] != expected:
            faults.append(f"{row['SourcePath']}: {item}: its bytes have {expected}")
        checked += whole
    return checked


def records(level, documents):
    """Rows of OtherElements beside the data set of dcm2json that they belong to, at every level."""
    open_levels = [(level, documents)]
    while open_levels:
        record, document = open_levels.pop()
        for other in record.get("OtherElements") or []:
            yield other, document
        for tag, element in document.items():
            if element["vr"] != "SQ":
                continue
            names = [name for name in record if isinstance(record[name], list) and name in (KEYWORDS.get(tag), f"Tag_{tag}")]
            for name in names:
                open_levels += list(zip(record[name], element.get("Value", []), strict=True))


KEYWORDS = {"0040A730": "ContentSequence", "00081140": "ReferencedImageSequence"}


def check_deep(row, faults):
    printed = subprocess.run(["dcm2json", row["SourcePath"]], capture_output=True, timeout=60, check=True).stdout
    found = 0
    for other, document in records(row, json.loads(printed)):
        tag = other["Tag"].removeprefix("Tag_")
        if document.get(tag, {}).get("vr") != "SQ":
            continue
        found += 1
        ours = [json.loads(item) for item in other["Data"]]
        if ours != document[tag]["Value"]:
            faults.append(f"{row['SourcePath']}: {other} is {document[tag]['Value']} for dcm2json")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--corpus", nargs="+", required=True)
    arguments = parser.parse_args()
    folders = [pathlib.Path(folder) for folder in arguments.corpus]
    files = sorted(path.resolve() for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file())
    faults, hashes, offsets, deep = [], 0, 0, 0
    for row in export(arguments.program, files):
        data = pathlib.Path(row["SourcePath"]).read_bytes()
        if row["SourceSha256"] != hashlib.sha256(data).hexdigest():
            faults.append(f"{row['SourcePath']}: SourceSha256 is {row['SourceSha256']}")
        begin = data_set_offset(data)
        offsets += begin is not None
        if begin is not None and int(row["DicomOffset"]) != begin:
            faults.append(f"{row['SourcePath']}: DicomOffset is {row['DicomOffset']}, its group length says {begin}")
        hashes += check_bulk(row, data, faults)
        if row["SourcePath"].endswith("/too_deep.dcm") and shutil.which("dcm2json"):
            deep += check_deep(row, faults)
    print(f"{hashes} bulk values, {offsets} offsets, {deep} deep sequences")
    print("\n".join(faults))
    if not shutil.which("dcm2json"):
        skip("dcm2json is not there")
    return 1 if faults or hashes == 0 or deep == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
