#!/usr/bin/env python3
"""`dicomhouse healthcare` beside `gcloud healthcare` against one server: the same words must print the same text and end alike.
And the page's loop from a query to an export with its result as the filter, by our commands alone.

README's commands of a server run as they are printed there.

    cli_check.py PROGRAM MAKE_DICOM FOLDER
"""
import json
import pathlib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

BINDING = ["--location=here", "--member=user:a@b.c", "--role=roles/healthcare.dicomViewer"]
D = ["--dataset=twin", "--location=here"]
# Words behind "healthcare"; run by gcloud, then the state is made again, then by ours.
READS = [
    ["datasets", "describe", "twin", "--location=here"],
    ["datasets", "describe", "none", "--location=here"],
    ["datasets", "list", "--location=here"],
    ["datasets", "list", "--location=nowhere"],
    ["datasets", "list", "--location=here", "--format=json"],
    ["datasets", "list", "--location=here", "--format=yaml"],
    ["datasets", "list", "--location=here", "--format=value(name,timeZone)"],
    ["datasets", "get-iam-policy", "twin", "--location=here"],
    ["datasets", "add-iam-policy-binding", "twin", *BINDING],
    ["datasets", "remove-iam-policy-binding", "twin", *BINDING],
    ["datasets", "remove-iam-policy-binding", "twin", *BINDING],
    ["datasets", "update", "twin", "--location=here", "--time-zone=Europe/Vienna"],
    ["datasets", "delete", "twin", "--location=here"],
    ["dicom-stores", "describe", "scans", *D],
    ["dicom-stores", "describe", "scans", *D, "--format=json"],
    ["dicom-stores", "describe", "none", *D],
    ["dicom-stores", "describe", "projects/p/locations/here/datasets/twin/dicomStores/scans"],
    ["dicom-stores", "describe", "scans", "--location=here"],
    ["dicom-stores", "describe", "projects/p/locations/here/datasets/twin", "--location=here"],
    ["datasets", "list", "--location=projects/p/locations/here"],
    ["dicom-stores", "list", *D],
    ["dicom-stores", "list", *D, "--limit=1"],
    ["dicom-stores", "list", *D, "--uri"],
    ["dicom-stores", "list", *D, "--sort-by=~name"],
    ["dicom-stores", "list", *D, "--sort-by=notificationConfig.pubsubTopic,~name"],
    ["dicom-stores", "list", *D, "--page-size=1"],
    ["dicom-stores", "list", *D, "--page-size=1", "--format=value(name)"],
    ["dicom-stores", "list", *D, "--page-size=1", "--format=json"],
    ["dicom-stores", "list", *D, "--page-size=2", "--format=yaml"],
    ["dicom-stores", "list", *D, "--filter=name=projects/p/locations/here/datasets/twin/dicomStores/scans"],
    ["dicom-stores", "list", *D, "--filter=name:dicomStores AND notificationConfig.pubsubTopic!=x", "--limit=1"],
    ["dicom-stores", "list", *D, "--filter=colour=red"],
    ["dicom-stores", "list", *D, "--filter=TOPIC:*"],
    ["datasets", "list", "--location=here", "--filter=timeZone:*"],
    ["operations", "list", *D, "--filter=done=false"],
    ["operations", "list", *D, "--filter=done=true AND metadata.counter.success:x", "--sort-by=~metadata.createTime"],
    ["dicom-stores", "update", "scans", *D, "--pubsub-topic=projects/p/topics/t"],
    ["dicom-stores", "metrics", "scans", *D],
    ["dicom-stores", "import", "gcs", "scans", *D, "--gcs-uri=gs://loop/in/**.dcm"],
    ["dicom-stores", "import", "gcs", "scans", *D, "--gcs-uri=gs://none/x"],
    ["dicom-stores", "export", "gcs", "scans", *D, "--gcs-uri-prefix=gs://loop/out", "--async"],
    ["dicom-stores", "export", "bq", "scans", *D, "--bq-table=bq://p.d.t", "--write-disposition=write-truncate", "--async"],
    ["dicom-stores", "export", "bq", "none", *D, "--bq-table=bq://p.d.t"],
    ["operations", "list", "--dataset=none", "--location=here"],
    ["operations", "describe", "1", *D],
    ["operations", "describe", "1", "--location=here"],
]
MAKES = [
    ["datasets", "create", "made", "--location=here", "--time-zone=UTC"],
    ["datasets", "create", "made", "--location=here"],
    ["dicom-stores", "create", "s1", "--dataset=made", "--location=here", "--stream-configs=bq://a.b.c,bq://d.e.f"],
    ["dicom-stores", "create", "s1", "--dataset=made", "--location=here"],
    ["dicom-stores", "describe", "s1", "--dataset=made", "--location=here"],
    ["dicom-stores", "delete", "s1", "--dataset=made", "--location=here", "--quiet"],
    ["datasets", "delete", "made", "--location=here", "--quiet"],
]
failures = []


def check(holds, what, detail=""):
    print(("ok    " if holds else "FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)
        print(detail, flush=True)


def plain(text):
    """Without what differs from run to run, the program's name, and what gcloud says of signing in."""
    text = text.replace("(gcloud.", "(dicomhouse.").replace("\r", "")
    text = re.sub(r"\. This command is (un)?authenticated .*", "", text)
    text = re.sub(r"(to complete\.\.\.)\n?\.*(done|failed)\.", r"\1\2.", text)
    text = re.sub(r"operations/\d+", "operations/N", text)
    text = re.sub(r"etag: \S+", "etag: E", text)
    return re.sub(r'"etag": "[^"]*"', '"etag": "E"', text)


def run(words, environment, folder):
    result = subprocess.run(words, env=environment, cwd=folder, text=True, timeout=120, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.returncode, plain(result.stdout), plain(result.stderr)


def undo_updates(server):
    """What the updates among READS have set is taken away again."""
    dataset = "/v1/projects/p/locations/here/datasets/twin"
    for target, body in ((dataset + "?updateMask=timeZone", {"timeZone": ""}),
                         (dataset + "/dicomStores/scans?updateMask=notificationConfig", {})):
        status, answer = server.request("PATCH", target, body)
        check(status == 200 and not {"timeZone", "notificationConfig"} & set(answer), f"PATCH {target}", str(answer))


def compare(server, folder, environment):
    if not shutil.which("gcloud"):
        print("skipped: there is no gcloud", flush=True)
        return
    answers = []
    for program in ("gcloud", server.program):  # each finds the same state
        answers.append([run([program, "healthcare", *words], environment, folder) for words in MAKES + READS])
        undo_updates(server)
    for words, theirs, ours in zip(MAKES + READS, *answers):
        check(theirs == ours, " ".join(words[:3]), f"{words}\ngcloud {theirs}\nours   {ours}")


def loop(server, folder, environment, make_dicom):
    """The page, D3: query -> destination table -> object -> export with the filter."""
    def ours(*words):
        result = subprocess.run([server.program, *words], env=environment, cwd=folder, text=True, timeout=120,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(result.returncode == 0, "ours: " + " ".join(words[:4])[:80], f"{words}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    subprocess.run([make_dicom, "hospital", str(folder / "in"), "--instances", "12"], check=True, stdout=subprocess.DEVNULL)
    ours("storage", "buckets", "create", "gs://loop")
    ours("storage", "cp", "-r", "in", "gs://loop")
    ours("healthcare", "datasets", "create", "twin", "--location=here")
    ours("healthcare", "dicom-stores", "create", "scans", *D)
    ours("healthcare", "dicom-stores", "create", "other", *D, "--pubsub-topic=projects/p/topics/t")
    # Some of the files are no instances, and the import says so at its end: the others are in the store.
    run([server.program, "healthcare", "dicom-stores", "import", "gcs", "scans", *D, "--gcs-uri=gs://loop/in/**"], environment,
        folder)
    table = "bq://p.analysis."
    export = ["healthcare", "dicom-stores", "export", "bq", "scans", *D]
    answer = ours(*export, f"--bq-table={table}metadata")
    check(re.fullmatch(r"name: projects/p/locations/here/datasets/twin/operations/\d+\n", answer) is not None,
          "ours: the export prints the operation's name", answer)
    tables = ["--project=p", "--dataset=analysis"]
    ours("query", *tables, "--destination-table", "wanted",
         "#legacySQL\nSELECT CONCAT('/studies/', StudyInstanceUID, '/series/', SeriesInstanceUID, '/instances/', SOPInstanceUID) "
         "FROM [p:analysis.metadata] LIMIT 5")
    ours("bq", "extract", *tables, "--noprint_header", "wanted", "gs://loop/filter.txt")
    ours(*export, f"--bq-table={table}some", "--filter-config-gcs-uri=gs://loop/filter.txt")
    count = json.loads(ours("query", *tables, "--format", "json", "SELECT COUNT(*) AS n FROM some"))
    check(count == [{"n": "5"}], "ours: the filter chose five instances", str(count))
    ours("query", *tables, "--destination-table", "wanted", "--append", "SELECT * FROM wanted")
    count = json.loads(ours("query", *tables, "--format", "json", "SELECT COUNT(*) AS n FROM wanted"))
    check(count == [{"n": "10"}], "ours: --append adds rows", str(count))
    ours("logging", "read", "severity>=ERROR", "--limit=5")


def readme(server, folder, make_dicom):
    """The commands of the README's section about a server, word for word, but for the server's place."""
    text = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## A server of your own\n", 1)[1].split("\n## ", 1)[0]
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*)$", section, re.MULTILINE)
    check(len(commands) >= 9 and "--noprint_header" in section, f"README has {len(commands)} commands")
    (folder / "readme").mkdir()
    subprocess.run([make_dicom, "hospital", str(folder / "made"), "--instances", "12"], check=True, stdout=subprocess.DEVNULL)
    sizes = {path: path.stat().st_size for path in (folder / "made").rglob("*.dcm")}
    shutil.copy(max(sizes, key=sizes.get), folder / "readme" / "IM-0001.dcm")
    (folder / "bin").mkdir()
    (folder / "bin" / "dicomhouse").symlink_to(server.program)
    environment = {**server.environment(), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    for command in commands:
        if "dicomhouse serve" in command:
            continue
        command = command.replace("http://127.0.0.1:8080", server.url).replace("curl ", "curl --fail -sS ")
        command = command.replace("Modality = 'MR'", "Modality IS NOT NULL")  # whatever the file's is
        result = subprocess.run(command, shell=True, env=environment, cwd=folder / "readme", text=True, timeout=120,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(result.returncode == 0, "README: " + " ".join(command.split()[:5])[:80],
              f"{command}\n{result.stdout}\n{result.stderr}")


def main():
    program, make_dicom, folder = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Server(program, folder) as server:
        environment = server.environment(CLOUDSDK_CORE_PROJECT="p", CLOUDSDK_CORE_DISABLE_PROMPTS="0")
        loop(server, folder, environment, make_dicom)
        readme(server, folder, make_dicom)
        compare(server, folder, environment)
    print(f"{len(failures)} failed", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
