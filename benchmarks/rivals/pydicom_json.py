#!/usr/bin/env python3
"""Peer P: pydicom reads each header up to the pixel data and makes one line of DICOM JSON.

    pydicom_json.py FOLDER [--threads N] [--shuffle] [--limit N]

Threads are processes here: pydicom is bound by the interpreter.
"""
import argparse
import multiprocessing
import random
import time
import warnings
from pathlib import Path

import pydicom


def work(path):
    try:
        return len(pydicom.dcmread(path, force=True, stop_before_pixels=True).to_json())
    except Exception:  # a peer that fails on a file goes on with the next
        return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--limit", type=int, help="stop after so many files")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    begin = time.perf_counter()
    files = sorted(str(path) for path in Path(args.folder).rglob("*") if path.is_file())[: args.limit]
    if args.shuffle:
        random.Random(1).shuffle(files)
    if args.threads > 1:
        with multiprocessing.Pool(args.threads) as pool:
            sizes = pool.map(work, files, chunksize=64)
    else:
        sizes = [work(path) for path in files]
    seconds = time.perf_counter() - begin
    instances = sum(size > 0 for size in sizes)
    print(f"instances_per_second={instances / seconds:.0f}\nseconds={seconds:.4f}\ninstances={instances}")
    print(f"failed={len(files) - instances}")


if __name__ == "__main__":
    main()
