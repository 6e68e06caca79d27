#!/usr/bin/env python3
"""Google's own programs and libraries for Cloud Storage against a server of ours, and our own commands beside them.

    storage_check.py PROGRAM FOLDER CLIENTS

CLIENTS is where tests/wire/setup.sh has installed the libraries. What is not on this machine is said and passed over.
"""
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402
from tls_front import TlsFront  # noqa: E402

HERE = pathlib.Path(__file__).parent
failures = []


def check(holds, what, detail=""):
    print(("ok    " if holds else "FAILED ") + what, flush=True)
    if not holds:
        failures.append(what)
        print(detail, flush=True)


class Client:
    """One of the programs: its words, and how it is run."""

    def __init__(self, name, words, server, environment):
        self.name, self.words, self.server, self.environment = name, words, server, environment
        self.shell_expands = name == "ours"  # local names; and no [...] in those of objects

    def run(self, *words, stdin=b""):
        result = subprocess.run([*self.words, *words], input=stdin, cwd=self.server.folder, env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        self.said = result.stderr.decode(errors="replace")
        return result.returncode, result.stdout

    def check(self, what, *words, expected=None, code=0, stdin=b""):
        got, output = self.run(*words, stdin=stdin)
        holds = got == code and (expected is None or output == expected)
        check(holds, f"{self.name}: {what}", f"{words}: {got}\n{output[:2000]!r}\n{self.said}")


def drive(client, folder, bucket):
    """What a user does with files and objects: the same words for all programs."""
    small, large = folder / "small.txt", folder / "large.bin"
    gs = f"gs://{bucket}"
    client.check("cp uploads a small file", "cp", str(small), gs)
    client.check("cat gives its bytes", *client.cat, f"{gs}/small.txt", *client.cat_to, expected=small.read_bytes())
    client.check("cp uploads a large file", "cp", str(large), f"{gs}/a b/ü/large.bin")
    client.check("cp downloads it", "cp", f"{gs}/a b/ü/large.bin", str(folder / "back.bin"))
    check((folder / "back.bin").read_bytes() == large.read_bytes(), f"{client.name}: the large file is the same")
    client.check("cp copies in the store", "cp", f"{gs}/small.txt", f"{gs}/copies/one.txt")
    client.check("cp takes standard input", "cp", "-", f"{gs}/piped.txt", stdin=b"from a pipe\n")
    client.check("the piped object has its bytes", *client.cat, f"{gs}/piped.txt", *client.cat_to, expected=b"from a pipe\n")
    client.check("cp -r uploads a folder", "cp", "-r", str(folder / "tree"), gs)
    code, output = client.run("ls", "-r", gs)
    listed = {line for line in output.decode().splitlines() if line.startswith("gs://") and not line.endswith(("/", ":"))}
    names = ("small.txt", "a b/ü/large.bin", "copies/one.txt", "piped.txt", "tree/1.txt", "tree/sub/2.txt")
    wanted = {f"{gs}/{name}" for name in names}
    check(code == 0 and listed == wanted, f"{client.name}: ls -r lists all", f"{sorted(listed ^ wanted)} {client.said}")
    code, output = client.run("ls", gs)
    lines = set(output.decode().split("\n")) - {""}
    check(code == 0 and lines == {f"{gs}/{name}" for name in ("small.txt", "piped.txt", "a b/", "copies/", "tree/")},
          f"{client.name}: ls lists a level", output.decode() + client.said)
    wildcards(client, folder, gs)
    client.check("rm removes an object", "rm", f"{gs}/piped.txt")
    code, _ = client.run("ls", f"{gs}/piped.txt")
    check(code != 0, f"{client.name}: it has gone")
    client.check("rm -r removes a folder", "rm", "-r", f"{gs}/tree")
    code, output = client.run("ls", f"{gs}/tree/1.txt")
    check(code != 0, f"{client.name}: the folder has gone", output.decode())


def wildcards(client, folder, gs):
    """* stays in a folder, ** goes into folders: in what is listed, loaded and removed."""
    (folder / "many").mkdir(exist_ok=True)
    local = folder / "tree" / ("1.txt" if client.shell_expands else "*.txt")
    client.check("cp uploads what a wildcard names", "cp", str(local), f"{gs}/many/")
    client.check("cp uploads several files", "cp", str(folder / "tree/sub/2.txt"), str(folder / "small.txt"), f"{gs}/many/deep/")
    for pattern, names in (("many/*.txt", ["many/1.txt"]), ("many/**", ["many/1.txt", "many/deep/2.txt", "many/deep/small.txt"]),
                           ("m?ny/deep/?.txt", ["many/deep/2.txt"]), ("many/deep/[0-9].txt", ["many/deep/2.txt"]),
                           ("many/[a-e]eep/[!0-9]*", ["many/deep/small.txt"]),
                           ("many/**/[12].txt", ["many/1.txt", "many/deep/2.txt"])):
        code, output = client.run("ls", f"{gs}/{pattern}")
        check(code == 0 and output.decode().split() == [f"{gs}/{name}" for name in names], f"{client.name}: ls of {pattern}",
              output.decode() + client.said)
    client.check("cp downloads what a wildcard names", "cp", f"{gs}/many/**.txt", str(folder / "many"))
    check({path.name: path.read_bytes() for path in (folder / "many").iterdir()} ==
          {"1.txt": b"one", "2.txt": b"two", "small.txt": (folder / "small.txt").read_bytes()},
          f"{client.name}: the files have their bytes")
    client.check("rm removes what a wildcard names", "rm", f"{gs}/many/**")
    code, _ = client.run("ls", f"{gs}/many/**")
    check(code != 0, f"{client.name}: all of them have gone")
    shutil.rmtree(folder / "many")


def our_program(server):
    client = Client("ours", [server.program, "storage"], server, server.environment(CLOUDSDK_CORE_PROJECT="p"))
    client.cat, client.cat_to = ["cp"], ["-"]
    return client


def gsutil(server, front):
    boto = server.folder / "boto"
    boto.write_text(f"[Credentials]\ngs_json_host = 127.0.0.1\ngs_json_port = {front.port}\n"
                    f"[Boto]\nca_certificates_file = {front.certificate}\nnum_retries = 1\n"
                    f"[GSUtil]\ndefault_project_id = p\nstate_dir = {server.folder}/gsutil\nresumable_threshold = 1048576\n")
    environment = server.environment(CLOUDSDK_CORE_PROJECT="p", BOTO_CONFIG=str(boto),
                                     # before boto's own setting, where a machine has it set:
                                     CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=str(front.certificate),
                                     CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL="false")
    client = Client("gsutil", ["gsutil"], server, environment)
    client.cat, client.cat_to = ["cat"], []
    return client


def gcloud(server):
    client = Client("gcloud storage", ["gcloud", "storage"], server, server.environment(CLOUDSDK_CORE_PROJECT="p"))
    client.cat, client.cat_to = ["cat"], []
    return client


def present(program):
    if not shutil.which(program):
        print(f"skipped: there is no {program}", flush=True)
    return shutil.which(program)


def drive_in_a_bucket(client, folder):
    bucket = "check-" + client.name.split()[0]
    status, _ = client.server.request("POST", "/storage/v1/b?project=p", {"name": bucket})
    check(status == 200, f"{client.name}: a bucket is made")
    drive(client, folder, bucket)
    log = (client.server.folder / "server.log").read_text()
    pieces = re.search(rf"\bPUT /upload/storage/v1/b/{bucket}/o ", log) is not None
    check(pieces or client.name == "ours", f"{client.name}: the large file goes up as a resumable upload", log[-900:])


def library(name, words, server, **environment):
    result = subprocess.run([*words, server.url], env=server.environment(**environment), cwd=server.folder, text=True,
                            timeout=300,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(result.returncode == 0, f"{name}: buckets, uploads in one go and in pieces, ranges, lists, copies, conditions",
          result.stdout)


def main():
    program, folder, clients = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tree/sub").mkdir(parents=True)
    (folder / "small.txt").write_bytes(b"/studies/1.2.3\n/studies/1.2.4\n")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 40000)
    (folder / "tree/1.txt").write_bytes(b"one")
    (folder / "tree/sub/2.txt").write_bytes(b"two")
    with Server(program, folder) as server:
        drive_in_a_bucket(our_program(server), folder)
        if present("gsutil"):
            with TlsFront(server) as front:
                drive_in_a_bucket(gsutil(server, front), folder)
        if present("gcloud"):
            drive_in_a_bucket(gcloud(server), folder)
        if (clients / ".python").exists():
            library("google-cloud-storage", [str(clients / "venv/bin/python"), str(HERE / "storage_client.py")], server,
                    STORAGE_EMULATOR_HOST=server.url)
        else:
            print("skipped: google-cloud-storage is not installed; tests/wire/setup.sh", flush=True)
        if (clients / ".npm").exists():
            shutil.copy(HERE / "storage_client.mjs", clients)  # node looks for packages beside the script
            library("@google-cloud/storage", ["node", str(clients / "storage_client.mjs")], server)
        else:
            print("skipped: @google-cloud/storage is not installed; tests/wire/setup.sh", flush=True)
    print(f"{len(failures)} failed", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
