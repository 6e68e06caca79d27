"""Runs the program on files and gives back the rows of their tables as Python values."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections import Counter

PYICEBERG_SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "engines" / "read_pyiceberg.py"
TABLE = "corpus.files.instances"


class ProgramError(Exception):
    pass


def _query(program, warehouse, table):
    done = subprocess.run(
        [program, "query", "--warehouse", warehouse, "--format", "json", f"SELECT * FROM `{table}`"],
        capture_output=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramError(f"query ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    return json.loads(done.stdout)


def _pyiceberg(engines, warehouse, table):
    done = subprocess.run(
        [os.path.join(engines, "venv", "bin", "python"), str(PYICEBERG_SCRIPT), os.path.join(warehouse, *table.split("."))],
        capture_output=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramError(f"PyIceberg ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Exporter:
    """engines: the folder that tests/engines/setup.sh made; PyIceberg reads the tables then, else the program's own query."""

    def __init__(self, program, engines=None):
        self.program = str(program)
        self.engines = engines

    def rows(self, warehouse, table):
        return _pyiceberg(self.engines, warehouse, table) if self.engines else _query(self.program, warehouse, table)

    def export_once(self, paths):
        """Rows by path, and lines of the account by path, of one export."""
        with tempfile.TemporaryDirectory() as warehouse:
            command = [
                self.program,
                "export",
                "-",
                "--warehouse",
                warehouse,
                "--bq-table",
                f"bq://{TABLE}",
                "--quiet",
                "--json",
                "--threads",
                "1",
            ]
            done = subprocess.run(
                command, input="".join(f"{path}\n" for path in paths).encode(), capture_output=True, timeout=300, check=False
            )
            if done.returncode not in (0, 3):
                raise ProgramError(f"export ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
            rows, account = {}, {}
            for row in self.rows(warehouse, TABLE):
                rows[row["SourcePath"]] = row
            for line in self.rows(warehouse, TABLE + "_account"):
                account.setdefault(line["SourcePath"], []).append(line)
        return rows, account

    def export(self, uids):
        """The same, of every file: those with one SOP Instance UID in exports of their own. uids: by path."""
        rounds, seen = [], Counter()
        for path, uid in uids.items():
            number = seen[uid] if uid else 0
            seen[uid] += 1
            rounds += [[] for _ in range(number + 1 - len(rounds))]
            rounds[number].append(str(path))
        rows, account = {}, {}
        for paths in rounds:
            new_rows, new_account = self.export_once(paths)
            rows.update(new_rows)
            account.update(new_account)
        return rows, account


def skip(text):
    """Ends as a skipped test."""
    print(f"skipped: {text}")
    sys.exit(77)
