#!/usr/bin/env python3
"""Writes tests/dicom/charset_tables.tsv: what Python's codecs read in every code of DICOM's character sets.

The text tests compare the program with it, so that its tables are checked by an implementation of other authors. Run it with
Python 3.11; a line is: set, first byte (hex), the characters of all second bytes in order (see BYTES), U+FFFD for none.
Single-byte sets have one line, first byte "-".

Usage: tools/make_charset_tables.py        writes the file
"""
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "dicom" / "charset_tables.tsv"
NONE = "\N{REPLACEMENT CHARACTER}"
SINGLE = {"ISO_IR 100": "iso8859-1", "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3", "ISO_IR 110": "iso8859-4",
          "ISO_IR 144": "iso8859-5", "ISO_IR 127": "iso8859-6", "ISO_IR 126": "iso8859-7", "ISO_IR 138": "iso8859-8",
          "ISO_IR 148": "iso8859-9", "ISO_IR 203": "iso8859-15", "ISO_IR 166": "tis-620"}
# The codec, and what goes in front of each pair of bytes A1 to FE.
DOUBLE = {"ISO 2022 IR 87": ("euc_jp", b""), "ISO 2022 IR 159": ("euc_jp", b"\x8f"), "ISO 2022 IR 149": ("euc_kr", b""),
          "ISO 2022 IR 58": ("gb2312", b"")}
HIGH = range(0xA1, 0xFF)
GBK_TRAILS = [byte for byte in range(0x40, 0xFF) if byte != 0x7F]
BYTES = {"single": range(0x80, 0x100), "double": HIGH, "GBK": GBK_TRAILS}


def character(codec, code):
    try:
        decoded = code.decode(codec)
    except UnicodeDecodeError:
        return NONE
    return decoded if len(decoded) == 1 else NONE


def main():
    lines = []
    for term, codec in SINGLE.items():
        lines.append((term, "-", "".join(character(codec, bytes([b])) for b in BYTES["single"])))
    for term, (codec, prefix) in DOUBLE.items():
        for first in HIGH:
            text = "".join(character(codec, prefix + bytes([first, second])) for second in BYTES["double"])
            if text.strip(NONE):
                lines.append((term, f"{first:02X}", text))
    for first in range(0x81, 0xFF):
        lines.append(("GBK", f"{first:02X}", "".join(character("gbk", bytes([first, second])) for second in BYTES["GBK"])))
    with open(OUTPUT, "w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            # Controls would make the file hard to read: the tests know that they stand for themselves.
            file.write("\t".join(line).translate({code: "." for code in range(0x80, 0xA0)}) + "\n")


main()
