"""Reads every Parquet file below the folders with pyarrow, and validates what it read: one line when all are well.

    python check_parts.py FOLDER...
"""

import pathlib
import sys

import pyarrow.parquet as pq


def main():
    files = sorted(path for folder in sys.argv[1:] for path in pathlib.Path(folder).rglob("*.parquet"))
    rows = 0
    faults = []
    for path in files:
        try:
            table = pq.read_table(path, partitioning=None)
            table.validate(full=True)
            rows += table.num_rows
        except Exception as error:  # whatever it is, it says what is wrong with the file
            faults.append(f"{path}: {error}")
    if faults or not files:
        sys.exit("\n".join(faults) or "there are no Parquet files")
    print(f"pyarrow: {len(files)} Parquet files of {rows} rows are valid")


main()
