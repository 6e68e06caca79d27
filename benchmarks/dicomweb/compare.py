#!/usr/bin/env python3
"""DICOMweb requests against dicomhouse and Orthanc (Debian's orthanc and orthanc-dicomweb) on one machine, with the same files.

    benchmarks/dicomweb/compare.py PROGRAM MAKE_DICOM FOLDER [--instances 24000] [--rounds 20] [--store-rounds 3]

Instances of 12 kB in series of 100, a study each. Prints rates of STOW (1 and 4 clients, 1 and 100 instances a request; servers
just started, in alternating rounds, medians) and, with all of them stored, medians of requests by one client over one connection
that stays, alternating: first those that have an aim, then further ones. A request that is answered without any work, GET
/healthz, shows what of it is the client's own and the way there and back. Both write to FOLDER; dicomhouse syncs before it
answers, Orthanc by its defaults does not.
"""
import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "wire"))
from server import Server  # noqa: E402

STORE = "/v1/projects/p/locations/l/datasets/d/dicomStores/s"
BOUNDARY = "dicomhouse-benchmark"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Peer:
    """A service under test: requests below `root`, over one connection for each thread that makes one."""

    def __init__(self, name, port, root):
        self.name, self.port, self.root = name, port, root

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def call(self, connection, method, target, body=None, headers=None):
        connection.request(method, self.root + target, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{self.name}: {method} {target}: {response.status} {content[:300]!r}")
        return content


class Orthanc:
    """Orthanc with its DICOMweb plugin in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()

    def __enter__(self):
        self.folder.mkdir(parents=True)
        settings = {
            "StorageDirectory": str(self.folder / "db"), "IndexDirectory": str(self.folder / "db"), "HttpPort": self.port,
            "DicomPort": free_port(), "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "OverwriteInstances": False,
            "Plugins": ["/usr/lib/orthanc/libOrthancDicomWeb.so.1.7"], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "HttpThreadsCount": 16, "LimitFindResults": 0,
        }
        (self.folder / "orthanc.json").write_text(json.dumps(settings))
        self.log = open(self.folder / "log", "wb")
        command = ["/usr/sbin/Orthanc", str(self.folder / "orthanc.json")]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"Orthanc did not start: {self.log.name}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def body_of(files):
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + path.read_bytes() + b"\r\n" for path in files) + f"--{BOUNDARY}--\r\n".encode()


def store(peer, files, clients, at_once):
    """Seconds in which all files are stored by so many clients, so many in a request."""
    groups = [files[i:i + at_once] for i in range(0, len(files), at_once)]

    def work(number):
        connection = peer.connect()
        headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
                   "Accept": "application/dicom+json"}
        for group in groups[number::clients]:
            peer.call(connection, "POST", "/studies", body_of(group), headers)
        connection.close()

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return time.monotonic() - start


def measure(peers, rounds, target_of):
    """Median milliseconds of a request by peer, in alternating rounds."""
    times = {peer.name: [] for peer in peers}
    connections = {peer.name: peer.connect() for peer in peers}
    sizes = {}
    for turn in range(rounds + 2):
        for peer in peers:
            start = time.monotonic()
            content = peer.call(connections[peer.name], "GET", target_of(turn), headers={"Accept": "application/dicom+json"})
            if turn >= 2:
                times[peer.name].append((time.monotonic() - start) * 1000)
            sizes[peer.name] = len(json.loads(content)) if content.startswith(b"[") else 0
    return {name: statistics.median(all_) for name, all_ in times.items()}, sizes


def show(label, ours, theirs, unit, faster, reach=None):
    aim = f"   reach {reach} x{'' if faster >= reach else ': missed'}" if reach else ""
    print(f"{label:<44} {ours:>10.2f} {theirs:>10.2f} {unit:<12} {faster:>6.1f} x{aim}", flush=True)


# Clients, instances a request, share of all instances, ratio to reach.
STORE_ROWS = ((1, 1, 0.025, 5), (4, 1, 0.025, 5), (1, 100, 0.1, 15), (4, 100, 0.5, 15))


def both(options, folder):
    """The two services, just started, in `folder`; and how to stop them."""
    stack = contextlib.ExitStack()
    server = stack.enter_context(Server(options.program, folder / "server"))
    orthanc = stack.enter_context(Orthanc(folder / "orthanc"))
    server.request("POST", "/v1/projects/p/locations/l/datasets?datasetId=d", {})
    server.request("POST", "/v1/projects/p/locations/l/datasets/d/dicomStores?dicomStoreId=s", {})
    ours = Peer("dicomhouse", int(server.url.rsplit(":", 1)[1].strip("/")), STORE + "/dicomWeb")
    return ours, Peer("orthanc", orthanc.port, "/dicom-web"), stack


def measure_storing(options, files):
    """Medians of the rates of each row, of servers that were just started; who comes first alternates."""
    rates = {}
    for turn in range(options.store_rounds):
        folder = options.folder / f"round{turn}"
        ours, theirs, stack = both(options, folder)
        with stack:
            begin = 0
            for row in STORE_ROWS:
                clients, at_once, share, _ = row
                chosen = files[begin:begin + max(at_once, int(len(files) * share))]
                begin += len(chosen)
                for peer in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                    rates.setdefault((row, peer.name), []).append(len(chosen) / store(peer, chosen, clients, at_once))
    for row in STORE_ROWS:
        clients, at_once, _, reach = row
        own, other = (statistics.median(rates[row, name]) for name in ("dicomhouse", "orthanc"))
        ratio = statistics.median(a / b for a, b in zip(rates[row, "dicomhouse"], rates[row, "orthanc"]))
        show(f"store, {clients} clients, {at_once} in a request", own, other, "instances/s", ratio, reach)


def measure_reading(options, ours, theirs):
    connection = ours.connect()
    studies = json.loads(ours.call(connection, "GET", "/studies?limit=5000"))
    uids = [study["0020000D"]["Value"][0] for study in studies]
    patients = [study["00100020"]["Value"][0] for study in studies]
    series = {}
    for uid in uids[:20]:
        for one in json.loads(ours.call(connection, "GET", f"/studies/{uid}/series")):
            series[one["0020000E"]["Value"][0]] = uid
    series = list(series.items())
    # Label, target, ratio to reach. A series has 100 instances.
    rows = [
        ("100 studies", lambda i: "/studies?limit=100", 20),
        ("100 series", lambda i: "/series?limit=100", 20),
        ("the instances of a series", lambda i: "/studies/{1}/series/{0}/instances".format(*series[i % len(series)]), 20),
        ("1,000 instances", lambda i: "/instances?limit=1000", 20),
        ("metadata of a series", lambda i: "/studies/{1}/series/{0}/metadata".format(*series[i % len(series)]), 8),
        ("studies by PatientID", lambda i: "/studies?PatientID=" + patients[i % len(patients)], None),
        ("studies by a date range", lambda i: "/studies?StudyDate=20200101-20231231&limit=100", None),
        ("series of a study", lambda i: f"/studies/{uids[i % len(uids)]}/series", None),
    ]
    for label, target_of, reach in rows:
        times, sizes = measure((ours, theirs), options.rounds, target_of)
        label += f" ({sizes['dicomhouse']}; {sizes['orthanc']})"
        show(label, times["dicomhouse"], times["orthanc"], "ms", times["orthanc"] / times["dicomhouse"], reach)
    floor = Peer("dicomhouse", ours.port, "")
    times, _ = measure((floor,), 10 * options.rounds, lambda i: "/healthz")
    print(f"{'GET /healthz, the floor of any request':<44} {times['dicomhouse']:>10.2f} {'':>10} ms", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("make_dicom")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--instances", type=int, default=24000)
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--store-rounds", type=int, default=3)
    options = arguments.parse_args()
    if not pathlib.Path("/usr/sbin/Orthanc").exists():
        print("skipped: there is no Orthanc")
        return 77
    shutil.rmtree(options.folder, ignore_errors=True)
    series = str(max(1, options.instances // 100))
    subprocess.run([options.make_dicom, "series", str(options.folder / "files"), "--instances", str(options.instances),
                    "--series", series], check=True, stdout=subprocess.DEVNULL)
    files = sorted(path for path in (options.folder / "files").rglob("*") if path.is_file())
    print(f"{len(files)} instances; dicomhouse, Orthanc, ratio", flush=True)
    measure_storing(options, files)
    ours, theirs, stack = both(options, options.folder)
    with stack:
        for peer in (ours, theirs):
            store(peer, files, 4, 100)
        measure_reading(options, ours, theirs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
