#!/usr/bin/env python3
"""What DuckDB's own COPY takes to write the table that a part holds, from memory: the peer of `decode_benchmark`'s write_us.

    duckdb_copy.py PART.parquet OUT.parquet [ROUNDS]

Needs the Python package duckdb. One thread, zstd. Prints microseconds a row (processor time) and the bytes of both files.
"""
import os
import sys
import time

import duckdb

part, out = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
connection = duckdb.connect(config={"threads": 1})
connection.execute(f"CREATE TABLE t AS SELECT * FROM read_parquet('{part}')")
rows = connection.execute("SELECT COUNT(*) FROM t").fetchone()[0]
times = []
for _ in range(rounds):
    begin = time.process_time()
    connection.execute(f"COPY t TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    times.append(time.process_time() - begin)
print(f"rows={rows} copy_us={sorted(times)[len(times) // 2] / rows * 1e6:.2f} "
      f"bytes_ours={os.path.getsize(part)} bytes_copy={os.path.getsize(out)}")
