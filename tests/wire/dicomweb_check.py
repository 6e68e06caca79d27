#!/usr/bin/env python3
"""DICOMweb clients of others against a real server: Python's and JavaScript's dicomweb-client, dcmjs, pydicom. What was
stored has to come back: instances byte for byte, metadata as pydicom reads the file, frames as its pixel data has them.

    dicomweb_check.py PROGRAM MAKE_DICOM FOLDER --clients FOLDER

--clients: what tests/wire/setup.sh made. Ends with 77 when it is not there.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
STORE = "/v1/projects/p/locations/l/datasets/d/dicomStores/s"
failures = []


def check(holds, what):
    print(("ok    " if holds else "FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)


def run(what, command, **options):
    """A program whose exit code says whether all held; its lines are ours."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)
    print(done.stdout, end="")
    check(done.returncode == 0, what + ("" if done.returncode == 0 else ": " + done.stderr[-2000:]))


def make_store(server):
    for target in ("/v1/projects/p/locations/l/datasets?datasetId=d",
                   "/v1/projects/p/locations/l/datasets/d/dicomStores?dicomStoreId=s"):
        status, answer = server.request("POST", target, {})
        check(status == 200, f"POST {target}: {status} {answer if status != 200 else ''}")


def delete_a_study(server):
    """DELETE of a study is an operation; it has gone when that is done."""
    root = STORE + "/dicomWeb/studies"
    _, found = server.request("GET", root + "?limit=1")
    study = found[0]["0020000D"]["Value"][0]
    status, operation = server.request("DELETE", f"{root}/{study}")
    check(status == 200 and "/operations/" in operation["name"], f"DELETE of a study begins {operation}")
    for _ in range(100):
        status, operation = server.request("GET", "/v1/" + operation["name"])
        if status != 200 or operation.get("done"):
            break
        time.sleep(0.1)
    check(operation.get("done") and "error" not in operation, f"the operation is done: {json.dumps(operation)}")
    status, _ = server.request("GET", f"{root}/{study}/series")
    check(status == 204, f"a search in the deleted study: {status}")
    status, _ = server.request("GET", f"{root}/{study}/metadata")
    check(status == 404, f"metadata of the deleted study: {status}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("make_dicom")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--clients", type=pathlib.Path, required=True)
    options = arguments.parse_args()
    python = options.clients / "venv" / "bin" / "python"
    if not python.exists() or not (options.clients / "node_modules").exists():
        print(f"skipped: no clients in {options.clients} (tests/wire/setup.sh)")
        return 77
    shutil.rmtree(options.folder, ignore_errors=True)
    files = options.folder / "files"
    subprocess.run([options.make_dicom, "hospital", str(files), "--instances", "60"], check=True, stdout=subprocess.DEVNULL)
    with Server(options.program, options.folder / "server") as server:
        make_store(server)
        url = server.url + STORE + "/dicomWeb"
        run("Python's dicomweb-client", [python, HERE / "python_client.py", url, files])
        run("JavaScript's dicomweb-client and dcmjs", ["node", HERE / "javascript_client.js", url],
            env={**os.environ, "NODE_PATH": str(options.clients / "node_modules")})
        delete_a_study(server)
        status, metrics = server.request("GET", STORE + ":getDICOMStoreMetrics")
        check(status == 200, f"metrics: {json.dumps(metrics)}")
    print(f"{len(failures)} failed" if failures else "all hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
