#!/usr/bin/env python3
"""The Healthcare API driven by clients that we did not write: real gcloud, google-api-python-client built from the description
that the server serves, and @googleapis/healthcare.

    healthcare_check.py PROGRAM FOLDER [--clients FOLDER] [--gcloud COMMAND]

--clients: where setup.sh installed the libraries. What is not on the machine is left out with a notice; ends with 77 when all is.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
failures = []


def check(holds, what):
    print(("ok    " if holds else "FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)


def run_client(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **more)
    print(done.stdout + done.stderr, end="", flush=True)
    check(done.returncode == 0, " ".join(pathlib.Path(word).name for word in command[:2]))


class Gcloud:
    def __init__(self, command, server):
        self.command = command
        self.environment = server.environment(CLOUDSDK_CORE_PROJECT="p")

    def run(self, *words, fails=False):
        """Standard output, and standard error."""
        done = subprocess.run([self.command, *words], env=self.environment, capture_output=True, text=True, timeout=300)
        check((done.returncode != 0) == fails, "gcloud " + " ".join(words))
        if (done.returncode != 0) != fails:
            print(done.stdout + done.stderr, flush=True)
        return done.stdout, done.stderr

    def json(self, *words):
        return json.loads(self.run(*words, "--format=json")[0] or "null")


def drive_gcloud(gcloud):
    place = ["--location=l"]
    inside = [*place, "--dataset=d"]
    gcloud.run("healthcare", "datasets", "create", "d", *place, "--time-zone=UTC")
    dataset = gcloud.json("healthcare", "datasets", "describe", "d", *place)
    check(dataset == {"name": "projects/p/locations/l/datasets/d", "timeZone": "UTC"}, f"describe: {dataset}")
    gcloud.run("healthcare", "datasets", "update", "d", *place, "--time-zone=CET")
    check(gcloud.json("healthcare", "datasets", "list", *place)[0]["timeZone"] == "CET", "list shows the update")
    gcloud.run("healthcare", "dicom-stores", "create", "s", *inside, "--pubsub-topic=projects/p/topics/t")
    store = gcloud.json("healthcare", "dicom-stores", "describe", "s", *inside)
    check(store == {"name": "projects/p/locations/l/datasets/d/dicomStores/s",
                    "notificationConfig": {"pubsubTopic": "projects/p/topics/t"}}, f"describe: {store}")
    gcloud.run("healthcare", "dicom-stores", "update", "s", *inside, "--pubsub-topic=projects/p/topics/u")
    check(len(gcloud.json("healthcare", "dicom-stores", "list", *inside)) == 1, "one store is listed")
    export = ["healthcare", "dicom-stores", "export", "bq", "s", *inside, "--bq-table=bq://p.analysis.gcloud"]
    for disposition in ("write-empty", "write-append", "write-truncate"):
        _, said = gcloud.run(*export, f"--write-disposition={disposition}")
        check("Request issued for: [s]" in said and "Waiting for operation [" in said, f"{disposition}: what is printed")
    gcloud.run(*export, "--overwrite-table")
    _, said = gcloud.run(*export, fails=True)
    check("bq://p.analysis.gcloud" in said and "exist" in said, f"without a disposition an existing table is an error: {said}")
    operations = gcloud.json("healthcare", "operations", "list", *inside)
    check(len(operations) == 6 and all(operation["done"] for operation in operations), "operations are listed")
    name = operations[1]["name"].rsplit("/", 1)[1]
    shown = gcloud.run("healthcare", "operations", "describe", name, *inside)[0]
    check(shown.startswith("done: true\nmetadata:\n  '@type': type.googleapis.com/google.cloud.healthcare.v1.OperationMetadata\n"
                           "  apiMethodName: google.cloud.healthcare.v1.dicom.DicomService.ExportDicomData_bq\n"),
          "an operation is described as on the page")
    gcloud.run("healthcare", "dicom-stores", "metrics", "s", *inside)
    gcloud.run("healthcare", "datasets", "add-iam-policy-binding", "d", *place, "--member=user:a@example.com",
               "--role=roles/healthcare.datasetViewer")
    policy = gcloud.json("healthcare", "datasets", "get-iam-policy", "d", *place)
    check(policy["bindings"][0]["members"] == ["user:a@example.com"], "a policy's binding is kept")
    _, said = gcloud.run("healthcare", "dicom-stores", "describe", "none", *inside, fails=True)
    check("NOT_FOUND" in said, "what is not there is NOT_FOUND")
    gcloud.run("healthcare", "dicom-stores", "delete", "s", *inside, "--quiet")
    gcloud.run("healthcare", "datasets", "delete", "d", *place, "--quiet")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--clients", type=pathlib.Path)
    parser.add_argument("--gcloud", default="gcloud")
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    ran = 0
    with Server(args.program, args.folder) as server:
        python = args.clients / "venv/bin/python" if args.clients else None
        if python and python.exists():
            run_client([python, HERE / "healthcare_client.py", server.url])
            ran += 1
        else:
            print("notice: google-api-python-client is not installed")
        if args.clients and (args.clients / "node_modules/@googleapis/healthcare").exists():
            run_client(["node", HERE / "healthcare_client.mjs", server.url], cwd=args.clients)
            ran += 1
        else:
            print("notice: @googleapis/healthcare is not installed")
        if shutil.which(args.gcloud):
            drive_gcloud(Gcloud(args.gcloud, server))
            ran += 1
        else:
            print("notice: gcloud is not installed")
        check(server.process.poll() is None, "the server still runs")
    if ran == 0:
        return 77
    print(f"{len(failures)} failed" if failures else "all hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
