"""Run by dicomweb_check.py with the clients' own Python: python_client.py URL FOLDER"""
import io
import pathlib
import sys
import warnings

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient

warnings.simplefilter("ignore")
failed = 0


def check(holds, what):
    global failed
    if not holds:
        failed += 1
    print(("ok    " if holds else "FAILED ") + what, flush=True)


def uids(dataset):
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def plain(dataset):
    """What a data set says, without what DICOM JSON may write otherwise."""
    result = {}
    for element in dataset:
        if element.tag in (0x00080005, 0x7FE00010) or element.tag.group == 2 or element.tag.element == 0:
            continue
        if element.VR == "SQ":
            result[element.tag] = [plain(item) for item in element.value]
        elif element.VR in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
            continue
        elif element.is_empty:
            result[element.tag] = None
        elif element.VR in ("DS", "FL", "FD"):
            values = element.value if element.VM > 1 else [element.value]
            result[element.tag] = [digits(value) for value in values]
        elif element.VR == "PN":
            values = element.value if element.VM > 1 else [element.value]
            result[element.tag] = [[group.rstrip("^ ") for group in value.components] for value in values]
        else:
            result[element.tag] = str(element.value)
    return result


def digits(value):
    """A number as seven digits, which a float has."""
    return None if value in ("", None) else f"{float(value):.7g}"


def bytes_of(url, key):
    target = "{}/studies/{}/series/{}/instances/{}".format(url, *key)
    return requests.get(target, headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=60).content


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    client = DICOMwebClient(url)
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                dataset = pydicom.dcmread(path)
                files.setdefault(uids(dataset), path.read_bytes())
            except (pydicom.errors.InvalidDicomError, AttributeError):
                continue
    for bytes_ in files.values():
        answer = requests.post(url + "/studies", data=bytes_, headers={"Content-Type": "application/dicom"}, timeout=60)
        if answer.status_code != 200:
            check(False, f"store: {answer.status_code} {answer.text[:300]}")
    datasets = {key: pydicom.dcmread(io.BytesIO(bytes_)) for key, bytes_ in files.items()}
    first = next(key for key, dataset in datasets.items() if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1")
    stored = client.store_instances([datasets[first]])
    told = [*stored.get("ReferencedSOPSequence", []), *stored.get("FailedSOPSequence", [])]
    check(len(told) == 1, "store_instances is answered")

    check(all(bytes_of(url, key) == bytes_ for key, bytes_ in files.items()), f"{len(files)} instances come back byte for byte")
    studies = {key[0] for key in files}
    found = client.search_for_studies(limit=1000)
    check({study["0020000D"]["Value"][0] for study in found} == studies, f"{len(studies)} studies are found")
    series = {key[1] for key in files}
    check({s["0020000E"]["Value"][0] for s in client.search_for_series(limit=1000)} == series, f"{len(series)} series are found")
    instances = {key[2] for key in files}
    found = {i["00080018"]["Value"][0] for i in client.search_for_instances(limit=10000)}
    check(found == instances, f"{len(instances)} instances are found")
    study = first[0]
    one = client.search_for_studies(search_filters={"StudyInstanceUID": study}, fields=["PatientID"])
    check([s["0020000D"]["Value"][0] for s in one] == [study], "a study is found by its UID")
    patient = str(datasets[first].get("PatientID", ""))
    of_patient = {key[0] for key, dataset in datasets.items() if str(dataset.get("PatientID", "")) == patient}
    found = client.search_for_studies(search_filters={"PatientID": patient}, limit=1000)
    check({s["0020000D"]["Value"][0] for s in found} == of_patient, "studies are found by PatientID")
    check(client.search_for_studies(search_filters={"PatientID": "nobody"}) == [], "nothing is found of nobody")

    for study in studies:
        for document in client.retrieve_study_metadata(study):
            theirs = pydicom.Dataset.from_json(document, bulk_data_uri_handler=lambda *_: None)
            key = uids(theirs)
            ours, read = plain(theirs), plain(datasets[key])
            different = {str(tag): (ours.get(tag), read.get(tag)) for tag in {*ours, *read} if ours.get(tag) != read.get(tag)}
            if different or set(ours) != set(read):
                check(False, f"metadata of {key[2]}: {str(different)[:1000]}")
    check(True, "metadata was compared with what pydicom reads")

    compared = 0
    for key, dataset in datasets.items():
        if "PixelData" not in dataset or dataset.file_meta.TransferSyntaxUID.is_compressed:
            continue
        if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2" or dataset.BitsAllocated % 8 != 0:
            continue
        frame = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
        count = int(dataset.get("NumberOfFrames", 1) or 1)
        if len(dataset.PixelData) < frame * count:
            continue
        numbers = sorted({1, count})
        frames = client.retrieve_instance_frames(*key, frame_numbers=numbers)
        compared += 1
        for number, bytes_ in zip(numbers, frames):
            if bytes_ != dataset.PixelData[(number - 1) * frame:number * frame]:
                check(False, f"frame {number} of {key[2]}")
    check(compared > 0, f"frames of {compared} instances are those of their pixel data")
    whole = client.retrieve_series(*first[:2])
    check(len(whole) == sum(1 for key in files if key[:2] == first[:2]), "retrieve_series gives all instances")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
