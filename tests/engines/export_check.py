#!/usr/bin/env python3
"""Tables of real exports, read by icebird, by PyIceberg and by the program itself, to the same rows.

    export_check.py DICOMHOUSE MAKE_DICOM SCRATCH_FOLDER --engines FOLDER [--corpus FOLDER]

FOLDER of the engines: what setup.sh made. The corpus: any folder of DICOM files; left out where it is not there. Exit codes:
0 all rows are the same, 1 they differ, 77 the engines are not there.

Each table is read as a whole; rows are compared as multisets, since readers owe no order. What a form can't say does not
count: icebird keeps milliseconds of timestamps, and JSON answers of the program say an absent list as an empty one. Then
pyarrow reads every Parquet file of the tables (check_parts.py).
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
EPOCH = datetime.datetime(1970, 1, 1)
COPIES = 3
TRIES = 5
CORPUS_STEP = 3  # every third file: readers take long for thousands of columns


# ---- values: the three readers' forms of one made equal, by its Iceberg type


def micros(text):
    """Microseconds since 1970 of "2024-02-29 12:00:00.5 UTC" and of "2024-02-29T12:00:00.500000Z"."""
    text = text.removesuffix(" UTC").removesuffix("Z").replace("T", " ")
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    return (datetime.datetime.strptime(text, form) - EPOCH) // datetime.timedelta(microseconds=1)


def scalar(value, kind, coarse):
    if kind in ("timestamp", "timestamptz"):
        whole = micros(value)
        return int(whole / 1000) if coarse else whole
    if kind in ("float", "double"):
        return repr(float(value) + 0.0)
    if kind == "time":
        return value if "." in value else value + ".000000"
    if kind == "boolean":
        return str(value).lower()
    return value


def same_form(value, kind, coarse):
    if isinstance(kind, str):
        return None if value is None else scalar(value, kind, coarse)
    if kind["type"] == "list":
        return [same_form(item, kind["element"], coarse) for item in value or []]
    if value is None:
        return None
    names = {field["name"] for field in kind["fields"]}
    if set(value) != names:
        raise ValueError(f"fields {sorted(set(value) ^ names)} are in the row or the schema only")
    return {field["name"]: same_form(value[field["name"]], field["type"], coarse) for field in kind["fields"]}


def form_of(row, schema, coarse):
    return json.dumps(same_form(row, schema, coarse), sort_keys=True, ensure_ascii=False)


# ---- differences


def first_difference(one, other, path=""):
    """The place of the first difference and both values, or None."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(set(one) | set(other)):
            found = first_difference(one.get(name), other.get(name), f"{path}.{name}" if path else name)
            if found:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (mine, theirs) in enumerate(zip(one, other)):
            found = first_difference(mine, theirs, f"{path}[{number}]")
            if found:
                return found
        return None
    return None if one == other else (path, one, other)


def short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "..."


def explain(table, names, rows):
    """Says how the rows of two readers differ: by number, then the first row, with the other's row that is most like it."""
    mine, theirs = (Counter(one) for one in rows)
    lines = [f"{table}: {names[0]} reads {len(rows[0])} rows, {names[1]} {len(rows[1])}"]
    for only, others, name in ((mine - theirs, theirs - mine, names[0]), (theirs - mine, mine - theirs, names[1])):
        if not only:
            continue
        text = min(only)
        row = json.loads(text)
        lines.append(f"  {sum(only.values())} rows that only {name} reads; the first is of {row.get('SourcePath')}")
        if not others:
            lines.append(f"  {short(row)}")
            continue
        alike = max(map(json.loads, others), key=lambda other: sum(other.get(key) == value for key, value in row.items()))
        path, one, other = first_difference(row, alike)
        lines.append(f"  column {path}: {short(one)} in it, {short(other)} in the most similar row of the other")
        break
    return "\n".join(lines)


# ---- readers


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(str(word) for word in command)[:300]}\nended with {done.returncode}: "
                 f"{done.stdout.decode()[-1000:]}{done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


def start_reader(engines, script, folders):
    command = ["node"] if script.endswith(".mjs") else [os.path.join(engines, "venv", "bin", "python")]
    command += [str(HERE / script), *map(str, folders)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "ENGINES_FOLDER": str(engines)})


def finish_reader(process, script, count):
    output = process.communicate()[0].decode()
    if process.returncode != 0:
        sys.exit(f"{script} ended with {process.returncode}")
    tables = [[]]
    for line in output.split("\n")[:-1]:
        if line:
            tables[-1].append(json.loads(line))
        else:
            tables.append([])
    if len(tables) != count:
        sys.exit(f"{script}: rows of {len(tables)} tables, expected {count}")
    return tables


def newest_metadata(folder):
    version = (folder / "metadata" / "version-hint.text").read_text().strip()
    return json.loads((folder / "metadata" / f"v{version}.metadata.json").read_text())


def schema_of(metadata):
    return next(one for one in metadata["schemas"] if one["schema-id"] == metadata["current-schema-id"])


def summary_of(metadata):
    return next(one for one in metadata["snapshots"] if one["snapshot-id"] == metadata["current-snapshot-id"])["summary"]


def count_fields(kind):
    if isinstance(kind, str):
        return 0
    if kind["type"] == "list":
        return count_fields(kind["element"])
    return sum(1 + count_fields(field["type"]) for field in kind["fields"])


# ---- the tables


class Check:
    def __init__(self, program, make_dicom, scratch):
        self.program, self.make_dicom, self.scratch = program, make_dicom, scratch
        self.warehouse = scratch / "warehouse"
        self.folder = self.warehouse / "local" / "dicom"
        self.tables = []

    def make(self, *words):
        """An archive by make_dicom; the folder or file is the second word."""
        kind, name, *rest = words
        path = self.scratch / "archives" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        run([self.make_dicom, kind, path, *rest])
        return path

    def export(self, table, *words, **options):
        run([self.program, "export", "--warehouse", self.warehouse, "--bq-table", table, "--quiet", *words], **options)
        if table not in self.tables:
            self.tables += [table, table + "_account"]

    def fields(self, table):
        schema = schema_of(newest_metadata(self.folder / table))
        return len(schema["fields"]), count_fields(schema)

    def widen(self, table, path):
        """Appends an archive that has columns and nested fields of its own."""
        before = self.fields(table)
        self.export(table, path, "--write-disposition", "write-append")
        after = self.fields(table)
        if after[0] <= before[0] or after[1] - after[0] <= before[1] - before[0]:
            sys.exit(f"{table}: {path.name} should have added columns and nested fields: {before}, then {after}")

    def export_copies(self, table, archive):
        """Several copies of each file, listed in random order: a file listed earlier takes the row of a later one that
        another thread has read before, so rows are removed by position deletes. Threads take 256 paths at a time."""
        copies = []
        for number in range(COPIES):
            copy = self.scratch / "archives" / f"copy{number}"
            shutil.copytree(archive, copy, dirs_exist_ok=True)
            copies += [path for path in sorted(copy.rglob("*")) if path.is_file()]
        for seed in range(TRIES):
            random.Random(seed).shuffle(copies)
            paths = "".join(f"{path}\n" for path in copies)
            self.export(table, "-", "--threads", "2", "--write-disposition", "write-truncate", input=paths.encode())
            removed = int(summary_of(newest_metadata(self.folder / table)).get("total-position-deletes", 0))
            if removed > 0:
                print(f"{table}: {removed} rows removed by position deletes")
                return
        sys.exit(f"{table}: {TRIES} exports of copies removed no row")

    def make_tables(self, corpus):
        hospital = self.make("hospital", "hospital")
        small = self.make("hospital", "small", "--instances", "60", "--seed", "7")
        columns = self.make("columns", "columns", "--columns", "300")
        report = self.make("sr", "sr.dcm", "--items", "50")
        enhanced = self.make("enhanced", "enhanced.dcm", "--frames", "40")
        extra = ("--columns", "SourcePath,SourceSize,SourceModified")
        self.export("hospital", hospital)
        self.export("replaced", columns)
        self.export("replaced", small, "--write-disposition", "write-truncate")
        self.export("widened", report)
        self.widen("widened", enhanced)
        self.widen("widened", columns)
        self.widen("widened", small)
        self.export_copies("copies", self.make("hospital", "to_copy", "--instances", "300", "--seed", "8"))
        self.export("copies", columns, "--write-disposition", "write-append")
        self.export("lossless", hospital, "--profile", "lossless", *extra)
        if corpus is not None and corpus.is_dir():
            files = sorted(path for path in corpus.rglob("*") if path.is_file())[::CORPUS_STEP]
            paths = "".join(f"{path}\n" for path in files).encode()
            self.export("corpus", "-", *extra, input=paths)
            self.export("corpus_lossless", "-", "--profile", "lossless", input=paths)
        else:
            print("left out: there is no corpus")

    def query(self, table):
        answer = run([self.program, "query", "--warehouse", self.warehouse, "--format", "json", f"SELECT * FROM {table}"])
        return json.loads(answer)

    def compare(self, engines):
        """Returns what differs, as texts."""
        folders = [self.folder / table for table in self.tables]
        scripts = ("read_icebird.mjs", "read_pyiceberg.py")
        processes = [start_reader(engines, script, folders) for script in scripts]
        icebird, pyiceberg = (finish_reader(*one, len(folders)) for one in zip(processes, scripts))
        faults = []
        for table, folder, seen_by_icebird, seen_by_pyiceberg in zip(self.tables, folders, icebird, pyiceberg):
            schema = schema_of(newest_metadata(folder))
            ours = self.query(table)
            before = len(faults)
            for name, rows, coarse in (("icebird", seen_by_icebird, True), ("PyIceberg", seen_by_pyiceberg, False)):
                texts = [[form_of(row, schema, coarse) for row in some] for some in (ours, rows)]
                if Counter(texts[0]) != Counter(texts[1]):
                    faults.append(explain(table, ("dicomhouse query", name), texts))
            if len(faults) == before:
                columns, fields = self.fields(table)
                print(f"{table}: {len(ours)} rows of {columns} columns ({fields} with nested ones), thrice the same")
        return faults


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("program", type=pathlib.Path)
    words.add_argument("make_dicom", type=pathlib.Path)
    words.add_argument("scratch", type=pathlib.Path)
    words.add_argument("--engines", type=pathlib.Path, required=True)
    words.add_argument("--corpus", type=pathlib.Path)
    given = words.parse_args()
    missing = [name for name in (".npm", ".python") if not (given.engines / name).exists()]
    if missing:
        print("skipped: the engines are not there; tests/engines/setup.sh installs them")
        sys.exit(77)
    shutil.rmtree(given.scratch, ignore_errors=True)
    given.scratch.mkdir(parents=True)
    started = time.monotonic()
    check = Check(given.program, given.make_dicom, given.scratch.resolve())
    check.make_tables(given.corpus)
    faults = check.compare(given.engines.resolve())
    python = given.engines.resolve() / "venv" / "bin" / "python"
    print(run([python, HERE / "check_parts.py", *(check.folder / table for table in check.tables)]), end="")
    print(f"{time.monotonic() - started:.1f} s")
    if faults:
        sys.exit("\n".join(faults))
    shutil.rmtree(given.scratch)


if __name__ == "__main__":
    main()
