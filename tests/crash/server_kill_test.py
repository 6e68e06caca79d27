#!/usr/bin/env python3
"""SIGKILL at random moments of a server under a mixed load (STOW-RS, deletes, imports, exports): nothing that was acknowledged is
lost.

    server_kill_test.py PROGRAM MAKE_DICOM FOLDER [--rounds N] [--seed S]

After each kill the server starts again on the same data: every acknowledged instance is there byte for byte, every acknowledged
delete holds, no operation is stuck, the table is readable and as an export made it. At the end `store verify` finds no fault.
"""
import argparse
import http.client
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "wire"))
from server import Server  # noqa: E402

DATASET = "/v1/projects/p/locations/l/datasets/d"
STORE = DATASET + "/dicomStores/s"
UID = re.compile(rb"\x08\x00\x18\x00UI..([0-9.]+)", re.S)
BOUNDARY = "kill-test-boundary"


def uid_of(content, tag):
    found = re.search(tag + rb"UI..([0-9.]+)", content, re.S)
    return found.group(1).decode()


class Instances:
    """As many instances as wanted, made from a few files by other SOP Instance UIDs of the same length."""

    def __init__(self, folder):
        self.templates = []
        for path in sorted(folder.rglob("*")):
            content = path.read_bytes() if path.is_file() else b""
            if UID.search(content) and content[128:132] == b"DICM":
                self.templates.append(content)
        self.next = 0
        self.lock = threading.Lock()

    def new(self):
        with self.lock:
            self.next += 1
            number = self.next
        template = self.templates[number % len(self.templates)]
        old = UID.search(template).group(1)
        new = (old[:-9] + b"%09d" % (100_000_000 + number)) if len(old) > 30 else old
        content = template.replace(old, new)
        study, series = uid_of(content, rb"\x20\x00\x0d\x00"), uid_of(content, rb"\x20\x00\x0e\x00")
        return (study, series, new.decode()), content


class Model:
    """What the server has acknowledged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.stored = {}   # key -> bytes
        self.deleted = set()
        self.doubtful = set()  # a delete was sent and not answered

    def sure(self):
        with self.lock:
            return {key: content for key, content in self.stored.items() if key not in self.doubtful}


class Load:
    def __init__(self, server, instances, model, rng):
        host, port = server.url.removeprefix("http://").split(":")
        self.address = (host, int(port))
        self.instances, self.model, self.rng = instances, model, rng
        self.stopping = threading.Event()
        self.answers = {"stow": 0, "delete": 0, "import": 0, "export": 0}
        self.wrong = []

    def run(self, work):
        """Repeats `work` on one connection until the server is gone."""
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        while not self.stopping.is_set():
            try:
                work(connection)
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.01)

    def send(self, connection, method, target, body=None, headers=None):
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()

    def stow(self, connection):
        batch = [self.instances.new() for _ in range(self.rng.choice([1, 1, 2, 10]))]
        body = b"".join(b"--" + BOUNDARY.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n"
                        for _, content in batch) + b"--" + BOUNDARY.encode() + b"--\r\n"
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        status, answer = self.send(connection, "POST", STORE + "/dicomWeb/studies", body, {"Content-Type": kind})
        if status != 200:
            self.wrong.append(f"STOW answered {status}: {answer[:200]}")
            return
        with self.model.lock:
            self.model.stored.update(batch)
        self.answers["stow"] += len(batch)

    def delete(self, connection):
        with self.model.lock:
            keys = [key for key in self.model.stored if key not in self.model.doubtful]
            if len(keys) < 50:
                keys = []
            key = self.rng.choice(keys) if keys else None
            if key:
                self.model.doubtful.add(key)
        if key is None:
            time.sleep(0.01)
            return
        status, answer = self.send(connection, "DELETE", "%s/dicomWeb/studies/%s/series/%s/instances/%s" % (STORE, *key))
        if status != 200:
            self.wrong.append(f"DELETE answered {status}: {answer[:200]}")
            return
        with self.model.lock:
            del self.model.stored[key]
            self.model.doubtful.discard(key)
            self.model.deleted.add(key)
        self.answers["delete"] += 1
        time.sleep(self.rng.random() * 0.02)

    def bring(self, connection):
        """Puts an object, imports it, and waits for the operation."""
        key, content = self.instances.new()
        name = urllib.parse.quote(f"in/{key[2]}.dcm", safe="")
        target = f"/upload/storage/v1/b/kill-bucket/o?uploadType=media&name={name}"
        status, answer = self.send(connection, "POST", target, content,
                                   {"Content-Type": "application/dicom"})
        if status != 200:
            self.wrong.append(f"upload answered {status}: {answer[:200]}")
            return
        request = {"gcsSource": {"uri": f"gs://kill-bucket/in/{key[2]}.dcm"}}
        if self.operation(connection, ":import", request):
            with self.model.lock:
                self.model.stored[key] = content
            self.answers["import"] += 1

    def export(self, connection):
        request = {"bigqueryDestination": {"tableUri": "bq://p.d.t", "writeDisposition": "WRITE_TRUNCATE"}}
        if self.operation(connection, ":export", request):
            self.answers["export"] += 1

    def operation(self, connection, verb, request):
        status, answer = self.send(connection, "POST", STORE + verb, json.dumps(request), {"Content-Type": "application/json"})
        if status != 200:
            self.wrong.append(f"{verb} answered {status}: {answer[:200]}")
            return False
        name = json.loads(answer)["name"]
        while not self.stopping.is_set():
            status, answer = self.send(connection, "GET", "/v1/" + name)
            state = json.loads(answer)
            if state.get("done"):
                if "error" in state:
                    self.wrong.append(f"{verb}: {state['error']}")
                return "error" not in state
            time.sleep(0.005)
        return False


def check(server, model, everything, rng):
    """What is wrong after a restart."""
    wrong = []
    sure = model.sure()
    keys = list(sure) if everything else rng.sample(list(sure), min(len(sure), 150)) + list(sure)[-100:]
    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    for key in keys:
        connection.request("GET", "%s/dicomWeb/studies/%s/series/%s/instances/%s" % (STORE, *key),
                           headers={"Accept": "application/dicom; transfer-syntax=*"})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200 or content != sure[key]:
            wrong.append(f"{key[2]}: {response.status}, {len(content)} bytes of {len(sure[key])}")
    for key in list(model.deleted)[-50:]:
        connection.request("GET", "%s/dicomWeb/studies/%s/series/%s/instances/%s" % (STORE, *key),
                           headers={"Accept": "application/dicom; transfer-syntax=*"})
        response = connection.getresponse()
        response.read()
        if response.status != 404:
            wrong.append(f"{key[2]} was deleted, and is answered with {response.status}")
    _, listed = server.request("GET", DATASET + "/operations?pageSize=100")
    stuck = [state["name"] for state in listed.get("operations", []) if not state.get("done")]
    wrong += [f"stuck: {name}" for name in stuck]
    return wrong


def table_rows(program, server):
    """The rows of the table; None while there is none; an exception when it can't be read."""
    if not (server.warehouse / "p" / "d" / "t" / "metadata" / "version-hint.text").exists():
        return None
    question = "SELECT COUNT(*) AS n, COUNT(DISTINCT SOPInstanceUID) AS u FROM `p.d.t`"
    result = subprocess.run([program, "query", question, "--format",
                             "json"], env=server.environment(), text=True, capture_output=True, timeout=120)
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    row = json.loads(result.stdout)[0]
    assert row["n"] == row["u"], row
    return int(row["n"])


def settle_doubts(server, model):
    """A delete without an answer happened or not: the server says which, once and for all."""
    for key in list(model.doubtful):
        status, _ = server.request("GET", "%s/dicomWeb/studies/%s/series/%s/instances/%s/metadata" % (STORE, *key))
        with model.lock:
            model.doubtful.discard(key)
            if status == 404:
                model.stored.pop(key, None)
                model.deleted.add(key)


def one_round(server, program, instances, model, rng, everything):
    server.start()
    settle_doubts(server, model)
    wrong = check(server, model, everything, rng)
    rows = table_rows(program, server)
    load = Load(server, instances, model, rng)
    works = [load.stow, load.stow, load.stow, load.delete, load.bring, load.export]
    threads = [threading.Thread(target=load.run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(rng.choice([0.02, 0.1, 0.3, 0.6]) * (0.5 + rng.random()))
    server.stop(signal.SIGKILL)
    load.stopping.set()
    for thread in threads:
        thread.join()
    return wrong + load.wrong, load.answers, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("make_dicom")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args()
    shutil.rmtree(flags.folder, ignore_errors=True)
    flags.folder.mkdir(parents=True)
    subprocess.run([flags.make_dicom, "series", str(flags.folder / "scans"), "--instances", "40"], check=True,
                   stdout=subprocess.DEVNULL)
    rng = random.Random(flags.seed)
    instances, model = Instances(flags.folder / "scans"), Model()
    server = Server(flags.program, flags.folder, "--log", "off")
    with server:
        server.request("POST", DATASET.rsplit("/", 1)[0] + "?datasetId=d", {})
        server.request("POST", DATASET + "/dicomStores?dicomStoreId=s", {})
        server.request("POST", "/storage/v1/b?project=p", {"name": "kill-bucket"})
        first = Load(server, instances, model, rng)  # the table of an empty store has no columns to ask for
        first.stow(http.client.HTTPConnection(*first.address, timeout=30))
        assert model.stored, first.wrong
    faults, total = [], {}
    for number in range(flags.rounds):
        wrong, answers, rows = one_round(server, flags.program, instances, model, rng, number % 20 == 19)
        faults += wrong
        for name, count in answers.items():
            total[name] = total.get(name, 0) + count
        if wrong or number % 10 == 9:
            print(f"round {number + 1}: {total}, {len(model.stored)} instances, table of {rows} rows", *wrong[:5], sep="\n  ",
                  flush=True)
    with server:
        settle_doubts(server, model)
        faults += check(server, model, True, rng)
    verify = subprocess.run([flags.program, "store", "verify", "--data", str(server.data)], text=True, capture_output=True)
    if verify.returncode != 0:
        faults.append("store verify: " + verify.stdout + verify.stderr)
    print(f"{flags.rounds} kills, {total}, {len(model.stored)} instances: {verify.stdout.strip()}; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
