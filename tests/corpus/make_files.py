#!/usr/bin/env python3
"""Writes files/: small DICOM files, each with what the standard allows and few files have.

make_files.py [--check]        --check: writes nothing, ends with 1 when files/ is not as this makes it
"""

import pathlib
import struct
import sys
import zlib

FILES = pathlib.Path(__file__).resolve().parent / "files"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q", "AT": "H"}
UNDEFINED = 0xFFFFFFFF


class Writer:
    def __init__(self, syntax):
        self.explicit = syntax != IMPLICIT
        self.order = ">" if syntax == BIG else "<"

    def value(self, vr, value):
        if isinstance(value, bytes):
            data = value
        elif isinstance(value, str):
            data = value.encode("ascii")
        else:
            data = struct.pack(f"{self.order}{len(value)}{NUMBERS[vr]}", *value)
        return data + (b"" if len(data) % 2 == 0 else b"\0" if vr in ("UI", "OB", "UN") else b" ")

    def header(self, tag, vr, length):
        start = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return start + struct.pack(self.order + "I", length)
        if vr in LONG_VRS:
            return start + vr.encode() + b"\0\0" + struct.pack(self.order + "I", length)
        return start + vr.encode() + struct.pack(self.order + "H", length)

    def item(self, tag, length):
        return struct.pack(self.order + "HHI", tag >> 16, tag & 0xFFFF, length)

    def element(self, tag, vr, value, undefined=False):
        """value: text, bytes, numbers, or of a sequence the list of its items (lists of elements)."""
        if vr != "SQ":
            data = self.value(vr, value)
            return self.header(tag, vr, len(data)) + data
        body = b""
        for elements in value:
            inside = self.data_set(elements)
            body += self.item(0xFFFEE000, UNDEFINED if undefined else len(inside)) + inside
            body += self.item(0xFFFEE00D, 0) if undefined else b""
        return (
            self.header(tag, vr, UNDEFINED if undefined else len(body)) + body + (self.item(0xFFFEE0DD, 0) if undefined else b"")
        )

    def data_set(self, elements):
        return b"".join(self.element(*element) for element in elements)


def dicom(number, syntax, elements, preamble=True):
    uid, sop_class = f"1.2.826.0.1.3680043.10.1474.{number}", "1.2.840.10008.5.1.4.1.1.7"
    body = sorted([(0x00080016, "UI", sop_class), (0x00080018, "UI", uid), *elements])
    data = Writer(syntax).data_set(body)
    if syntax == DEFLATED:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(data) + packer.flush()
        data += b"\0" * (len(data) % 2)
    if not preamble:
        return data
    meta = Writer(EXPLICIT).data_set(
        [
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", sop_class),
            (0x00020003, "UI", uid),
            (0x00020010, "UI", syntax),
            (0x00020012, "UI", "1.2.826.0.1.3680043.10.1474"),
        ]
    )
    return b"\0" * 128 + b"DICM" + Writer(EXPLICIT).element(0x00020000, "UL", [len(meta)]) + meta + data


def every_vr():
    """One element of each VR: top level, in an item, and privately."""
    standard = [
        (0x00080054, "AE", "STORE\\BACKUP"),
        (0x00101010, "AS", "034Y"),
        (0x00280009, "AT", [0x0018, 0x1063, 0x0018, 0x1065]),
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\\\AXIAL"),
        (0x00080020, "DA", "20240229"),
        (0x00101020, "DS", " 1.750E0 "),
        (0x0008002A, "DT", "20240229235959.123456+0130"),
        (0x00189087, "FD", [1000.0625]),
        (0x00280122, "FL", [0.1]),
        (0x00200013, "IS", " -12 "),
        (0x00080070, "LO", " Maker \\"),
        (0x001021B0, "LT", "  two\\backslash  "),
        (0x00080090, "PN", "Adams^John Robert Quincy^^Rev.^B.A. M.Div."),
        (0x00080050, "SH", "A1"),
        (0x00186020, "SL", [-7]),
        (0x00280120, "SS", [-2000]),
        (0x00081040, "LO", "Department"),
        (0x00080081, "ST", " street \r\n town"),
        (0x00080030, "TM", "235960.5"),
        (0x00080119, "UC", "long code\\"),
        (0x00181200, "DA", "20240101\\20240102"),
        (0x0008010E, "UR", "https://example.org/a b"),
        (0x00280010, "US", [16]),
        (0x00280103, "US", [1]),
        (0x0040A160, "UT", "text "),
        (0x00080301, "US", [9]),
        (0x00720083, "UV", [1, 2**63 - 1]),
        (0x00720082, "SV", [-(2**63), 5]),
        (0x00186060, "FL", [float("inf"), -0.0]),
    ]
    private = [(0x00090010, "LO", "dicomhouse tests")] + [
        (0x00091000 + i, vr, value)
        for i, (vr, value) in enumerate(
            [
                ("AT", [0x7FE0, 0x0010]),
                ("DS", "1\\2.50\\-3e4"),
                ("FD", [-1e-300]),
                ("FL", [3.5, 0.25]),
                ("IS", "4\\5"),
                ("OB", b"\1\2\3\4"),
                ("OW", b"\0\1\2\3"),
                ("PN", "Doe^Jane\\Roe^Richard"),
                ("SL", [-1]),
                ("SS", [-1]),
                ("UL", [2**32 - 1]),
                ("US", [65535]),
                ("UT", "a\\b"),
                ("UN", b"\x01\x02"),
                ("UI", "1.2\\1.3"),
                ("SQ", [[(0x00080100, "SH", "code"), (0x00090010, "LO", "dicomhouse tests"), (0x00091001, "LO", "inside")], []]),
                ("LO", ""),
                ("OB", bytes(range(256)) * 5),
                ("TM", "12"),
            ]
        )
    ]
    return sorted(standard + private)


def bad_values():
    """Values that are none of their type, and more than the dictionary allows."""
    return [
        (0x00080020, "DA", "20230229"),
        (0x00080021, "DA", "2023.12.31"),
        (0x00080022, "DA", "0"),
        (0x00080030, "TM", "24:00"),
        (0x00080031, "TM", "10:20:30.5"),
        (0x00080032, "TM", "1020-1030"),
        (0x0008002A, "DT", "202413"),
        (0x0040A13A, "DT", "2024\\2025"),
        (0x00100030, "DA", "19700101\\19710101"),
        (0x00100010, "PN", "One^A\\Two^B"),
        (0x00280010, "US", [1, 2]),
        (0x00200013, "IS", "twelve"),
        (0x00080060, "CS", "CT\\MR"),
        (0x00181200, "DA", "20240101\\never"),
        (0x00100020, "LO", "a\\b\\c"),
    ]


def nested(depth, undefined):
    elements = [(0x00080100, "SH", f"level {depth}"), (0x00100010, "PN", "Deep^Name")]
    for level in reversed(range(depth)):
        elements = [
            (0x00080100, "SH", f"level {level}"),
            (0x0040A730, "SQ", [elements, [(0x00080104, "LO", "second")]], undefined),
        ]
    return elements


def groups():
    """Overlays and curves of several groups, and a private copy of one."""
    return [
        (0x60000010, "US", [8]),
        (0x60000011, "US", [16]),
        (0x60000040, "CS", "G"),
        (0x60000050, "SS", [1, -1]),
        (0x60003000, "OW", b"\xff\0" * 8),
        (0x60020010, "US", [4]),
        (0x60020050, "SS", [3, 4]),
        (0x601E0022, "LO", "last"),
        (0x50000005, "US", [2]),
        (0x50000110, "US", [0, 1]),
        (0x50020030, "SH", "DPPS\\NONE"),
        (0x60010010, "LO", "dicomhouse tests"),
        (0x60011010, "US", [8]),
    ]


def text(character_set, codec, name, more, other_set_inside=True):
    inside = [(0x00080005, "CS", "ISO_IR 192"), (0x00080104, "LO", "Größe 大きさ".encode())] if other_set_inside else []
    return [
        (0x00080005, "CS", character_set),
        (0x00100010, "PN", name.encode(codec)),
        (0x00104000, "LT", more.encode(codec)),
        (0x00081030, "LO", (more + "\\" + more).encode(codec)),
        (0x00081032, "SQ", [inside, [(0x00080104, "LO", more.encode(codec))]]),
    ]


def unknown():
    """UN in place of what the dictionary knows, and a sequence as UN (PS3.5 section 6.2.2)."""
    inner = Writer(IMPLICIT)
    sequence = inner.item(0xFFFEE000, 0) + inner.item(0xFFFEE000, 14) + inner.element(0x00080100, "SH", "coded ")
    return [
        (0x00080060, "UN", b"MR"),
        (0x00280010, "UN", b"\x00\x02"),
        (0x00280030, "UN", b"0.5\\0.25"),
        (0x00280009, "UN", b"\x18\x00\x63\x10"),
        (0x00081032, "UN", sequence),
        (0x00090010, "UN", b"dicomhouse tests"),
        (0x00091001, "UN", b"\1\2\3\4"),
        (0x00091002, "UN", sequence),
    ]


def times():
    return [
        (0x00080201, "SH", "-0330"),
        (0x0008002A, "DT", "2024"),
        (0x0040A13A, "DT", "20240229120000.5"),
        (
            0x00081032,
            "SQ",
            [
                [(0x00080106, "DT", "202402292330"), (0x00080107, "DT", "20240229233059.000001+0000")],
                [(0x00080106, "DT", "20240229")],
            ],
        ),
        (0x00080020, "DA", "202402"),
        (0x00080030, "TM", "12"),
        (0x00080031, "TM", "1234"),
        (0x00080033, "TM", "123456.000001"),
    ]


def files():
    return {
        "explicit.dcm": dicom(1, EXPLICIT, every_vr()),
        "implicit.dcm": dicom(2, IMPLICIT, every_vr()),
        "big_endian.dcm": dicom(3, BIG, every_vr()),
        "deflated.dcm": dicom(4, DEFLATED, every_vr()),
        "no_preamble.dcm": dicom(5, IMPLICIT, every_vr(), preamble=False),
        "bad_values.dcm": dicom(6, EXPLICIT, bad_values()),
        "nested.dcm": dicom(7, EXPLICIT, nested(11, False)),
        "nested_undefined.dcm": dicom(8, IMPLICIT, nested(11, True)),
        "too_deep.dcm": dicom(9, EXPLICIT, nested(17, False)),
        "groups.dcm": dicom(10, EXPLICIT, groups()),
        "latin1.dcm": dicom(11, EXPLICIT, text("ISO_IR 100", "latin-1", "Äneas^Rüdiger", "Größe 5 µm")),
        "cyrillic.dcm": dicom(12, IMPLICIT, text("ISO_IR 144", "iso8859-5", "Люкceмбypг", "Привет")),
        "utf8.dcm": dicom(13, EXPLICIT, text("ISO_IR 192", "utf-8", "Wang^XiaoDong=王^小東=ワン^シャオ", "😀 é")),
        "gb18030.dcm": dicom(
            14, EXPLICIT, text("GB18030", "gb18030", "Wang^XiaoDong=王^小东", "第一行文字。", other_set_inside=False)
        ),
        "unknown.dcm": dicom(15, EXPLICIT, unknown()),
        "unknown_big_endian.dcm": dicom(16, BIG, unknown()[:4] + unknown()[5:7]),
        "times.dcm": dicom(17, EXPLICIT, times()),
        "empty_items.dcm": dicom(
            18, EXPLICIT, [(0x00081140, "SQ", [[], []]), (0x00081032, "SQ", [[(0x00080100, "SH", "")]]), (0x00081110, "SQ", [])]
        ),
    }


def main():
    made = files()
    if sys.argv[1:] == ["--check"]:
        found = {path.name: path.read_bytes() for path in FILES.iterdir()}
        different = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
        if different:
            sys.exit(f"files/ is not as make_files.py makes it: {different}")
        return
    FILES.mkdir(exist_ok=True)
    for name, data in made.items():
        (FILES / name).write_bytes(data)


if __name__ == "__main__":
    main()
