#!/usr/bin/env python3
"""Hostile requests against a running server, each with the answer that it gets; afterwards the server answers as before and
holds no descriptor more.

    hostile_check.py PROGRAM FOLDER
"""
import argparse
import gzip
import io
import json
import os
import pathlib
import shutil
import socket
import sys
import tarfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

P = "/v1/projects/p/locations/l"
S = P + "/datasets/d/dicomStores/s"
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED " + what, flush=True)


def raw(server, content, seconds=5):
    """Sends bytes as they are; the status of the answer, 0 when the connection was closed without one."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        try:
            connection.sendall(content)
        except OSError:
            pass  # closed while we wrote: an answer may be there
        answer = b""
        try:
            while b"\r\n" not in answer:
                part = connection.recv(4096)
                if not part:
                    break
                answer += part
        except OSError:
            pass
    words = answer.split(b" ")
    return int(words[1]) if len(words) > 1 and answer.startswith(b"HTTP/1.1 ") else 0


def get(target, method="GET", headers="", body=b""):
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode("latin-1") + body


def with_body(target, body, kind="application/json", method="POST"):
    return get(target, method, f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n", body)


# What is sent -> the statuses that are right answers. 0: closed without an answer.
def table():
    deep = b'{"a":' * 20000 + b"1" + b"}" * 20000
    multipart = 'multipart/related; type="application/dicom"; boundary=b'
    upload = "/upload/storage/v1/b/bucket/o?uploadType=media&name="
    studies, export, logs = S + "/dicomWeb/studies", S + ":export", "/v2/entries:list"
    part = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    log = b'{"resourceNames":["projects/p"],"filter":"'
    post = b"POST /v1 HTTP/1.1\r\nHost: x\r\n"
    elsewhere = b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "up and out of the API", get("/v1/../../etc/passwd"), {400, 404}
    yield "encoded up", get(P + "/datasets/%2e%2e"), {400, 404}
    yield "a slash in an id", get(P + "/datasets/a%2Fb"), {400, 404}
    yield "a zero byte in an id", get(P + "/datasets/a%00b"), {400}
    yield "bytes that are no UTF-8", get(P + "/datasets/%ff%fe"), {400}
    yield "a bad escape", get(P + "/datasets/%zz"), {400}
    yield "an id of 4,000 letters", get(P + "/datasets/" + "a" * 4000), {400, 404}
    yield "an id that goes up, created", with_body(P + "/datasets?datasetId=..", b"{}"), {400}
    yield "an id with a slash, created", with_body(P + "/datasets?datasetId=a/b", b"{}"), {400}
    yield "a UID that goes up", get(S + "/dicomWeb/studies/..%2f..%2fetc"), {400, 404}
    yield "a UID with letters", get(S + "/dicomWeb/studies/abc/metadata"), {400, 404}
    yield "a bucket that goes up", with_body("/storage/v1/b?project=p", b'{"name":"../x"}'), {400}
    yield "an object that goes up is only a name", with_body(upload + "..%2F..%2Fx", b"x", "text/plain"), {200}
    yield "an object with a zero byte", with_body(upload + "a%00b", b"x"), {400}
    yield "an object's name of 2,000 bytes", with_body(upload + "a" * 2000, b"x"), {400}
    yield "a table that goes up", with_body(export, b'{"bigqueryDestination":{"tableUri":"bq://p.d...x"}}'), {400}
    yield ("a table's URI of 3,000 characters",
           with_body(export, b'{"bigqueryDestination":{"tableUri":"bq://p.d.' + b"t" * 3000 + b'"}}'), {400})
    yield "an import from a file", with_body(S + ":import", b'{"gcsSource":{"uri":"file:///etc/passwd"}}'), {400}
    yield "an unknown field", with_body(export, b'{"bigQueryDestination":{}}'), {400}
    yield "a wrong type", with_body(export, b'{"bigqueryDestination":{"tableUri":5}}'), {400}
    yield "deep JSON", with_body(export, deep), {400, 413}
    yield "JSON that ends early", with_body(export, b'{"a":'), {400}
    yield "JSON of bytes that are no UTF-8", with_body(export, b'{"a":"\xff\xfe"}'), {400}
    yield "JSON that is a list", with_body(export, b"[]"), {400}
    yield "JSON of 20 MB", with_body(export, b'{"a":"' + b"x" * 20_000_000 + b'"}'), {400, 413, 0}
    yield "an unknown method", get("/v1/x", "FROB"), {404, 405, 501}
    yield "CONNECT", get("example.com:443", "CONNECT"), {400, 405, 501}
    yield "TRACE", get("/", "TRACE"), {405, 501}
    yield "PUT on a resource", with_body(P + "/datasets/d", b"{}", method="PUT"), {405}
    yield "a foreign absolute target", get("http://example.com/"), {400, 404, 200}
    yield "no Host", b"GET / HTTP/1.1\r\n\r\n", {400}
    yield "two lengths", post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}
    yield "length and chunked", post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}
    yield "an odd transfer encoding", post + b"Transfer-Encoding: gzip\r\n\r\n", {400, 501}
    yield "a bad chunk", elsewhere + b"zz\r\n", {400, 404, 405}
    yield "a chunk of 2^64", elsewhere + b"ffffffffffffffff1\r\n", {400, 404, 405, 413}
    yield "a negative length", post + b"Content-Length: -1\r\n\r\n", {400}
    yield "a length of 2^70", post + b"Content-Length: 1180591620717411303424\r\n\r\n", {400, 413}
    yield "a header of 1 MB", get("/", headers="X: " + "a" * 1_000_000 + "\r\n"), {431, 400, 0}
    yield "10,000 header fields", get("/", headers="".join(f"X{i}: y\r\n" for i in range(10000))), {431, 400, 0}
    yield "a target of 1 MB", get("/" + "a" * 1_000_000), {414, 431, 400, 0}
    yield "a folded header", get("/", headers="X: a\r\n b\r\n"), {400}
    yield "HTTP/9.9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505}
    yield "TLS to a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), {400, 0}
    yield "noise", bytes(range(256)) * 20, {400, 0}
    yield "STOW of noise", with_body(studies, part + bytes(5000) + b"\r\n--b--", multipart), {400, 409}
    yield "STOW without its boundary", with_body(studies, b"nothing here", multipart), {400}
    yield "STOW without an end", with_body(studies, part + b"abc", multipart), {400}
    yield "STOW with a boundary of 5,000 letters", with_body(studies, b"x", "multipart/related; boundary=" + "b" * 5000), {400}
    yield ("STOW part header of 1 MB",
           with_body(studies, b"--b\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n\r\n--b--", multipart), {400, 413, 431})
    yield "STOW of no type", with_body(studies, b"x", "text/plain"), {400, 415}
    yield "QIDO by an unknown attribute", get(S + "/dicomWeb/studies?Nonsense=1"), {400}
    yield "QIDO with a limit of -1", get(S + "/dicomWeb/studies?limit=-1"), {400}
    yield "QIDO with a limit of 2^80", get(S + "/dicomWeb/studies?limit=1208925819614629174706176"), {400, 200}
    yield "QIDO with SQL", get(S + "/dicomWeb/studies?PatientName=x%27%20OR%20%271%27=%271"), {200, 204}
    yield "QIDO with 1,000 stars", get(S + "/dicomWeb/studies?PatientName=" + "*a" * 1000), {200, 204, 400}
    yield "frames of 10^12", get(S + "/dicomWeb/studies/1/series/2/instances/3/frames/1000000000000"), {400, 404}
    yield "a page token of another kind", get(P + "/datasets?pageToken=%27%3B--"), {400}
    yield "a page of -5", get(P + "/datasets?pageSize=-5"), {400}
    yield "a log filter with SQL", with_body(logs, log + b"x' OR 1=1\"}"), {400}
    yield "a log filter of 100,000 parentheses", with_body(logs, log + b"(" * 100000 + b'"}'), {400}
    yield "a range past the end", get("/storage/v1/b/bucket/o/small?alt=media", headers="Range: bytes=1000-2000\r\n"), {416}
    yield ("a thousand ranges",
           get("/storage/v1/b/bucket/o/small?alt=media", headers="Range: bytes=" + ",".join("0-1" for _ in range(1000)) + "\r\n"),
           {200, 206, 400, 416})
    yield ("a resumable upload that never was",
           with_body("/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id=../../x", b"x", method="PUT"),
           {400, 404, 410})


def bomb():
    """A tar.gz of 2 GB of zeros in 2 MB."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as packed:
        info = tarfile.TarInfo("zeros.dcm")
        info.size = 2_000_000_000
        packed.write(info.tobuf())
        zeros = bytes(1 << 20)
        for _ in range(info.size // len(zeros) + 1):
            packed.write(zeros)
    return out.getvalue()


def import_of_a_bomb_ends(server):
    server.request("POST", "/upload/storage/v1/b/bucket/o?uploadType=media&name=bomb.tar.gz", bomb())
    status, operation = server.request("POST", S + ":import", {"gcsSource": {"uri": "gs://bucket/bomb.tar.gz"}})
    check(status == 200, f"the import of a bomb is begun: {status}")
    for _ in range(1200):
        _, state = server.request("GET", "/v1/" + operation["name"])
        if state.get("done"):
            break
        time.sleep(0.1)
    check(state.get("done") is True, "the import of a bomb ends")


def slow_senders_are_cut(server):
    """300 connections that drip; meanwhile others are served."""
    host, port = server.url.removeprefix("http://").split(":")
    slow = []
    for i in range(300):
        connection = socket.create_connection((host, int(port)), timeout=30)
        head = b"GET / HTTP/1.1\r\nHost: x\r\nX" if i % 2 else (
            b"POST " + S.encode() + b"/dicomWeb/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
            b'Content-Type: multipart/related; type="application/dicom"; boundary=b\r\n\r\n--b\r\n')
        connection.sendall(head)
        slow.append(connection)
    begin = time.time()
    status, _ = server.request("GET", "/healthz")
    seconds = time.time() - begin
    check(status == 200 and seconds < 5, f"others are served while 300 are slow: {status}, {seconds:.1f} s")
    for connection in slow:
        connection.close()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    flags = parser.parse_args()
    shutil.rmtree(flags.folder, ignore_errors=True)
    with Server(flags.program, flags.folder, "--log", "off") as server:
        server.request("POST", P + "/datasets?datasetId=d", {})
        server.request("POST", P + "/datasets/d/dicomStores?dicomStoreId=s", {})
        server.request("POST", "/storage/v1/b?project=p", {"name": "bucket"})
        server.request("POST", "/upload/storage/v1/b/bucket/o?uploadType=media&name=small", b"0123456789")
        requests = list(table())
        for name, content, answers in requests:  # once for what is opened lazily
            raw(server, content)
        before = descriptors(server)
        for name, content, answers in requests:
            status = raw(server, content)
            check(status in answers, f"{name}: {status} is not among {sorted(answers)}")
        threads = [threading.Thread(target=raw, args=(server, content)) for _, content, _ in requests * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        slow_senders_are_cut(server)
        import_of_a_bomb_ends(server)
        status, datasets = server.request("GET", P + "/datasets")
        check(status == 200 and len(datasets["datasets"]) == 1,
              f"afterwards all is as it was: {status}, {json.dumps(datasets)[:200]}")
        for _ in range(100):
            after = descriptors(server)
            if after <= before + 4:
                break
            time.sleep(0.2)
        check(after <= before + 4, f"{after} descriptors are open, {before} were before")
        code = server.stop()
        check(code == 0, f"it stops with {code}")
    print(f"{len(requests)} hostile requests, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
