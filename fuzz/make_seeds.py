#!/usr/bin/env python3
"""Seeds for the reader's fuzz target.

make_seeds.py small MAKE_DICOM     writes fuzz/corpus/reader anew: small files made by tools/make_dicom, one of each size and kind
make_seeds.py long OUT [FOLDER]    copies all small files of FOLDER (default: ../shared/corpora) to OUT, for long runs
"""
import hashlib
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent
SMALL_BYTES = 9000
LONG_BYTES = 20000
TOTAL_BYTES = 150000


def is_dicom_like(data: bytes) -> bool:
    return data[128:132] == b"DICM" or data[:4] == b"DICM" or data[1:2] == b"\0"


def write_small(make_dicom: str) -> None:
    out = SOURCE / "corpus" / "reader"
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("made_*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([make_dicom, "hospital", folder, "--instances", "60"], check=True, stdout=subprocess.DEVNULL)
        # One file of each folder and transfer syntax: neighbours of a series teach nothing new.
        seen, total = set(), 0
        for path in sorted(pathlib.Path(folder).rglob("*"), key=lambda p: (p.is_file() and p.stat().st_size, str(p))):
            if not path.is_file() or not 100 < path.stat().st_size <= SMALL_BYTES or path.parent in seen:
                continue
            data = path.read_bytes()
            seen.add(path.parent)
            total += len(data)
            if total > TOTAL_BYTES:
                break
            (out / f"made_{len(seen):02}").write_bytes(data)


def write_long(out: pathlib.Path, folder: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= LONG_BYTES and is_dicom_like(data := path.read_bytes()):
            (out / hashlib.sha1(data).hexdigest()).write_bytes(data)


def main() -> None:
    words = sys.argv[1:]
    if len(words) == 2 and words[0] == "small":
        write_small(words[1])
    elif len(words) in (2, 3) and words[0] == "long":
        folder = pathlib.Path(words[2]) if len(words) == 3 else SOURCE.parent.parent / "shared" / "corpora"
        write_long(pathlib.Path(words[1]), folder)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
