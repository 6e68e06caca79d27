#!/usr/bin/env python3
"""Requirements of DICOM PS3.18 (Web Services) for the Store, Search and Retrieve transactions, each with its clause, asked of a
real server. Instances are made here by pydicom, so what has to come back is known from the standard and not from our answers.

    dicomweb_conformance.py PROGRAM FOLDER --clients FOLDER
    dicomweb_conformance.py --url URL       an empty DICOMweb service of any kind

--clients: what tests/wire/setup.sh made. Ends with 77 when it is not there. Why this is not a program of others:
docs/decisions/0037-a-conformance-check-of-our-own.md.
"""
import argparse
import base64
import http.client
import io
import json
import os
import pathlib
import re
import shutil
import sys
import urllib.parse
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

STORE = "/v1/projects/p/locations/l/datasets/d/dicomStores/s"
EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JSON = "application/dicom+json"
ROOT = "2.25.9000"  # of all UIDs here
requirements = []


def requirement(clause, text):
    """One requirement: the function raises where the answer is another."""
    def add(function):
        requirements.append((clause, text, function))
        return function
    return add


# ---- HTTP

class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.type = self.headers.get_content_type() if "Content-Type" in self.headers else ""

    def json(self):
        expect(self.type == JSON, f"the type is {self.type}")
        return json.loads(self.body)

    def parts(self):
        """(type, body) of each part of a multipart answer."""
        expect(self.type == "multipart/related", f"the type is {self.type}")
        boundary = b"--" + self.headers.get_param("boundary").encode()
        expect(self.body.rstrip().endswith(boundary + b"--"), "the last boundary is missing")
        found = []
        for part in (b"\r\n" + self.body).split(b"\r\n" + boundary)[1:-1]:
            head, body = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
            types = [line.partition(b":")[2].strip().decode() for line in head.split(b"\r\n")
                     if line.lower().startswith(b"content-type:")]
            expect(len(types) == 1, f"a part without a type: {head}")
            found.append((types[0], body))
        return found


class Service:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.parsed = urllib.parse.urlsplit(self.url)

    def ask(self, method, target, body=None, status=200, **headers):
        """`target`: below the service, or a whole URL of it. Keywords are header fields, '_' standing for '-'."""
        path = target.removeprefix(self.url) if target.startswith(self.url) else target
        connection = http.client.HTTPConnection(self.parsed.netloc, timeout=60)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, self.parsed.path + path, body, fields)
        answer = Answer(connection.getresponse())
        connection.close()
        wanted = status if isinstance(status, tuple) else (status,)
        expect(answer.status in wanted, f"{method} {path} {headers}: {answer.status}, not {status}: {answer.body[:300]!r}")
        return answer

    def get(self, target, status=200, **headers):
        return self.ask("GET", target, status=status, **headers)

    def search(self, target, query="", **headers):
        """The matches; none with 204 (table 10.6.3-1)."""
        answer = self.get(target + ("?" + query if query else ""), status=(200, 204), **headers)
        return answer.json() if answer.status == 200 else []

    def uids(self, target, query=""):
        tag = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[target.rsplit("/", 1)[1]]
        return [match[tag]["Value"][0].removeprefix(ROOT + ".") for match in self.search(target, query)]

    def store(self, instances, target="/studies", status=200, **headers):
        body = b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in instances) + b"--B--\r\n"
        headers = {"Content_Type": 'multipart/related; type="application/dicom"; boundary=B', "Accept": JSON, **headers}
        return self.ask("POST", target, body, status, **headers)


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


# ---- the instances

PATIENTS = {  # study -> patient and study attributes
    "1": dict(PatientName="Doe^Jane", PatientID="P1", StudyDate="20200110", StudyTime="101500", AccessionNumber="A1",
              StudyID="one", ReferringPhysicianName="House^Gregory", PatientSex="F", PatientBirthDate="19700101"),
    "2": dict(PatientName="Doe^John", PatientID="P2", StudyDate="20200215", StudyTime="093000.5", AccessionNumber="A2",
              StudyID="two", ReferringPhysicianName="", PatientSex="M", PatientBirthDate=""),
    "3": dict(PatientName="Müller^Jürgen", PatientID="P3", StudyDate="20210301", StudyTime="", AccessionNumber="",
              StudyID="", ReferringPhysicianName="Who^^^Dr", PatientSex="O", PatientBirthDate="19800229"),
}


def make(study, series, number, modality, **attributes):
    from pydicom.dataset import Dataset, FileMetaDataset
    one = Dataset()
    one.SpecificCharacterSet = "ISO_IR 192"
    one.SOPClassUID = attributes.pop("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    one.SOPInstanceUID = f"{ROOT}.{study}.{series}.{number}"
    one.StudyInstanceUID, one.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
    for name, value in {**PATIENTS[study], "Modality": modality, "SeriesNumber": series, "InstanceNumber": number,
                        **attributes}.items():
        setattr(one, name, value)
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = EXPLICIT
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    return one


def add_pixels(one, frames, side=16):
    one.Rows = one.Columns = side
    one.BitsAllocated = one.BitsStored = 16
    one.HighBit, one.PixelRepresentation, one.SamplesPerPixel, one.PhotometricInterpretation = 15, 0, 1, "MONOCHROME2"
    if frames > 1:
        one.NumberOfFrames = frames
    one.PixelData = b"".join(bytes([frame, 7]) * (side * side) for frame in range(1, frames + 1))
    one["PixelData"].VR = "OW"
    return one


def instances():
    """By the last parts of their SOP Instance UIDs."""
    from pydicom.dataset import Dataset
    from pydicom.encaps import encapsulate
    made = [add_pixels(make("1", "1", number, "CT", SeriesDescription="Thorax"), 1) for number in ("1", "2", "3")]
    step = Dataset()
    step.ScheduledProcedureStepID, step.RequestedProcedureID = "STEP-9", "PROC-9"
    made.append(make("1", "2", "1", "MR", RequestAttributesSequence=[step], SeriesDescription="Head"))
    made.append(make("2", "1", "1", "MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4", ImageType=["ORIGINAL", "PRIMARY", "M"],
                     PixelSpacing=["0.5", "0.50"], EchoTime="", FrameIncrementPointer=0x00181063))
    many = add_pixels(make("3", "1", "1", "US"), 3, side=32)
    block = many.private_block(0x0011, "ACME 1.0", create=True)
    block.add_new(0x01, "LO", "private words")
    block.add_new(0x02, "OB", bytes(range(64)))
    block.add_new(0x03, "FD", [0.1, float("inf")])
    made.append(many)
    packed = add_pixels(make("3", "1", "2", "US"), 2)
    packed.file_meta.TransferSyntaxUID = JPEG
    packed.PixelData = encapsulate([b"\xff\xd8frame 1\xff\xd9.", b"\xff\xd8frame no2\xff\xd9."])
    packed["PixelData"].VR, packed["PixelData"].is_undefined_length = "OB", True
    made.append(packed)
    return {one.SOPInstanceUID.removeprefix(ROOT + "."): one for one in made}


def bytes_of(one):
    out = io.BytesIO()
    one.save_as(out, enforce_file_format=True)
    return out.getvalue()


def path_of(uid):
    study, series, _ = uid.split(".")
    return f"/studies/{ROOT}.{study}/series/{ROOT}.{study}.{series}/instances/{ROOT}.{uid}"


# ---- DICOM JSON (annex F)

TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
NUMBERS = {"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"}
BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def is_value(vr, value):
    """Table F.2.3-1; null is an empty value among others (F.2.5)."""
    if value is None:
        return True
    if vr in TEXT:
        return isinstance(value, str)
    if vr in NUMBERS:  # DS, IS, SV and UV may be strings; so may what JSON has no number for
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number or (isinstance(value, str) and (vr in ("DS", "IS", "SV", "UV") or value in ("NaN", "inf", "-inf")))
    if vr == "AT":
        return isinstance(value, str) and re.fullmatch(r"[0-9A-F]{8}", value) is not None
    if vr == "PN":
        return isinstance(value, dict) and value and set(value) <= {"Alphabetic", "Ideographic", "Phonetic"} and \
            all(isinstance(group, str) for group in value.values())
    return vr == "SQ" and isinstance(value, dict)


def check_element(tag, element):
    vr = element.get("vr")
    expect(vr in TEXT | NUMBERS | BINARY | {"AT", "PN", "SQ"}, f"{tag}: VR {vr}")
    values = [name for name in ("Value", "BulkDataURI", "InlineBinary") if name in element]
    expect(len(values) <= 1 and set(element) <= {"vr", *values}, f"{tag}: members {sorted(element)}")
    expect(not values or (values == ["Value"]) == (vr not in BINARY) or values == ["BulkDataURI"], f"{tag}: {vr} as {values}")
    if "Value" in element:
        value = element["Value"]
        expect(isinstance(value, list) and value and all(is_value(vr, one) for one in value), f"{tag} {vr}: {value}")
        for item in value if vr == "SQ" else []:
            check_json(item)
    if "InlineBinary" in element:
        base64.b64decode(element["InlineBinary"], validate=True)
    if "BulkDataURI" in element:
        expect(urllib.parse.urlsplit(element["BulkDataURI"]).path, f"{tag}: {element}")


def check_json(dataset):
    """F.2.2: tags as eight digits, ascending, no group lengths; the character set, if any, is that of JSON."""
    tags = list(dataset)
    expect(all(re.fullmatch(r"[0-9A-F]{8}", tag) for tag in tags), f"tags: {tags}")
    expect(tags == sorted(tags), f"tags do not ascend: {tags}")
    expect(not any(tag.endswith("0000") for tag in tags), "group lengths")
    expect(dataset.get("00080005", {}).get("Value", ["ISO_IR 192"]) == ["ISO_IR 192"], f"{dataset.get('00080005')}")
    for tag, element in dataset.items():
        check_element(tag, element)


# ---- Store (10.5)

@requirement("10.5.3.1", "200 when all instances are stored, with Referenced SOP Sequence")
def store_all(service, made):
    document = service.store([bytes_of(one) for one in made.values()]).json()
    check_json(document)
    stored = {item["00081155"]["Value"][0]: item for item in document["00081199"]["Value"]}
    expect(set(stored) == {one.SOPInstanceUID for one in made.values()}, str(sorted(stored)))
    for one in made.values():
        item = stored[one.SOPInstanceUID]
        expect(item["00081150"]["Value"] == [one.SOPClassUID], f"(0008,1150) of {item}")
        expect(item["00081190"]["Value"][0].startswith(service.url + "/studies/"), f"(0008,1190) of {item}")
        service.get(item["00081190"]["Value"][0], Accept=DICOM)
    expect("00081198" not in document, "a Failed SOP Sequence")


@requirement("10.5.3.3", "the response has the Retrieve URL of the study when all instances are of one")
def store_url(service, made):
    document = service.store([bytes_of(made["2.1.1"])], target=f"/studies/{ROOT}.2").json()
    expect(document["00081190"]["Value"] == [f"{service.url}/studies/{ROOT}.2"], str(document))


@requirement("10.5.3.1", "202 when some are stored: the others are in Failed SOP Sequence, each with a Failure Reason")
def store_some(service, made):
    other = make("2", "9", "9", "OT")
    document = service.store([bytes_of(made["1.1.1"]), bytes_of(other)], target=f"/studies/{ROOT}.1", status=202).json()
    check_json(document)
    failed = document["00081198"]["Value"]
    expect([item["00081155"]["Value"] for item in failed] == [[other.SOPInstanceUID]], str(failed))
    expect(0xA900 <= failed[0]["00081197"]["Value"][0] <= 0xA9FF, f"Failure Reason of another study (table I.2-2): {failed}")
    expect([item["00081155"]["Value"][0] for item in document["00081199"]["Value"]] == [made["1.1.1"].SOPInstanceUID], "")
    service.get(f"/studies/{ROOT}.2/series/{ROOT}.2.9/metadata", status=404)


@requirement("10.5.3.1", "409 when none is stored")
def store_none(service, _):
    check_json(service.store([b"these are no bytes of DICOM" * 20], status=409).json())


@requirement("10.5.3.1", "415 for a media type that is not supported")
def store_media_type(service, _):
    service.ask("POST", "/studies", b"x", 415, Content_Type="text/plain")
    service.ask("POST", "/studies", b"--B--", 415, Content_Type='multipart/related; type="image/png"; boundary=B')


@requirement("8.6.1.2", "400 for a multipart payload without a boundary, without parts, or cut off")
def store_bad_payload(service, made):
    service.store([], status=400, Content_Type='multipart/related; type="application/dicom"')
    service.store([], status=400)
    body = b"--B\r\nContent-Type: application/dicom\r\n\r\n" + bytes_of(made["1.1.1"])[:-10]
    service.ask("POST", "/studies", body, 400, Content_Type='multipart/related; type="application/dicom"; boundary=B')


@requirement("10.5.1.4", "a boundary may be quoted and longer, a part may have more fields, and a preamble is passed over")
def store_multipart_forms(service, made):
    body = (b"preamble\r\n--a b'c\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n"
            b"Content-Location: x\r\n\r\n" + bytes_of(made["1.1.1"]) + b"\r\n--a b'c--\r\nepilogue")
    service.ask("POST", "/studies", body, 200, Content_Type='Multipart/Related; boundary="a b\'c"; type=application/dicom')


@requirement("10.5.3.3", "the response is XML (PS3.19) when the client asks for that")
def store_xml(service, made):
    answer = service.store([bytes_of(made["1.1.1"])], Accept="application/dicom+xml")
    expect(answer.type == "application/dicom+xml", answer.type)
    root = xml.etree.ElementTree.fromstring(answer.body)
    expect(root.tag.endswith("NativeDicomModel"), root.tag)
    uid = root.find(".//{*}DicomAttribute[@tag='00081155']/{*}Value")
    expect(uid is not None and uid.text == made["1.1.1"].SOPInstanceUID, answer.body.decode())


# ---- Search (10.6)

@requirement("8.7.4", "matches are application/dicom+json by default, and when that or any type is accepted")
def search_types(service, _):
    for headers in ({}, {"Accept": JSON}, {"Accept": "*/*"}, {"Accept": "text/html, application/dicom+json;q=0.1"}):
        expect(service.get("/studies", **headers).type == JSON, str(headers))


@requirement("8.7.5", "406 where no accepted media type is supported, also one with q=0")
def search_not_acceptable(service, _):
    service.get("/studies", status=406, Accept="image/png")
    service.get("/studies", status=406, Accept="application/dicom+json;q=0")


@requirement("8.3.3.1", "the query parameter accept is taken before the header field")
def search_accept_parameter(service, _):
    expect(service.get("/studies?accept=application/dicom%2Bjson", Accept="image/png").type == JSON, "")
    service.get("/studies?accept=image/png", status=406, Accept=JSON)


@requirement("10.6.3.1", "a search without matches has 204 and no payload, or 200 and an empty list")
def search_nothing(service, _):
    answer = service.get("/studies?PatientID=nobody", status=(200, 204))
    expect(answer.body == b"" if answer.status == 204 else answer.json() == [], repr(answer.body))
    expect(service.search(f"/studies/{ROOT}.404/series") == [], "series of a study that is not there")


@requirement("10.6.3.3", "matches have the attributes of tables 10.6.3-3, -4 and -5 and follow annex F")
def search_attributes(service, _):
    study = ["00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "00100030", "00100040",
             "0020000D", "00200010", "00201206", "00201208"]
    series = ["00080060", "0020000E", "00200011", "00201209"]
    instance = ["00080016", "00080018", "00200013"]
    for target, tags in (("/studies", study), (f"/studies/{ROOT}.1/series", series), ("/series", study + series),
                         (f"/studies/{ROOT}.1/series/{ROOT}.1.1/instances", instance + ["00280010", "00280011", "00280100"]),
                         (f"/studies/{ROOT}.1/instances", series[:3] + instance), ("/instances", study + series[:3] + instance)):
        matches = service.search(target)
        expect(matches, target)
        for match in matches:
            check_json(match)
            expect(set(tags) <= set(match), f"{target}: without {sorted(set(tags) - set(match))}")


@requirement("10.6.3.3", "values of matches are those of the instances: counts, modalities, numbers of frames")
def search_values(service, _):
    first = service.search("/studies", "StudyInstanceUID=" + ROOT + ".1")[0]
    values = {tag: first[tag].get("Value") for tag in ("00080020", "00100010", "00201206", "00201208")}
    expect(values == {"00080020": ["20200110"], "00100010": [{"Alphabetic": "Doe^Jane"}], "00201206": [2], "00201208": [4]},
           str(values))
    expect(sorted(first["00080061"]["Value"]) == ["CT", "MR"], str(first["00080061"]))
    frames = service.search(f"/studies/{ROOT}.3/instances", f"SOPInstanceUID={ROOT}.3.1.1")[0]
    expect(frames["00280008"]["Value"] == [3], str(frames.get("00280008")))
    empty = service.search("/studies", "PatientID=P3")[0]["00080050"]
    expect(empty == {"vr": "SH"}, f"an empty value has no Value (F.2.5): {empty}")


@requirement("10.6.3.3", "Retrieve URL (0008,1190) of each match is the resource's")
def search_urls(service, _):
    for target in ("/studies", "/series", "/instances"):
        for match in service.search(target):
            path = "/studies/" + match["0020000D"]["Value"][0]
            path += "/series/" + match["0020000E"]["Value"][0] if target != "/studies" else ""
            path += "/instances/" + match["00080018"]["Value"][0] if target == "/instances" else ""
            expect(match["00081190"]["Value"] == [service.url + path], f"{target}: {match['00081190']}")
            service.get(match["00081190"]["Value"][0], Accept=DICOM)


MATCHES = [  # PS3.18 clause or PS3.4 clause, resource, query, UIDs that match
    ("10.6.1.2 StudyDate", "/studies", "StudyDate=20200110", ["1"]),
    ("10.6.1.2 StudyTime", "/studies", "StudyTime=101500", ["1"]),
    ("10.6.1.2 AccessionNumber", "/studies", "AccessionNumber=A2", ["2"]),
    ("10.6.1.2 ModalitiesInStudy", "/studies", "ModalitiesInStudy=CT", ["1"]),
    ("10.6.1.2 ModalitiesInStudy, one of several", "/studies", "ModalitiesInStudy=MR", ["1", "2"]),
    ("10.6.1.2 ReferringPhysicianName", "/studies", "ReferringPhysicianName=House%5EGregory", ["1"]),
    ("10.6.1.2 PatientName", "/studies", "PatientName=Doe%5EJohn", ["2"]),
    ("10.6.1.2 PatientName, not ASCII", "/studies", "PatientName=M%C3%BCller%5EJ%C3%BCrgen", ["3"]),
    ("10.6.1.2 PatientID", "/studies", "PatientID=P1", ["1"]),
    ("10.6.1.2 StudyInstanceUID", "/studies", f"StudyInstanceUID={ROOT}.3", ["3"]),
    ("10.6.1.2 StudyID", "/studies", "StudyID=two", ["2"]),
    ("10.6.1.2 Modality", "/series", "Modality=CT", ["1.1"]),
    ("10.6.1.2 SeriesInstanceUID", "/series", f"SeriesInstanceUID={ROOT}.1.2", ["1.2"]),
    ("10.6.1.2 SeriesNumber", f"/studies/{ROOT}.1/series", "SeriesNumber=2", ["1.2"]),
    ("10.6.1.2 a sequence, by keywords", "/series", "RequestAttributesSequence.ScheduledProcedureStepID=STEP-9", ["1.2"]),
    ("10.6.1.2 a sequence, by tags", "/series", "00400275.00401001=PROC-9", ["1.2"]),
    ("10.6.1.2 a sequence, another value", "/series", "00400275.00401001=PROC-8", []),
    ("10.6.1.2 SOPClassUID", "/instances", "SOPClassUID=1.2.840.10008.5.1.4.1.1.4", ["2.1.1"]),
    ("10.6.1.2 SOPInstanceUID", "/instances", f"SOPInstanceUID={ROOT}.1.1.2", ["1.1.2"]),
    ("10.6.1.2 InstanceNumber", f"/studies/{ROOT}.1/series/{ROOT}.1.1/instances", "InstanceNumber=3", ["1.1.3"]),
    ("10.6.1.1 attributes of studies in searches of series", "/series", "PatientID=P1", ["1.1", "1.2"]),
    ("10.6.1.1 attributes of series in searches of instances", "/instances", "Modality=US", ["3.1.1", "3.1.2"]),
    ("8.3.4.1 by tag", "/studies", "00100020=P2", ["2"]),
    ("8.3.4.1 several conditions: all must match", "/studies", "PatientName=Doe*&StudyDate=20200215", ["2"]),
    ("PS3.4 C.2.2.2.1 single values match whole", "/studies", "PatientID=P", []),
    ("PS3.4 C.2.2.2.1 single values keep their case", "/studies", "AccessionNumber=a1", []),
    ("PS3.4 C.2.2.2.2 a list of UIDs", "/studies", f"StudyInstanceUID={ROOT}.1,{ROOT}.3", ["1", "3"]),
    ("PS3.4 C.2.2.2.2 a list of UIDs, by backslash", "/studies", f"StudyInstanceUID={ROOT}.1%5C{ROOT}.2", ["1", "2"]),
    ("PS3.4 C.2.2.2.3 an empty value matches all", "/studies", "PatientID=", ["1", "2", "3"]),
    ("PS3.4 C.2.2.2.4 *", "/studies", "PatientName=Doe*", ["1", "2"]),
    ("PS3.4 C.2.2.2.4 * in the middle", "/studies", "PatientName=D*hn", ["2"]),
    ("PS3.4 C.2.2.2.4 ?", "/studies", "PatientID=%3F2", ["2"]),
    ("PS3.4 C.2.2.2.4 ? is exactly one character", "/studies", "PatientID=P1%3F", []),
    ("PS3.4 C.2.2.2.4 ? is one character, not one byte", "/studies", "PatientName=M%3Fller*", ["3"]),
    ("PS3.4 C.2.2.2.4 * alone matches all", "/studies", "StudyID=*", ["1", "2", "3"]),
    ("PS3.4 C.2.2.2.5 a range of dates", "/studies", "StudyDate=20200101-20200131", ["1"]),
    ("PS3.4 C.2.2.2.5 both ends belong to it", "/studies", "StudyDate=20200110-20200215", ["1", "2"]),
    ("PS3.4 C.2.2.2.5 from a date", "/studies", "StudyDate=20200215-", ["2", "3"]),
    ("PS3.4 C.2.2.2.5 to a date", "/studies", "StudyDate=-20200215", ["1", "2"]),
    ("PS3.4 C.2.2.2.5 a range of times", "/studies", "StudyTime=0900-0959", ["2"]),
    ("PS3.4 C.2.2.2.5 times of less precision", "/studies", "StudyTime=10-11", ["1"]),
]


def add_match(clause, target, query, uids):
    @requirement(clause, f"{target} ? {urllib.parse.unquote(query)}".replace(ROOT, "ROOT"))
    def match(service, _):
        found = service.uids(target, query)
        expect(sorted(found) == uids, f"found {sorted(found)}, not {uids}")


for row in MATCHES:
    add_match(*row)


@requirement("8.3.4.2", "fuzzymatching is done, or the answer says by Warning 299 that it is not")
def search_fuzzy(service, _):
    answer = service.get("/studies?PatientName=muller&fuzzymatching=true", status=(200, 204))
    found = [match["0020000D"]["Value"][0] for match in answer.json()] if answer.status == 200 else []
    expect(found == [ROOT + ".3"] or answer.headers.get("Warning", "").startswith("299"), f"{found} {answer.headers}")
    expect(service.uids("/studies", "PatientID=P1&fuzzymatching=false") == ["1"], "fuzzymatching=false")


@requirement("8.3.4.3", "includefield: by keyword, by tag, several times, as a list; and attributes of conditions")
def search_include(service, _):
    target = f"/studies/{ROOT}.2/instances"
    plain = service.search(target)[0]
    expect(not {"00080008", "00280030"} & set(plain), "attributes that nobody asked for")
    for query in ("includefield=ImageType&includefield=PixelSpacing", "includefield=00080008,00280030",
                  "includefield=ImageType%2CPixelSpacing", "includefield=all", "ImageType=PRIMARY&PixelSpacing="):
        match = service.search(target, query)[0]
        check_json(match)
        expect(match.get("00080008", {}).get("Value") == ["ORIGINAL", "PRIMARY", "M"], f"{query}: {match.get('00080008')}")
        expect([float(value) for value in match["00280030"]["Value"]] == [0.5, 0.5], f"{query}: {match['00280030']}")
        expect(set(plain) <= set(match), f"{query}: lacks {sorted(set(plain) - set(match))}")


@requirement("10.6.3.3", "a private element that is asked for comes with its Private Creator")
def search_include_private(service, _):
    match = service.search(f"/studies/{ROOT}.3/instances", f"includefield=00111001&SOPInstanceUID={ROOT}.3.1.1")[0]
    expect(match.get("00111001", {}).get("Value") == ["private words"], str(match.get("00111001")))
    expect(match.get("00110010", {}).get("Value") == ["ACME 1.0"], str(match.get("00110010")))


@requirement("10.6.3.3", "attributes of lower levels are not returned for studies and series")
def search_include_lower(service, _):
    for target, names in (("/studies", ["Modality", "SeriesInstanceUID", "SeriesNumber", "SOPInstanceUID", "InstanceNumber"]),
                          ("/series", ["SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows"])):
        tags = {"Modality": "00080060", "SeriesInstanceUID": "0020000E", "SeriesNumber": "00200011", "SOPInstanceUID": "00080018",
                "InstanceNumber": "00200013", "SOPClassUID": "00080016", "Rows": "00280010"}
        for match in service.search(target, "includefield=" + ",".join(names)):
            there = [name for name in names if tags[name] in match]
            expect(not there, f"{target} has {there}")


@requirement("8.3.4.4", "limit and offset: pages are disjoint, in one order, and all of them are the whole")
def search_pages(service, made):
    pages = [service.uids("/instances", f"limit=2&offset={offset}") for offset in range(0, len(made) + 1, 2)]
    expect(all(len(page) == 2 for page in pages[:len(made) // 2]), str(pages))
    found = [uid for page in pages for uid in page]
    expect(len(found) == len(set(found)) and set(found) == set(made), str(pages))
    expect(service.uids("/instances", "offset=1000") == [], "an offset behind the end")
    expect(service.uids("/instances", "limit=3&Modality=CT") == service.uids("/instances", "Modality=CT"), "with a condition")


@requirement("10.6.3.1", "400 for query parameters that are malformed")
def search_bad(service, _):
    for query in ("limit=x", "limit=-1", "offset=x", "fuzzymatching=perhaps", "NoSuchAttribute=1", "includefield=NoSuch"):
        service.get("/studies?" + query, status=400)


# ---- Retrieve (10.4)

@requirement("10.4.3.3", "an instance is one part of application/dicom, byte for byte")
def retrieve_instance(service, made):
    for uid, one in made.items():
        parts = service.get(path_of(uid), Accept=DICOM).parts()
        expect(len(parts) == 1 and parts[0][0].startswith("application/dicom") and parts[0][1] == bytes_of(one), uid)


@requirement("10.4.3.3", "studies and series have a part for each instance, and no others")
def retrieve_many(service, made):
    import pydicom
    for target, prefix in ((f"/studies/{ROOT}.1", "1."), (f"/studies/{ROOT}.1/series/{ROOT}.1.1", "1.1."),
                           (f"/studies/{ROOT}.3", "3.")):
        parts = service.get(target, Accept=DICOM).parts()
        found = sorted(str(pydicom.dcmread(io.BytesIO(body), stop_before_pixels=True).SOPInstanceUID) for _, body in parts)
        expect(found == [f"{ROOT}.{uid}" for uid in sorted(made) if uid.startswith(prefix)], f"{target}: {found}")


@requirement("8.7.3.1", "an instance may be asked for without multipart")
def retrieve_single(service, made):
    answer = service.get(path_of("1.1.1"), Accept="application/dicom")
    expect(answer.type == "application/dicom" and answer.body == bytes_of(made["1.1.1"]), answer.type)


@requirement("8.7.4", "the default is multipart/related of application/dicom; */* and ranges with qualities are understood")
def retrieve_default(service, _):
    for headers in ({}, {"Accept": "*/*"}, {"Accept": 'image/png, multipart/related; type="application/dicom"; q=0.5'},
                    {"Accept": "multipart/related; type=application/dicom"}):
        answer = service.get(path_of("1.1.1"), **headers)
        expect(answer.type == "multipart/related" and answer.headers.get_param("type") == "application/dicom", str(headers))


@requirement("8.7.3.4", "without a transfer syntax, parts are Explicit VR Little Endian where the instance has that")
def retrieve_default_syntax(service, _):
    import pydicom
    body = service.get(path_of("1.1.1"), Accept='multipart/related; type="application/dicom"').parts()[0][1]
    expect(pydicom.dcmread(io.BytesIO(body)).file_meta.TransferSyntaxUID == EXPLICIT, "")


@requirement("10.4.3.1", "406 for media types and transfer syntaxes that can't be had")
def retrieve_not_acceptable(service, _):
    service.get(path_of("1.1.1"), status=406, Accept="text/plain")
    service.get(path_of("1.1.1"), status=406, Accept=f'multipart/related; type="application/dicom"; transfer-syntax={JPEG}')
    syntax = f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}'
    answer = service.get(path_of("3.1.2"), status=(200, 406), Accept=syntax)
    expect(answer.status == 406 or EXPLICIT in answer.parts()[0][0], "another transfer syntax than the one accepted")
    service.get(path_of("1.1.1") + "/metadata", status=406, Accept="image/png")
    service.get(path_of("1.1.1") + "/frames/1", status=406, Accept="text/plain")


@requirement("10.4.3.1", "404 for what is not there, 400 for identifiers and lists of frames that are none")
def retrieve_missing(service, _):
    for path in (f"/studies/{ROOT}.4", f"/studies/{ROOT}.1/series/{ROOT}.4", path_of("1.1.9"), path_of("1.1.9") + "/metadata",
                 f"/studies/{ROOT}.2/series/{ROOT}.1.1", path_of("1.1.1") + "/frames/2", path_of("1.1.1") + "/bulkdata/00091001"):
        service.get(path, status=404)
    for path in ("/studies/not-a-uid", path_of("1.1.1") + "/frames/0", path_of("1.1.1") + "/frames/x"):
        service.get(path, status=400)


@requirement("10.4.1.1", "metadata of instances, series and studies: a list with an object for each instance, as annex F has it")
def metadata(service, made):
    for target, prefix in ((path_of("1.1.1"), "1.1.1"), (f"/studies/{ROOT}.1/series/{ROOT}.1.1", "1.1."),
                           (f"/studies/{ROOT}.1", "1."), (path_of("2.1.1"), "2."), (f"/studies/{ROOT}.3", "3.")):
        documents = service.get(target + "/metadata", Accept=JSON).json()
        for document in documents:
            check_json(document)
            expect(not any(tag.startswith("0002") for tag in document), "File Meta Information in a data set")
        found = sorted(document["00080018"]["Value"][0] for document in documents)
        expect(found == [f"{ROOT}.{uid}" for uid in sorted(made) if uid.startswith(prefix)], f"{target}: {found}")


@requirement("F.2", "metadata says what the instance says: pydicom reads the same data set from JSON, bulk data by its URIs")
def metadata_values(service, made):
    import pydicom
    for uid, one in made.items():
        document = service.get(path_of(uid) + "/metadata", Accept=JSON).json()[0]
        uris = []

        def fetch(uri):
            uris.append(uri)
            parts = service.get(urllib.parse.urljoin(service.url + path_of(uid) + "/", uri), Accept=OCTETS).parts()
            return b"".join(body for _, body in parts)

        read = pydicom.Dataset.from_json(document, bulk_data_uri_handler=lambda _tag, _vr, uri: fetch(uri))
        wanted = {element.tag: element for element in one}
        expect({element.tag for element in read} == set(wanted), f"{uid}: {[element.tag for element in read]}")
        for tag, element in wanted.items():
            if tag == 0x7FE00010 and one.file_meta.TransferSyntaxUID == JPEG:
                expect(uris, "no URI of encapsulated pixel data")
                continue
            expect(read[tag].VR == element.VR, f"{uid} {tag}: {read[tag].VR}")
            expect(read[tag].value == element.value or (element.is_empty and read[tag].is_empty), f"{uid} {tag}: {read[tag]}")


@requirement("10.4.3.3", "native frames are octets, in the order of the list")
def frames(service, made):
    size = 32 * 32 * 2
    pixels = made["3.1.1"].PixelData
    for numbers in ([1], [2], [1, 3], [3, 1], [1, 2, 3]):
        parts = service.get(path_of("3.1.1") + "/frames/" + ",".join(map(str, numbers)), Accept=OCTETS).parts()
        expect([body for _, body in parts] == [pixels[(n - 1) * size:n * size] for n in numbers], f"frames {numbers}")
        expect(all(kind.startswith("application/octet-stream") for kind, _ in parts), str(parts[0][0]))


@requirement("8.7.3.3", "compressed frames have the media type of their transfer syntax")
def compressed_frames(service, _):
    accept = f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}'
    parts = service.get(path_of("3.1.2") + "/frames/1,2", Accept=accept).parts()
    expect([body for _, body in parts] == [b"\xff\xd8frame 1\xff\xd9.", b"\xff\xd8frame no2\xff\xd9."], str(parts))
    expect(all(kind.startswith("image/jpeg") for kind, _ in parts), str(parts))


@requirement("10.4.1.1", "bulk data can be fetched by its URI, whole and as a range of bytes")
def bulk_data(service, made):
    document = service.get(path_of("3.1.1") + "/metadata", Accept=JSON).json()[0]
    uri = document["7FE00010"]["BulkDataURI"]
    whole = service.get(uri, Accept="application/octet-stream")
    expect(whole.body == made["3.1.1"].PixelData, f"{len(whole.body)} bytes")
    part = service.get(uri, status=(200, 206), Accept="application/octet-stream", Range="bytes=10-19")
    expect(part.body == (made["3.1.1"].PixelData[10:20] if part.status == 206 else whole.body), repr(part.body[:40]))


# ---- running

def run(service, made):
    failed = 0
    for clause, text, function in requirements:
        try:
            function(service, made)
            print(f"ok    {clause}: {text}", flush=True)
        except Exception as problem:  # whatever an answer made us stumble over
            failed += 1
            print(f"FAILED {clause}: {text}\n    {type(problem).__name__}: {str(problem)[:1500]}", flush=True)
    print(f"{failed} of {len(requirements)} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", nargs="?")
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("--clients", type=pathlib.Path)
    parser.add_argument("--url")
    flags = parser.parse_args()
    python = flags.clients / "venv" / "bin" / "python" if flags.clients else pathlib.Path(sys.executable)
    if not python.exists():
        print(f"skipped: no clients in {flags.clients} (tests/wire/setup.sh)")
        return 77
    if flags.clients and pathlib.Path(sys.prefix).resolve() != (flags.clients / "venv").resolve():
        os.execv(python, [str(python), *sys.argv])
    if flags.url:
        return run(Service(flags.url), instances())
    shutil.rmtree(flags.folder, ignore_errors=True)
    with Server(flags.program, flags.folder) as server:
        for target in (STORE.rsplit("/", 2)[0].rsplit("/", 1)[0] + "?datasetId=d", STORE.rsplit("/", 1)[0] + "?dicomStoreId=s"):
            status, answer = server.request("POST", target, {})
            expect(status == 200, f"POST {target}: {answer}")
        return run(Service(server.url + STORE + "/dicomWeb"), instances())


if __name__ == "__main__":
    sys.exit(main())
