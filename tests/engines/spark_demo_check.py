#!/usr/bin/env python3
"""Spark on the demo's tables: a long test.

    spark_demo_check.py BUILD_FOLDER SCRATCH_FOLDER --engines FOLDER

Makes the demo (tools/demo.sh). Spark, with Iceberg's own runtime, takes its warehouse for a Hadoop catalog: it reads the
tables, appends to one, rewrites its data files and expires its versions; then dicomhouse appends to that. After each step
Spark and the program read the same rows, in the end icebird and PyIceberg too. Exit codes as export_check.py's.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections import Counter

import export_check
from export_check import HERE, explain, form_of, newest_metadata, run, schema_of

TABLE = "metadata"
ACCOUNT = "metadata_account"
APPEND = "sql:INSERT INTO @ SELECT * FROM @ WHERE Modality = 'MR'"
REWRITE = "sql:CALL dh.system.rewrite_data_files(table => '@', options => map('rewrite-all', 'true'))"
EXPIRE = "sql:CALL dh.system.expire_snapshots(table => '@', older_than => TIMESTAMP '2999-01-01 00:00:00', retain_last => 1)"


class Demo:
    def __init__(self, build, scratch, engines):
        self.build, self.scratch, self.engines = build, scratch, engines
        self.program = build / "dicomhouse"
        self.warehouse = scratch / "demo" / "warehouse"
        self.folder = self.warehouse / "local" / "dicom"

    def query(self, sql):
        return json.loads(run([self.program, "query", "--warehouse", self.warehouse, "--format", "json", sql]))

    def spark(self, *steps):
        """The rows of each `read`."""
        command = [self.engines / "venv" / "bin" / "python", HERE / "spark_check.py", self.warehouse, "local", "dicom", TABLE]
        done = subprocess.run([*map(str, command), *steps], capture_output=True, check=False,
                              env={**os.environ, "ENGINES_FOLDER": str(self.engines)})
        if done.returncode != 0:
            sys.exit(f"Spark, {steps}: {done.stderr.decode('utf-8', 'replace')[-4000:]}")
        tables = [[]]
        for line in done.stdout.decode().split("\n")[:-1]:
            if line:
                tables[-1].append(json.loads(line))
            else:
                tables.append([])
        return tables

    def same(self, step, reader, table, rows, coarse=False):
        """Ends the test unless the rows are what the program reads; returns how many."""
        schema = schema_of(newest_metadata(self.folder / table))
        texts = [[form_of(row, schema, coarse) for row in some] for some in (self.query(f"SELECT * FROM {table}"), rows)]
        if Counter(texts[0]) != Counter(texts[1]):
            sys.exit(f"after {step}: " + explain(table, ("dicomhouse query", reader), texts))
        print(f"{step}: {reader} reads {len(rows)} rows of {table}, as dicomhouse does", flush=True)
        return len(rows)

    def expect(self, what, seen, wanted):
        if seen != wanted:
            sys.exit(f"{what}: {seen}, expected {wanted}")

    def run(self):
        run([HERE.parent.parent / "tools" / "demo.sh", self.build, self.scratch / "demo"])
        rows, account = self.spark("read", f"table:{ACCOUNT}", "read")
        before = self.same("export", "Spark", TABLE, rows)
        self.same("export", "Spark", ACCOUNT, account)

        more = int(self.query(f"SELECT COUNT(*) AS n FROM {TABLE} WHERE Modality = 'MR'")[0]["n"])
        self.expect("there are instances to append", more > 0, True)
        appended = self.same("Spark's append", "Spark", TABLE, self.spark(APPEND, "read")[0])
        self.expect("rows after Spark's append", appended, before + more)

        self.same("rewrite and expire", "Spark", TABLE, self.spark(REWRITE, EXPIRE, "read")[0])
        self.expect("versions left", len(newest_metadata(self.folder / TABLE)["snapshots"]), 1)
        self.expect("data files left", len(list((self.folder / TABLE / "data").rglob("*.parquet"))), 1)

        archive = self.scratch / "columns"
        run([self.build / "tools" / "make_dicom", "columns", archive, "--columns", "100"])
        run([self.program, "export", "--warehouse", self.warehouse, archive, "--quiet", "--write-disposition", "write-append"])
        after = self.same("our append", "Spark", TABLE, self.spark("read")[0])
        self.expect("our append adds rows", after > appended, True)
        for script, reader in (("read_icebird.mjs", "icebird"), ("read_pyiceberg.py", "PyIceberg")):
            process = export_check.start_reader(self.engines, script, [self.folder / TABLE])
            self.same("our append", reader, TABLE, export_check.finish_reader(process, script, 1)[0], reader == "icebird")


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("build", type=pathlib.Path)
    words.add_argument("scratch", type=pathlib.Path)
    words.add_argument("--engines", type=pathlib.Path, required=True)
    given = words.parse_args()
    if not (given.engines / ".jar").exists():
        print("skipped: Spark is not there; tests/engines/setup.sh BUILD_FOLDER --spark installs it")
        sys.exit(77)
    shutil.rmtree(given.scratch, ignore_errors=True)
    given.scratch.mkdir(parents=True)
    started = time.monotonic()
    Demo(given.build.resolve(), given.scratch.resolve(), given.engines.resolve()).run()
    print(f"{time.monotonic() - started:.1f} s")
    shutil.rmtree(given.scratch)


if __name__ == "__main__":
    main()
