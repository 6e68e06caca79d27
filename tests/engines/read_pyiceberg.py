"""Prints the rows of tables as PyIceberg reads them: one JSON object a line, keys sorted, an empty line between tables.

    python read_pyiceberg.py TABLE_FOLDER [vN.metadata.json] [TABLE_FOLDER...]

Normalised as read_icebird.mjs does: whole numbers as text, dates ISO, timestamps ISO UTC with microseconds, times with
microseconds, bytes base64, missing values null.
"""

import base64
import datetime
import json
import math
import os
import sys

from pyiceberg.table import StaticTable


def normalise(value):
    if isinstance(value, dict):
        return {key: normalise(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normalise(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def newest(folder):
    with open(os.path.join(folder, "metadata", "version-hint.text"), encoding="ascii") as hint:
        return f"v{hint.read().strip()}.metadata.json"


def print_rows(folder, name):
    table = StaticTable.from_metadata(os.path.join(folder, "metadata", name))
    for batch in table.scan().to_arrow().to_batches():
        for row in batch.to_pylist():
            print(json.dumps(normalise(row), sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def main():
    words = sys.argv[1:]
    for number, word in enumerate(words):
        if word.endswith(".metadata.json"):
            continue
        if number > 0:
            print()
        folder = os.path.abspath(word)
        named = number + 1 < len(words) and words[number + 1].endswith(".metadata.json")
        print_rows(folder, words[number + 1] if named else newest(folder))


main()
