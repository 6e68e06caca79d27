#!/usr/bin/env python3
"""The page "Exporting DICOM metadata to BigQuery" as a test: its commands, requests and queries, read from its own text and run
in their order against a fresh server. Only host, token and names are replaced; what is answered is compared with the answers that
the page shows.

    page_check.py PROGRAM MAKE_DICOM FOLDER --page FILE [--gcloud COMMAND]

With --gcloud the page's gcloud and gsutil commands are run by Google's own program too. Ends with 77 when the page is not there.
"""
import argparse
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402
from tls_front import TlsFront  # noqa: E402

TOKEN = "page-token"
NAMES = {
    "PROJECT_ID": "page-project", "LOCATION": "southamerica-east1", "DATASET_ID": "hospital", "DICOM_STORE_ID": "scans",
    "BIGQUERY_DATASET_ID": "analysis", "BIGQUERY_TABLE_ID": "metadata",
    "SOURCE_PROJECT_ID": "page-project", "SOURCE_LOCATION": "southamerica-east1", "SOURCE_DATASET_ID": "hospital",
    "SOURCE_DICOM_STORE_ID": "scans", "DESTINATION_PROJECT_ID": "other-project",
    "DESTINATION_BIGQUERY_DATASET_ID": "elsewhere", "DESTINATION_BIGQUERY_TABLE_ID": "metadata",
    "BIGQUERY_DATASET": "analysis", "BIGQUERY_TABLE": "metadata",
    "BUCKET": "page-bucket", "FILTER_FILE": "filter.txt",
}
DISPOSITIONS = ["write-empty", "write-append", "write-truncate"]  # of the first, second and later exports by a command
failures = []


def check(holds, what):
    print(("ok    " if holds else "FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)


def replaced(text, more=()):
    """The text with names in place of placeholders, the longest first: DATASET_ID is a part of BIGQUERY_DATASET_ID."""
    names = {**NAMES, **dict(more)}
    return re.sub(r"\b(" + "|".join(sorted(names, key=len, reverse=True)) + r")\b", lambda found: names[found.group(0)], text)


class Page:
    """What is to be run, in the order of the page: ("shell", text), ("request.json", text), ("answer", text), ("query", text)."""

    def __init__(self, path):
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.steps = []
        at = 0
        while at < len(self.lines):
            at = self.step(at)

    def step(self, at):
        line = self.lines[at].strip()
        if re.match(r"(gcloud|curl|gsutil) ", line) and "`" not in line and "^" not in line and not self.in_windows(at):
            end = at
            while self.lines[end].rstrip().endswith("\\"):
                end += 1
            self.steps.append(("shell", "\n".join(text.strip() for text in self.lines[at:end + 1])))
            return end + 1
        if line.startswith("cat > request.json"):
            end = next(i for i in range(at, len(self.lines)) if self.lines[i].strip() == "EOF")
            self.steps.append(("request.json", "\n".join(self.lines[at + 1:end])))
            return end + 1
        if line == "Resposta":
            end = at + 2
            while self.lines[end].strip():
                end += 1
            self.steps.append(("answer", "\n".join(text[4:] for text in self.lines[at + 2:end])))
            return end
        if line == "#standardSQL" or line.startswith("SELECT CONCAT"):
            end = at
            while self.lines[end].strip():
                end += 1
            self.steps.append(("query", "\n".join(self.lines[at:end])))
            return end
        return at + 1

    def in_windows(self, at):
        above = next(line for line in reversed(self.lines[:at]) if line.strip())
        return "Windows" in above or "PowerShell" in above or above.rstrip().endswith(("`", "^"))


class Run:
    def __init__(self, server, program):
        self.server = server
        self.program = program
        self.operation = None
        self.output = ""
        self.front = None
        self.exports = 0
        self.ours = True

    def environment(self):
        """Ours take the token from a variable, Google's from files."""
        folder = self.server.folder
        host, port = "127.0.0.1", self.front.port if self.front else 0
        (folder / "boto").write_text(f"[Credentials]\ngs_json_host = {host}\ngs_json_port = {port}\n"
                                     f"[Boto]\nca_certificates_file = {folder / 'server.pem'}\n"
                                     f"[GSUtil]\ndefault_project_id = {NAMES['PROJECT_ID']}\ncheck_hashes = never\n")
        environment = self.server.environment(CLOUDSDK_CORE_PROJECT=NAMES["PROJECT_ID"], DICOMHOUSE_TOKEN=TOKEN,
                                              BOTO_CONFIG=str(folder / "boto"),
                                              # before boto's own setting, where a machine has it set:
                                              CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=str(folder / "server.pem"),
                                              CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL="false")
        return environment

    def disposition(self, text):
        if "export bq" not in text:
            return ""
        self.exports += 1
        return DISPOSITIONS[min(self.exports, len(DISPOSITIONS)) - 1]

    def shell(self, text):
        """Host, token and program replaced; then a shell runs it as it stands."""
        text = replaced(text, {"OPERATION_ID": self.operation or "", "WRITE_DISPOSITION": self.disposition(text)}.items())
        text = text.replace("https://healthcare.googleapis.com", self.server.url)
        text = text.replace("$(gcloud auth print-access-token)", TOKEN)
        if self.ours:
            text = re.sub(r"^gcloud ", shlex.quote(self.program) + " ", text)
            text = re.sub(r"^gsutil ", shlex.quote(self.program) + " storage ", text)
        result = subprocess.run(text, shell=True, cwd=self.server.folder, env=self.environment(), text=True, timeout=300,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = result.stderr + result.stdout
        first = " ".join(text.replace(self.program, "dicomhouse").split()[:6])
        check(result.returncode == 0, f"{'ours  ' if self.ours else 'gcloud'} {first}")
        if result.returncode != 0:
            print(text, result.stdout, result.stderr, sep="\n")
        found = re.search(r"operations/(\d+)", self.output)
        if found:
            self.operation = found.group(1)

    def wait(self):
        """Until the operation that the last request named is done."""
        deadline = time.monotonic() + 60
        while True:
            target = "/v1/" + replaced("projects/PROJECT_ID/locations/LOCATION/datasets/DATASET_ID/operations/") + self.operation
            _, state = self.server.request("GET", target, headers={"Authorization": "Bearer " + TOKEN})
            if state.get("done") or time.monotonic() > deadline:
                return state
            time.sleep(0.02)

    def compare(self, answer):
        """The page's answer with what was printed: line by line, placeholders standing for whatever fits them."""
        if answer.startswith("Request issued for"):
            return self.compare_waiting(answer)
        return self.compare_operation(answer)

    def compare_waiting(self, answer):
        expected = replaced(answer, {"OPERATION_ID": self.operation}.items()).replace("⠏", "").rstrip().splitlines()
        if not self.ours:
            expected = expected[:2]  # gcloud prints the store instead of the name
        printed = self.output.replace("done.", "").splitlines()
        at = 0
        for line in expected:
            at = next((i + 1 for i in range(at, len(printed)) if printed[i].strip().startswith(line.strip())), None)
            if at is None:
                break
        check(at is not None, "  the export prints what the page shows" if self.ours else "  gcloud waits as the page shows")
        if at is None:
            print("expected:", *expected, "printed:", self.output, sep="\n")

    def compare_operation(self, answer):
        """YAML of an operation. The page's block is commented, and shows fields of failures and successes together."""
        expected = {}
        for key, value in yaml_paths(line for line in answer.splitlines() if not line.strip().startswith("//")):
            expected[key] = value
        printed = dict(yaml_paths(self.output.splitlines()))
        wanted = {"done", "metadata.@type", "metadata.apiMethodName", "metadata.createTime", "metadata.endTime",
                  "metadata.logsUrl", "metadata.counter.success", "name", "response.@type"}
        check(wanted <= set(expected), "  the page shows the fields of an operation")
        check(wanted <= set(printed), f"  all fields are there: {sorted(wanted - set(printed)) or 'yes'}")
        constant = {key: printed.get(key) for key in ("done", "metadata.@type", "metadata.apiMethodName", "response.@type")}
        for key, value in constant.items():
            check(value == expected[key].replace("v1beta1", "v1") or "v1beta1" in str(value), f"  {key}: {value}")
        top = [key for key in printed if "." not in key]
        check(list(dict.fromkeys(key.split(".")[0] for key in printed)) == sorted({key.split(".")[0] for key in printed}),
              f"  fields in the page's order {top}")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)", printed.get("metadata.createTime", ""))
              is not None, "  createTime is a time")


def yaml_paths(lines):
    """Paths and scalars of simple YAML: "metadata.counter.success" -> "7"."""
    stack = []
    for line in lines:
        found = re.match(r"^(\s*)('?[@\w]+'?):\s*(.*)$", line)
        if not found:
            continue
        indent, key, value = len(found[1]), found[2].strip("'"), found[3].strip().strip("'")
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, key))
        if value:
            yield ".".join(name for _, name in stack), value


def rows(server, program, table):
    result = subprocess.run([program, "query", f"SELECT COUNT(*) AS n FROM `{table}`", "--format", "json"],
                            env=server.environment(), text=True, capture_output=True, timeout=120)
    return int(json.loads(result.stdout)[0]["n"]) if result.returncode == 0 else result.stderr


def run_all(page, run):
    table = replaced("PROJECT_ID.BIGQUERY_DATASET_ID.BIGQUERY_TABLE_ID")
    for kind, text in page.steps:
        if kind == "shell":
            if "gsutil" in text:
                filter_from_the_table(run)
            run.shell(text)
            if text.startswith("curl") and ":export" in text:
                check("operations/" in run.output, "  the answer names an operation")
                state = run.wait()
                check(state.get("done") is True and "error" not in state, f"  it ends well {state.get('error', '')}".rstrip())
            if text.startswith("curl") and "operations/" in text:
                check('"done": true' in run.output, '  the answer has "done": true')
        elif kind == "request.json":
            (run.server.folder / "request.json").write_text(replaced(text, {"WRITE_DISPOSITION": "WRITE_TRUNCATE"}.items()))
        elif kind == "answer":
            run.compare(text)
        elif kind == "query" and not text.lstrip().startswith("SELECT CONCAT\n"):
            query(run, re.sub(r"`[^`]+`", f"`{table}`", text))


def query(run, text):
    if "PatientID = '" in text:
        result = subprocess.run([run.program, "query", "SELECT ANY_VALUE(PatientID) AS id FROM analysis.metadata", "--project",
                                 NAMES["PROJECT_ID"], "--format", "json"], env=run.environment(), text=True, capture_output=True)
        patient = json.loads(result.stdout)[0]["id"]
        text = re.sub(r"PatientID = '[^']*'", f"PatientID = '{patient}'", text)
    result = subprocess.run([run.program, "query", "-", "--format", "json"], input=text, env=run.environment(), text=True,
                            capture_output=True, timeout=120)
    answer = json.loads(result.stdout) if result.returncode == 0 else []
    good = bool(answer) and all(isinstance(value, str) for row in answer for value in row.values())
    check(good, f"query -> {len(answer)} rows of {list(answer[0]) if answer else result.stderr}")


def filter_from_the_table(run):
    """D3: the page's CONCAT query (legacy SQL), its result a table, the table an object: the filter file, for gsutil to copy."""
    text = next(step for kind, step in PAGE.steps if kind == "query" and step.lstrip().startswith("SELECT CONCAT"))
    subprocess.run([run.program, "query", "-", "--destination-table", "page-project.analysis.paths", "--replace"],
                   input=replaced(text), env=run.environment(), text=True, check=True, timeout=120)
    run.server.request("POST", "/storage/v1/b?project=page-project", {"name": NAMES["BUCKET"]},
                       headers={"Authorization": "Bearer " + TOKEN})
    subprocess.run([run.program, "bq", "extract", "--noprint_header", "page-project.analysis.paths", "gs://page-bucket/all.txt"],
                   env=run.environment(), check=True, timeout=120)
    subprocess.run([run.program, "storage", "cp", "gs://page-bucket/all.txt", "all.txt"], cwd=run.server.folder,
                   env=run.environment(), check=True, timeout=120)
    lines = (run.server.folder / "all.txt").read_text().splitlines()
    check(len(lines) > 10 and all(re.fullmatch(r"/studies/[\d.]+/series/[\d.]+/instances/[\d.]+", line) for line in lines),
          f"D3 the query's table is a filter file of {len(lines)} lines")
    run.chosen = lines[::3]
    (run.server.folder / NAMES["FILTER_FILE"]).write_text("".join(line + "\r\n" for line in run.chosen))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("make_dicom")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path, required=True)
    parser.add_argument("--gcloud", help="Google's own program; where it is not there, that is said")
    flags = parser.parse_args()
    if not flags.page.exists():
        print("skipped: the page is not at hand")
        return 77
    global PAGE
    PAGE = Page(flags.page)
    kinds = [kind for kind, _ in PAGE.steps]
    check(kinds.count("shell") == 13 and kinds.count("query") == 3 and kinds.count("answer") == 6,
          f"the page has {kinds.count('shell')} commands, {kinds.count('query')} queries, {kinds.count('answer')} answers")
    shutil.rmtree(flags.folder, ignore_errors=True)
    flags.folder, flags.program = flags.folder.resolve(), str(pathlib.Path(flags.program).resolve())
    scans = flags.folder / "scans"
    scans.parent.mkdir(parents=True)
    subprocess.run([flags.make_dicom, "hospital", str(scans), "--instances", "120"], check=True, stdout=subprocess.DEVNULL)
    (flags.folder / "tokens").write_text(TOKEN + "\n")
    store = replaced("projects/PROJECT_ID/locations/LOCATION/datasets/DATASET_ID/dicomStores/DICOM_STORE_ID")
    added = subprocess.run([flags.program, "store", "add", str(scans), "--store", store, "--data", str(flags.folder / "data"),
                            "--quiet", "--json"], text=True, capture_output=True)
    stored = json.loads(added.stdout)["stored"]
    check(stored > 100, f"{stored} instances are in the store")
    with Server(flags.program, flags.folder, "--token-file", str(flags.folder / "tokens")) as server:
        run = Run(server, flags.program)
        run_all(PAGE, run)
        check_tables(flags, server, run, stored)
        status, _ = server.request("GET", "/v1/" + store)
        check(status == 401, "without its token nothing is answered")
    if flags.gcloud and shutil.which(flags.gcloud):
        with Server(flags.program, flags.folder) as server, TlsFront(server) as front:  # gsutil takes no token
            run.server, run.ours, run.front = server, False, front
            run_all(PAGE, run)
            check_tables(flags, server, run, stored)
    else:
        print("skipped: there is no gcloud")
    if failures:
        print(f"{len(failures)} FAILED:", *failures, sep="\n  ")
    return 1 if failures else 0


def check_tables(flags, server, run, stored):
    count = rows(server, flags.program, replaced("PROJECT_ID.BIGQUERY_DATASET_ID.BIGQUERY_TABLE_ID"))
    check(count == len(run.chosen), f"the filtered export has {count} rows, the filter {len(run.chosen)} lines")
    other = rows(server, flags.program, "other-project.elsewhere.metadata")
    check(other == stored, f"the other project's table has {other} rows")


if __name__ == "__main__":
    sys.exit(main())
