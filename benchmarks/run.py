#!/usr/bin/env python3
"""Measures the product against a floor and its peers in the same run. README.md beside this has a line per row.

    benchmarks/run.py folder            one row
    benchmarks/run.py all --rounds 3    all rows

Times are of whole processes by the wall clock, medians of alternating rounds. Each row ends in ratios with their targets, and is
appended to results/<row>.jsonl. The exit code is 1 when a target was missed and --check is given.
"""
import argparse
import datetime
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = "bq://bench.b.t"


@dataclass
class Sample:
    """One run of one process."""

    seconds: float  # wall clock, start of the process included
    peak_bytes: int = 0
    read_bytes: int = 0  # by read calls, as the kernel counts them
    values: dict = field(default_factory=dict)  # what the process itself reported

    def count(self):
        """Instances looked at: copies of one (the real series is given again and again) are read as well."""
        return float(self.values.get("instances", 0)) + float(self.values.get("duplicates", 0))

    @property
    def rate(self):
        return self.count() / self.seconds


@dataclass
class Target:
    label: str
    value: float
    limit: float
    at_least: bool = True

    @property
    def met(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def text(self):
        sign = ">=" if self.at_least else "<="
        return f"  {self.label:<58} {self.value:>14,.2f}   {sign} {self.limit:<14,.10g} {'ok' if self.met else 'MISSED'}"


def parse_report(text):
    """The peers print key=value lines, the product a JSON object on its last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[-1].lstrip().startswith("{"):
        return json.loads(lines[-1])
    return {key: float(value) for key, _, value in (line.partition("=") for line in lines) if key.isidentifier() and value}


def read_calls(pid):
    """Bytes that a process which has ended, but has not been waited for, got from read calls."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("rchar")).split()[1])
    except (OSError, StopIteration):
        return 0


def run(command, stdin_file=None, exit_codes=(0, 3)):
    """Runs a command to its end. 3 is the product's "done with failed instances"."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        source = open(stdin_file, "rb") if stdin_file else subprocess.DEVNULL
        begin = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdin=source, stdout=out, stderr=errors)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - begin
        read_bytes = read_calls(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if stdin_file:
            source.close()
        out.seek(0)
        errors.seek(0)
        if process.returncode not in exit_codes:
            sys.exit(f"{' '.join(map(str, command))}\nended with {process.returncode}: {errors.read().decode()[-2000:]}")
        return Sample(seconds, usage.ru_maxrss * 1024, read_bytes, parse_report(out.read().decode()))


class Bench:
    def __init__(self, args):
        self.args = args
        self.build = (ROOT / args.build).resolve()
        self.data = (ROOT / args.data).resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self.product = self.build / "dicomhouse"
        self.targets = []
        self.figures = {}

    # Corpora -------------------------------------------------------------------------------------------------------------

    def corpus(self, name, *words):
        """Makes a file or folder of make_dicom once; `words` are its arguments but for the place."""
        path = self.data / name
        if not path.exists():
            partial = self.data / (name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            command = [self.build / "tools/make_dicom", words[0], partial, *words[1:]]
            subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
            partial.rename(path)
        return path

    def series(self, instances):
        return self.corpus(f"series-{instances}", "series", "--instances", instances, "--threads", os.cpu_count())

    def copies(self, folder, wanted=5000):
        """The files of a folder in their order, again and again: a short series would measure the start of processes."""
        path = self.data / ("real-" + Path(folder).resolve().name)
        files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
        if not files:
            sys.exit(f"{folder} has no files")
        for copy in range(0 if path.exists() else -(-wanted // len(files))):
            target = path / f"copy-{copy:03}"
            target.mkdir(parents=True)
            for number, file in enumerate(files):
                shutil.copy(file, target / f"{number:06}.dcm")
        return path

    def shuffled_list(self, folder):
        path = self.data / (folder.name + ".shuffled.txt")
        files = sorted(str(file) for file in folder.rglob("*") if file.is_file())
        random.Random(1).shuffle(files)
        path.write_text("".join(file + "\n" for file in files))
        return path

    # Runs ----------------------------------------------------------------------------------------------------------------

    def export(self, path, threads=1, stdin_file=None, warehouse=None, more=()):
        with tempfile.TemporaryDirectory(dir=self.data) as temporary:
            command = [self.product, "export", "-" if stdin_file else path, *more, "--warehouse", warehouse or temporary]
            command += ["--bq-table", TABLE, "--write-disposition", "write-truncate", "--threads", threads, "--json"]
            return run(command, stdin_file)

    def rivals(self, folder, threads, letters):
        """The peers that can run here, by letter."""
        here = Path(__file__).resolve().parent / "rivals"
        programs = {
            "F": [self.build / "benchmarks/rival_floor", folder, "--threads", threads],
            "D": [self.build / "benchmarks/rival_dcmtk_read", folder, "--threads", threads],
            "J": [self.build / "benchmarks/rival_dcmtk_json", folder, "--threads", threads],
            "P": [self.args.python, here / "pydicom_json.py", folder, "--threads", threads, "--limit", 2000],
            "G": ["sh", here / "gdcm_scan.sh", folder],
        }
        found = {}
        for letter in letters:
            if shutil.which(str(programs[letter][0])) and (letter != "G" or shutil.which("gdcmscanner")):
                found[letter] = lambda command=programs[letter]: run(command)
            else:
                print(f"(peer {letter} is not here: left out)")
        return found

    def alternate(self, contestants):
        """Samples by name: each round runs all, every second round backwards."""
        samples = {name: [] for name in contestants}
        for number in range(self.args.rounds):
            for name in list(contestants)[:: 1 if number % 2 == 0 else -1]:
                samples[name].append(contestants[name]())
        return samples

    def product_is_there(self):
        if not self.product.exists():
            print(f"(no product at {self.product}: only peers run)")
        return self.product.exists()

    # Results -------------------------------------------------------------------------------------------------------------

    def target(self, label, value, limit, at_least=True):
        self.targets.append(Target(label, value, limit, at_least))

    def show_rates(self, samples):
        print(f"  {'':<24} {'instances/s':>14} {'seconds':>10} {'peak MiB':>10}")
        for name, runs in samples.items():
            rate, seconds, peak = (statistics.median(get(s) for s in runs) for get in (lambda s: s.rate, lambda s: s.seconds,
                                                                                      lambda s: s.peak_bytes))
            self.figures[name] = {"instances_per_second": round(rate), "seconds": round(seconds, 4), "peak_bytes": int(peak)}
            print(f"  {name:<24} {rate:>14,.0f} {seconds:>10.3f} {peak / 2**20:>10.0f}")

    def finish(self, row):
        for target in self.targets:
            print(target.text())
        record = {"row": row, **machine(), "rounds": self.args.rounds, "figures": self.figures,
                  "targets": [{**vars(target), "met": target.met} for target in self.targets]}
        results = Path(__file__).resolve().parent / "results"
        results.mkdir(exist_ok=True)
        with open(results / f"{row}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        missed = sum(not target.met for target in self.targets)
        self.targets, self.figures = [], {}
        return missed


def machine():
    def first(command):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown")
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": first(["git", "rev-parse", "--short", "HEAD"]),
            "changed": bool(first(["git", "status", "--porcelain", "--untracked-files=no"])),
            "cpu": cpu, "cores": os.cpu_count()}


def median_rate(samples, name):
    return statistics.median(sample.rate for sample in samples[name])


# Rows --------------------------------------------------------------------------------------------------------------------


def row_folder(bench):
    threads = bench.args.threads
    folder = bench.series(bench.args.instances)
    contestants = bench.rivals(folder, threads, "FDJPG" if threads == 1 else "FDJP")
    if bench.product_is_there():
        contestants["product"] = lambda: bench.export(folder, threads)
        if threads == 1:
            listed = bench.shuffled_list(folder)
            contestants["product, 2 threads"] = lambda: bench.export(folder, 2)
            contestants["product, random order"] = lambda: bench.export(folder, 1, stdin_file=listed)
    run(["sh", "-c", f"find '{folder}' -type f -print0 | xargs -0 cat > /dev/null"])  # warm
    samples = bench.alternate(contestants)
    bench.show_rates(samples)
    if "product" not in samples:
        return
    rate = median_rate(samples, "product")
    for letter, least in {"D": 7, "J": 12, "P": 150, "G": 3.5}.items():
        if letter in samples:
            bench.target(f"product / {letter}", rate / median_rate(samples, letter), least)
    bench.target("time of product / time of F", median_rate(samples, "F") / rate, 2.5, at_least=False)
    if threads == 1:
        bench.target("2 threads / 1 thread", median_rate(samples, "product, 2 threads") / rate, 1.8)
        bench.target("random order / in order", median_rate(samples, "product, random order") / rate, 0.6)


def row_real(bench):
    source = bench.args.real or bench.data / "real"
    if not Path(source).is_dir():
        print("  give a series with --real FOLDER; benchmarks/README.md says which public one fits")
        return
    folder = bench.copies(source)
    contestants = bench.rivals(folder, 1, "FDJG")
    if bench.product_is_there():
        contestants["product"] = lambda: bench.export(folder)
    run(["sh", "-c", f"find '{folder}' -type f -print0 | xargs -0 cat > /dev/null"])
    samples = bench.alternate(contestants)
    bench.show_rates(samples)
    if "product" in samples and "D" in samples:
        bench.target("product / D", median_rate(samples, "product") / median_rate(samples, "D"), 15)


def row_memory(bench):
    if not bench.product_is_there():
        return
    small, large = bench.series(10000), bench.series(bench.args.large)
    samples = {"10,000 instances": [bench.export(small, bench.args.threads)],
               f"{bench.args.large:,} instances": [bench.export(large, bench.args.threads)]}
    bench.show_rates(samples)
    peaks = [runs[0].peak_bytes for runs in samples.values()]
    bench.target("peak of many / peak of few", peaks[1] / peaks[0], 1.2, at_least=False)
    bench.target("peak, MiB", max(peaks) / 2**20, 1024, at_least=False)


def size_of(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size


def growth(bench, kind, option, small, large, pixel_bytes=0):
    """Time and memory of ten times the input: neither may grow faster than the input does."""
    paths = [bench.corpus(f"{kind}-{size}", kind, option, size) for size in (small, large)]
    samples = bench.alternate({f"{kind} {size:,}": lambda path=path: bench.export(path)
                               for size, path in zip((small, large), paths)})
    bench.show_rates(samples)
    few, many = samples.values()
    seconds = [statistics.median(float(s.values.get("seconds", s.seconds)) for s in runs) for runs in (few, many)]
    peaks = [statistics.median(s.peak_bytes for s in runs) for runs in (few, many)]
    headers = [size_of(path) - pixel_bytes * size for size, path in zip((small, large), paths)]
    # A tenth more for noise. The start of the process is in both times, which only helps the smaller one's share.
    more_time = seconds[1] / seconds[0] / (headers[1] / headers[0])
    more_memory = (peaks[1] - peaks[0]) / (headers[1] - headers[0])
    bench.target(f"{kind}: growth of time / growth of input", more_time, 1.1, at_least=False)
    bench.target(f"{kind}: more memory / more header bytes", more_memory, 20, at_least=False)


def row_items(bench):
    if bench.product_is_there():
        growth(bench, "sr", "--items", 5000, 50000)
        growth(bench, "seg", "--items", 5000, 50000, pixel_bytes=32)


def row_frames(bench):
    if bench.product_is_there():
        growth(bench, "enhanced", "--frames", 1000, 10000, pixel_bytes=128)


def row_columns(bench):
    if not bench.product_is_there():
        return
    growth(bench, "columns", "--columns", 500, 5000)
    # The smallest archive with so many columns has 0.1 MB of headers, less than the table's own metadata. Beside others:
    many, others = bench.corpus("columns-5000", "columns", "--columns", 5000), bench.series(1000)
    peak = statistics.median(bench.export(many, more=(others,)).peak_bytes for _ in range(bench.args.rounds))
    bench.target("5,000 columns and 1,000 ordinary instances: peak / header", peak / (size_of(many) + size_of(others)), 20,
                 at_least=False)


def row_huge(bench):
    if not bench.product_is_there():
        return
    for name, words in {"native": (), "fragments": ("--fragments",)}.items():
        path = bench.corpus(f"huge-{name}.dcm", "huge", "--gib", 4, *words)
        with open(path, "rb") as file:
            header = file.read(1 << 20).rfind(b"\xe0\x7f\x10\x00O")
        sample = bench.export(path)
        start = run([bench.product, "--help"]).read_bytes  # the loader's own reads
        limit = 2 * header + 2**20
        # Fragments say their lengths one by one, so that a reader can do no better than to look at each header.
        if name == "fragments":
            limit += 4096 * 4096
        bench.figures[name] = {"header": header, "seconds": sample.seconds, "peak_bytes": sample.peak_bytes}
        if "bytesRead" in sample.values:
            bench.target(f"{name}: bytes read, by its own account", float(sample.values["bytesRead"]), limit, at_least=False)
        bench.target(f"{name}: bytes read, by the kernel's", sample.read_bytes - start, limit, at_least=False)


def row_query(bench):
    if not bench.product_is_there():
        return
    warehouse = bench.data / f"warehouse-{bench.args.large}"
    if not warehouse.exists():
        bench.export(bench.series(bench.args.large), os.cpu_count(), warehouse=warehouse)
    sql = "SELECT Modality, COUNT(*) AS n FROM `bench.b.t` GROUP BY Modality"
    command = [bench.product, "query", sql, "--warehouse", warehouse]
    times = [run(command, exit_codes=(0,)).seconds for _ in range(max(bench.args.rounds, 5))]
    bench.target(f"first query on {bench.args.large:,} rows, ms", 1000 * statistics.median(times), 100, at_least=False)


def row_help(bench):
    if bench.product_is_there():
        times = [run([bench.product, "--help"]).seconds for _ in range(20)]
        bench.target("start of --help, ms", 1000 * statistics.median(times), 20, at_least=False)


ROWS = {"folder": row_folder, "real": row_real, "memory": row_memory, "items": row_items, "frames": row_frames,
        "columns": row_columns, "huge": row_huge, "query": row_query, "help": row_help}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=[*ROWS, "all"])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contestant (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="of product and peers (default: 1)")
    parser.add_argument("--instances", type=int, default=20000, help="of the folder row (default: 20000)")
    parser.add_argument("--large", type=int, default=1000000, help="of memory and query (default: 1000000; 12 GB of disk)")
    parser.add_argument("--real", help="a folder with one real series")
    parser.add_argument("--build", default="build/release", help="where product and peers were built (default: build/release)")
    parser.add_argument("--data", default="build/bench", help="where corpora are made (default: build/bench)")
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has pydicom")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    args = parser.parse_args()
    bench = Bench(args)
    missed = 0
    for row in ROWS if args.row == "all" else [args.row]:
        print(row)
        ROWS[row](bench)
        missed += bench.finish(row)
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
