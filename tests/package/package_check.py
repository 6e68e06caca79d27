#!/usr/bin/env python3
"""The Debian package as others see it: lintian, dpkg, the shells, man, systemd. And it works from where it was unpacked, with
nothing of the build folder.

    package_check.py BUILD MAKE_DICOM FOLDER

BUILD is a built release; FOLDER is made anew. Tools that are not there are named and left out; without dpkg-deb: exit code 77.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

INSTANCES = 60
failures = []


def check(holds, what):
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        failures.append(what)


def run(*words, **more):
    """Output and errors in one, and the exit code, of a program with no environment but where programs are."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **more.pop("environment", {})}
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=environment, timeout=900, **more)
    return done.stdout, done.returncode


def there(tool):
    if shutil.which(tool):
        return True
    print(f"left out: {tool} is not installed", flush=True)
    return False


def clean(tool, what, *words, **more):
    """The tool finds nothing: no word from it and exit code 0."""
    if there(tool):
        out, code = run(tool, *words, **more)
        check(code == 0 and not out.strip(), f"{tool}: {what}" + (f"\n{out}" if out.strip() else ""))


def make_package(build, folder):
    out, code = run("cpack", "--config", build / "CPackConfig.cmake", "-B", folder)
    packages = list(folder.glob("*.deb"))
    check(code == 0 and len(packages) == 1, "cpack makes one package" + ("" if code == 0 else "\n" + out))
    return packages[0] if packages else sys.exit(1)


def check_control(package):
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "--field", package)[0].splitlines() if re.match(r"\S+: ", line))
    needed = [re.sub(r" .*", "", name) for name in fields["Depends"].split(", ")]
    check({"libc6", "libstdc++6", "libsqlite3-0"} <= set(needed), "the libraries that the program needs are depended on")
    check(not any("duckdb" in name for name in needed), "the engine's library comes with the package")
    return fields


def check_lintian(package):
    if there("lintian"):
        root = ["--allow-root"] if os.geteuid() == 0 else []
        out, code = run("lintian", *root, "--fail-on", "error,warning", "--tag-display-limit", "0", package)
        check(code == 0, "lintian: no error, no warning" + ("" if code == 0 else "\n" + out))


def check_dpkg(package, folder):
    """Installed and removed again by dpkg in a root of its own, nothing is left."""
    if os.geteuid() != 0:
        print("left out: dpkg installs as root only", flush=True)
        return
    root = folder / "dpkg"
    for name in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    dpkg = ["dpkg", f"--root={root}", "--log=/dev/null", "--force-depends"]  # the libraries are the machine's
    out, code = run(*dpkg, "--install", package)
    check(code == 0 and (root / "usr/bin/dicomhouse").is_file(), "dpkg installs it" + ("" if code == 0 else "\n" + out))
    out, code = run(*dpkg, "--purge", "dicomhouse")
    left = [str(path) for path in root.rglob("*") if path.is_file() and root / "var/lib/dpkg" not in path.parents]
    check(code == 0 and not left, f"dpkg removes all of it {left or ''}" + ("" if code == 0 else "\n" + out))


def check_program(root, make_dicom, folder, version):
    program = root / "usr/bin/dicomhouse"
    check(run(program, "--version") == (f"dicomhouse {version}\n", 0), "the program has the package's version")
    paths = re.findall(r"(?:RPATH|RUNPATH).*\[(.*)\]", run("readelf", "-d", program)[0]) if there("readelf") else ["$ORIGIN/"]
    check(all(path.startswith("$ORIGIN/") for path in paths), f"libraries are looked for beside the program: {paths}")
    manifest = folder / "manifest"
    out, code = run(make_dicom, "hospital", folder / "files", "--instances", INSTANCES, "--manifest", manifest)
    assert code == 0, out
    warehouse = {"DICOMHOUSE_WAREHOUSE": str(folder / "warehouse")}
    out, code = run(program, "export", folder / "files", "--bq-table", "t", environment=warehouse)
    check(code in (0, 1) and (folder / "warehouse").is_dir(), "it exports" + ("" if code in (0, 1) else "\n" + out))
    sql = "SELECT COUNT(DISTINCT SOPInstanceUID) AS n FROM t"
    out, code = run(program, "query", "--format", "json", sql, environment=warehouse)
    check(code == 0 and json.loads(out)[0]["n"] in (INSTANCES, str(INSTANCES)), f"it answers: {' '.join(out.split())}")


def check_documents(root):
    page = root / "usr/share/man/man1/dicomhouse.1.gz"
    if there("man"):
        done = subprocess.run(["man", "--warnings", "--local-file", str(page)], capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""})
        check(done.returncode == 0 and not done.stderr.strip() and "dicomhouse export" in done.stdout,
              "man shows the page" + done.stderr)
    share = root / "usr/share"
    clean("bash", "reads its completion", "-n", share / "bash-completion/completions/dicomhouse")
    clean("zsh", "reads its completion", "-n", share / "zsh/vendor-completions/_dicomhouse")
    clean("fish", "reads its completion", "--no-execute", share / "fish/vendor_completions.d/dicomhouse.fish")
    words = ("source $0; COMP_WORDS=(dicomhouse healthcare dicom-stores imp); COMP_CWORD=3; _dicomhouse; echo ${COMPREPLY[*]}")
    out, code = run("bash", "-c", words, share / "bash-completion/completions/dicomhouse")
    check((out, code) == ("import\n", 0), f"bash completes a command of three words: {out.strip()}")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def serves(what, words, environment):
    """The server starts with these words and variables, answers and ends with code 0 when asked to."""
    port = free_port()
    process = subprocess.Popen(words, env={"PATH": os.environ["PATH"], **environment, "DICOMHOUSE_PORT": str(port)},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        first = process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            check(answer.status == 200, f"{what}: the server answers")
    except OSError as error:
        check(False, f"{what}: {error}; it said {first}")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    check(process.returncode == 0, f"{what}: it ends when asked to")


def check_service(root, folder):
    unit = root / "usr/lib/systemd/system/dicomhouse.service"
    text = unit.read_text()
    program = root / "usr/bin/dicomhouse"
    if there("systemd-analyze"):
        here = folder / "unit/dicomhouse.service"
        here.parent.mkdir()
        here.write_text(text.replace("/usr/bin/dicomhouse", str(program)))
        out, code = run("systemd-analyze", "verify", "--man=no", here)
        ours = [line for line in out.splitlines() if "dicomhouse" in line]  # it also speaks of units of the machine
        check(not ours, f"systemd-analyze: nothing about the unit {ours or ''}")
    command = re.search(r"^ExecStart=(.*)$", text, re.M).group(1).replace("/usr/bin/dicomhouse", str(program)).split()
    state = folder / "state"
    variables = re.search(r"^Environment=(.*)$", text, re.M).group(1).replace("%S", str(state)).split()
    serves("as the unit starts it", command, dict(variable.split("=", 1) for variable in variables))
    check((state / "dicomhouse/data").is_dir(), "its data is where the unit says")
    example = root / "usr/share/doc/dicomhouse/examples/dicomhouse.toml"
    settings = folder / "dicomhouse.toml"
    settings.write_text(example.read_text().replace("/var/lib", str(folder / "example")))
    serves("with the example's settings", [program, "serve", "--config", settings], {})
    check((folder / "example/dicomhouse/data").is_dir(), "its data is where the example says")


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "make_dicom", "folder"):
        parser.add_argument(name, type=pathlib.Path)
    flags = parser.parse_args()
    if not (there("dpkg-deb") and there("cpack")):
        sys.exit(77)
    folder = flags.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "package").mkdir(parents=True)
    package = make_package(flags.build.resolve(), folder / "package")
    fields = check_control(package)
    check_lintian(package)
    check_dpkg(package, folder)
    root = folder / "root"
    run("dpkg-deb", "--extract", package, root)
    check_program(root, flags.make_dicom.resolve(), folder, fields["Version"])
    check_documents(root)
    check_service(root, folder)
    if failures:
        sys.exit(f"{len(failures)} of the package's checks failed")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
