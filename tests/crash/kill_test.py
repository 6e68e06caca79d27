#!/usr/bin/env python3
"""SIGKILL at random moments of an export: the table is the old one or the new one, never another.

    kill_test.py DICOMHOUSE MAKE_DICOM SCRATCH_FOLDER [TIMES]

Each round replaces or appends to a table with an archive of 600 instances and kills the program at a random moment. Afterwards a
query must see exactly the rows of before or those of after, every row's SOP Instance UID must be readable, and the next
export must succeed. Prints a line like "100 rounds: 61 old, 39 new" and exits 0.
"""
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

INSTANCES = 600  # make_dicom's hospital: rows of one export


def rows(program, warehouse):
    sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT SOPInstanceUID) AS uids FROM metadata"
    words = [program, "query", sql, "--warehouse", warehouse, "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"the table can't be read after a kill: {done.stderr}")
    row = json.loads(done.stdout)[0]
    return int(row["n"]), int(row["uids"])


def export(program, archive, warehouse, disposition):
    return [program, "export", archive, "--warehouse", warehouse, "--write-disposition", disposition, "--quiet", "--json"]


def main():
    program, make_dicom, scratch = sys.argv[1:4]
    times = int(sys.argv[4]) if len(sys.argv) > 4 else 10
    scratch = Path(scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    archive, warehouse = str(scratch / "archive"), str(scratch / "warehouse")
    subprocess.run([make_dicom, "hospital", archive], check=True, capture_output=True)
    start = time.monotonic()
    subprocess.run(export(program, archive, warehouse, "write-truncate"), check=True, capture_output=True)
    whole = time.monotonic() - start
    rng = random.Random(1)
    now, old, new = INSTANCES, 0, 0
    for number in range(times):
        # Appending every time would make the table grow without end.
        disposition = "write-append" if now < 4 * INSTANCES and number % 2 else "write-truncate"
        after = now + INSTANCES if disposition == "write-append" else INSTANCES
        words = export(program, archive, warehouse, disposition)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0, 1.2 * whole))
        process.send_signal(signal.SIGKILL)
        error = process.communicate()[1].decode()
        finished = process.returncode == 0
        if process.returncode not in (0, -signal.SIGKILL):
            sys.exit(f"round {number}: exit {process.returncode}: {error}")
        seen, uids = rows(program, warehouse)
        if seen not in (now, after) or (finished and seen != after) or uids != INSTANCES:
            sys.exit(f"round {number} ({disposition}): {seen} rows, {uids} UIDs; expected {now} or {after} rows")
        old, new = old + (seen == now and now != after), new + (seen == after)
        now = seen
    done = subprocess.run(export(program, archive, warehouse, "write-truncate"), capture_output=True, text=True)
    if done.returncode != 0 or rows(program, warehouse)[0] != INSTANCES:
        sys.exit(f"the export after the kills failed: {done.stderr}")
    left = [p for p in Path(warehouse).rglob("*") if p.is_file() and ".tmp" in p.name]
    print(f"{times} rounds: {old} old, {new} new or unchanged; {len(left)} temporary files left")


main()
