"""The rules of the table, written from the DICOM standard and the table's specification, not from the program.

Where does an element belong, and what value must stand there? Everything is compared in one form: text without padding,
dates as YYYY-MM-DD, times and timestamps as microseconds, numbers as numbers.
"""

import calendar
import csv
import datetime
import math
import pathlib
import re
import struct
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from oracles import BULK_VRS, UNSPLIT_VRS, Element

DICTIONARY = pathlib.Path(__file__).resolve().parent.parent.parent / "data" / "dictionary"

# PS3.5 section 6.2: spaces in front are significant.
LEADING_SPACES_COUNT = {"LT", "ST", "UT", "UC", "UR", "PN"}
TEXT_VRS = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
CHARACTER_SET_VRS = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
BINARY_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "SV": "q", "UV": "Q", "FL": "f", "FD": "d"}
KINDS = {
    "DA": "date",
    "TM": "time",
    "DT": "timestamp",
    "FL": "float",
    "FD": "float",
    "PN": "name",
    "SQ": "sequence",
    **dict.fromkeys(("AT", "SL", "SS", "SV", "UL", "US", "UV"), "integer"),
}
NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
NAME_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

BULK_ONLY = "bulk"
ITEM_START = b"\xfe\xff\x00\xe0"


class Invalid(Exception):
    """The text is no value of its type."""


@dataclass(frozen=True)
class Entry:
    keyword: str
    vrs: tuple
    vm: str
    repeating: bool  # 50xx, 60xx

    @property
    def vr(self):
        return self.vrs[0]

    @property
    def kind(self):
        return BULK_ONLY if self.vr in BULK_VRS else KINDS.get(self.vr, "text")

    @property
    def single(self):
        return self.vm == "1"


class Dictionary:
    def __init__(self):
        self._exact, self._masked, self._private = {}, [], {}
        with open(DICTIONARY / "elements.tsv", encoding="utf-8") as lines:
            for row in csv.reader((line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE):
                if row[0] == "tag" or not row[1] or row[3] in ("", "-"):
                    continue
                tag, masked = row[0].upper(), "x" in row[0]
                entry = Entry(row[1], tuple(row[3].split(" or ")), row[4], masked and tag[:2] in ("50", "60"))
                if masked:
                    self._masked.append((re.compile(tag.replace("X", "[0-9A-F]") + "$"), entry))
                else:
                    self._exact[int(tag, 16)] = entry
        with open(DICTIONARY / "private.tsv", encoding="utf-8") as lines:
            for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row[0] != "creator":
                    self._private[row[0], row[1].upper()] = row[2]

    def find(self, tag):
        if tag in self._exact:
            return self._exact[tag]
        return next((entry for pattern, entry in self._masked if pattern.match(f"{tag:08X}")), None)

    def private_vr(self, creator, tag):
        name = f"{tag:08X}"
        for pattern in (name, name[:4] + "XX" + name[6:], name[:2] + "XX" + "XX" + name[6:], name[:6] + "XX"):
            if (creator, pattern) in self._private:
                return self._private[creator, pattern]
        return None


# ---- values


def trim(vr, text):
    text = text.rstrip(" \0")
    return text if vr in LEADING_SPACES_COUNT else text.lstrip(" ")


def date(text):
    found = re.fullmatch(r"(\d{4})(?:(\d\d)(\d\d)?)?|(\d{4})\.(\d\d)\.(\d\d)", text, re.ASCII)
    if not found:
        raise Invalid
    try:
        return datetime.date(
            int(found[1] or found[4]), int(found[2] or found[5] or 1), int(found[3] or found[6] or 1)
        ).isoformat()
    except ValueError:
        raise Invalid from None


def _microseconds(hour, minute, second, fraction):
    hour, minute, second = int(hour), int(minute or 0), int(second or 0)
    if hour > 23 or minute > 59 or second > 60:
        raise Invalid
    if second == 60:  # a leap second: the last microsecond of the minute
        second, fraction = 59, "999999"
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def time(text):
    found = re.fullmatch(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?|(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?", text, re.ASCII)
    if not found:
        raise Invalid
    return _microseconds(*(found[i] or found[i + 4] for i in range(1, 5)))


def utc_offset(text):
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)", text.strip(" \0"), re.ASCII)
    if not found or int(found[3]) > 59:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


def timestamp(text, offset_minutes):
    found = re.fullmatch(
        r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d+))?)?)?)?)?)?([+-]\d{4})?", text, re.ASCII
    )
    if not found:
        raise Invalid
    day = date(found[1] + (found[2] or "01") + (found[3] or "01"))
    if found[8]:
        offset_minutes = utc_offset(found[8])
        if offset_minutes is None:
            raise Invalid
    seconds = calendar.timegm(datetime.date.fromisoformat(day).timetuple()) - offset_minutes * 60
    return seconds * 1_000_000 + _microseconds(found[4] or "00", found[5], found[6], found[7])


def table_time(text):
    hour, minute, rest = text.split(":")
    second, _, fraction = rest.partition(".")
    return _microseconds(hour, minute, second, fraction)


def table_timestamp(text):
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?: UTC|Z)", text)
    day = calendar.timegm(datetime.date.fromisoformat(found[1]).timetuple())
    return day * 1_000_000 + _microseconds(found[2], found[3], found[4], found[5])


def number(value):
    """A number as the readers give it: of JSON, or text."""
    try:
        return Decimal(value.strip(" \0") if isinstance(value, str) else str(value))
    except InvalidOperation:
        raise Invalid from None


def same_number(a, b, vr):
    a, b = float(number(a)), float(number(b))
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if vr == "FL" and not math.isinf(a) and not math.isinf(b):
        return struct.unpack("f", struct.pack("f", a)) == struct.unpack("f", struct.pack("f", b))
    # Readers print 64-bit floats with 15 to 17 digits.
    return a == b or math.isclose(a, b, rel_tol=1e-14)


def same_text(ours, theirs):
    """theirs may be a number: readers turn DS and IS into JSON numbers, which lose how they are written."""
    if isinstance(theirs, str):
        return ours == theirs
    try:
        return number(ours) == number(theirs) or float(number(ours)) == float(number(theirs))
    except Invalid:
        return False


def name_parts(groups):
    """A name of the JSON model as {group: [five components]}, without what is empty."""
    parts = {}
    for group in NAME_GROUPS:
        components = [trim("PN", part) for part in (groups.get(group) or "").split("^", 4)]
        components += [""] * (5 - len(components))
        if any(components):
            parts[group] = components
    return parts


def table_name_parts(name):
    parts = {}
    for group in NAME_GROUPS:
        components = [(name.get(group) or {}).get(component) or "" for component in NAME_COMPONENTS]
        if any(components):
            parts[group] = components
    return parts


def name_text(groups):
    return "=".join(groups.get(group) or "" for group in NAME_GROUPS).rstrip("=")


def split_text(vr, data, codec):
    if not data:
        return []
    text = data.decode(codec)
    return [text] if vr in UNSPLIT_VRS else text.split("\\")


def from_bytes(vr, data, codec="ascii", order="<"):
    """Bytes of a value as values of the VR, or None where they can't be."""
    if vr in TEXT_VRS:
        try:
            texts = [trim(vr, text) for text in split_text(vr, data, codec if vr in CHARACTER_SET_VRS else "ascii")]
        except (UnicodeDecodeError, LookupError):
            return None
        return [dict(zip(NAME_GROUPS, text.split("=", 2))) for text in texts] if vr == "PN" else texts
    if vr == "AT" and len(data) % 4 == 0:
        return [f"{group:04X}{element:04X}" for group, element in struct.iter_unpack(order + "HH", data)]
    code = BINARY_NUMBERS.get(vr)
    if code is None or len(data) % struct.calcsize(code):
        return None
    return [value for (value,) in struct.iter_unpack(order + code, data)]


def items_from_bytes(data, dictionary):
    """The items of a sequence that a reader left as bytes: implicit VR, little endian (PS3.5 section 6.2.2)."""
    items, position = [], 0
    while position + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHI", data, position)
        position += 8
        if (group, element) == (0xFFFE, 0xE0DD):
            break
        if (group, element) != (0xFFFE, 0xE000):
            return None
        undefined = length == 0xFFFFFFFF
        end = len(data) if undefined else position + length
        item = {}
        while position + 8 <= end:
            group, element, length = struct.unpack_from("<HHI", data, position)
            position += 8
            tag = group << 16 | element
            if tag == 0xFFFEE00D:
                break
            if length == 0xFFFFFFFF:
                return None  # nested without lengths: not needed so far
            entry = dictionary.find(tag)
            value = data[position : position + length]
            item[tag] = Element(tag, entry.vr if entry and not group & 1 else "UN", data=value)
            position += length
            if entry and entry.vr == "SQ":
                nested = items_from_bytes(value, dictionary)
                if nested is None:
                    return None
                item[tag] = Element(tag, "SQ", items=nested)
        position = position if undefined else end
        items.append(item)
    return items


# Python's codecs of the sets without code extensions. Others are compared where a reader decodes them.
CODECS = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15",
    "ISO_IR 166": "tis-620",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
