#!/usr/bin/env python3
"""Damaged files must end in an account, never in a crash, a hang or a table that can't be read.

    damage_check.py PROGRAM --corpus FOLDER... [--long] [--seed N] [--keep FOLDER]

Each of some small files is cut at random lengths, and written again with random bytes changed. All variants of a file are
exported together; each has a SOP Instance UID of its own, so that each gets a row. --long: more files, more variants.
--keep: where to put the variants of an export that failed.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from exports import TABLE, skip

TIMEOUT_SECONDS = 60
MAX_FILE_BYTES = 64 << 10
SOP_INSTANCE_UID = (b"\x08\x00\x18\x00UI", b"\x00\x08\x00\x18UI")  # little, big endian; else implicit VR
LENGTHS = [0, 1, 2, 3, 127, 128, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


def with_number(data, number):
    """The bytes with the last digits of SOP Instance UID replaced, where it can be found."""
    at = next((data.find(start) for start in SOP_INSTANCE_UID if start in data), data.find(b"\x08\x00\x18\x00"))
    if at < 0 or at + 8 > len(data):
        return data
    length = max(data[at + 6 : at + 8]) if data[at + 4 : at + 6] == b"UI" else data[at + 4]
    uid = data[at + 8 : at + 8 + length].rstrip(b"\0 ")
    digits = b"%06d" % number
    if len(uid) < 12 or at + 8 + len(uid) > len(data):
        return data
    end = at + 8 + len(uid)
    return data[: end - 7] + b"1" + digits + data[end:]


def changed(data, chance):
    """Some bytes changed: single ones, or four that may be a length."""
    data = bytearray(data)
    first = chance.choice([0, 0, 128, max(0, len(data) // 2)])
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(min(first, len(data) - 1), len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.randrange(256)
        elif kind == 2:
            data[at : at + 4] = chance.choice(LENGTHS).to_bytes(4, "little")
        else:
            length = chance.randrange(1, 16)
            data[at : at + length] = data[at + length : at + 2 * length]
    return bytes(data)


def variants(data, cuts, changes, chance):
    lengths = range(len(data)) if len(data) <= cuts else sorted(chance.sample(range(len(data)), cuts))
    for number, length in enumerate(lengths):
        yield with_number(data, number)[:length]
    for number in range(changes):
        yield changed(with_number(data, cuts + number), chance)


def run(command):
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, "", f"more than {TIMEOUT_SECONDS} s"
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")[-500:]


def problem_of(program, folder, threads):
    """(what is wrong with an export of the folder, or an empty text; the rows of the table)"""
    with tempfile.TemporaryDirectory() as warehouse:
        code, out, error = run(
            [
                program,
                "export",
                str(folder),
                "--warehouse",
                warehouse,
                "--bq-table",
                f"bq://{TABLE}",
                "--quiet",
                "--json",
                "--threads",
                threads,
            ]
        )
        if code not in (0, 3):
            return f"export ended with {code}: {error}", 0
        report = json.loads(out)
        files = len(list(folder.iterdir()))
        failed = sum(report["failures"].values())
        if report["files"] != files or report["instances"] + report["duplicates"] + report["skipped"] + failed != files:
            return f"{files} files, but the report has {out!r}", 0
        if (code == 3) != (failed > 0):
            return f"export ended with {code} and {failed} failures", 0
        elements = report["elements"]
        if elements["read"] != elements["placed"] + elements["other"] + sum(elements["dropped"].values()):
            return f"the account does not balance: {elements}", 0
        code, out, error = run([program, "query", "--warehouse", warehouse, "--format", "json", f"SELECT * FROM `{TABLE}`"])
        if code != 0:
            return f"query ended with {code}: {error}", 0
        rows = len(json.loads(out))
        if rows != report["instances"]:
            return f"{report['instances']} instances, but {rows} rows", 0
        return "", rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--corpus", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    began = time.monotonic()
    found = sorted(
        path
        for corpus in options.corpus
        if corpus.is_dir()
        for path in corpus.rglob("*")
        if path.is_file() and path.suffix not in (".tsv", ".zst", ".md") and path.stat().st_size <= MAX_FILE_BYTES
    )
    if not found:
        skip(f"there are no files at {', '.join(map(str, options.corpus))}")
    files = chance.sample(found, min(len(found), 120 if options.long else 24))
    cuts, changes = (200, 200) if options.long else (40, 40)
    total, all_rows, failures = 0, 0, 0
    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            for number, data in enumerate(variants(path.read_bytes(), cuts, changes, chance)):
                pathlib.Path(folder, f"{number:06}.dcm").write_bytes(data)
                total += 1
            problem, rows = problem_of(options.program, pathlib.Path(folder), str(chance.choice([1, 2])))
            all_rows += rows
            if problem:
                failures += 1
                print(f"{path}: {problem}")
                if options.keep:
                    shutil.copytree(folder, options.keep / f"{options.seed}_{path.name}", dirs_exist_ok=True)
    print(
        f"seed {options.seed}: {total} variants of {len(files)} files became {all_rows} rows "
        f"in {time.monotonic() - began:.0f} s: {failures} failures"
    )
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
