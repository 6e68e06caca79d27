"""A dicomhouse server for tests: started on a free port in a fresh folder, stopped at the end.

    with Server(program, folder) as server:
        server.url            "http://127.0.0.1:39215"
        server.request("GET", "/v1/projects/p/locations/l/datasets")   -> (status, parsed JSON or bytes)
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

START_SECONDS = 30


class Server:
    def __init__(self, program, folder, *flags):
        self.program = str(program)
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.warehouse = self.folder / "warehouse"
        self.flags = flags
        self.process = None
        self.url = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", str(self.data), "--warehouse", str(self.warehouse), "--port", "0", *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"https?://\S+", line)
        if not found:
            raise RuntimeError(f"the server did not start: {line!r}; see {self.log.name}")
        self.url = found.group(0)

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return code

    def request(self, method, target, body=None, headers=None):
        """The status, and the body: parsed where it is JSON."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.url + target, data=data, method=method, headers=dict(headers or {}))
        if isinstance(body, (dict, list)):
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, content, kind = response.status, response.read(), response.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            status, content, kind = error.code, error.read(), error.headers.get("Content-Type", "")
        return status, (json.loads(content) if content and "json" in kind else content)

    def environment(self, **more):
        """The environment of client commands: ours and Google's."""
        return {**os.environ,
                "DICOMHOUSE_ENDPOINT": self.url,
                "DICOMHOUSE_WAREHOUSE": str(self.warehouse),
                "DICOMHOUSE_DATA": str(self.data),
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_HEALTHCARE": self.url + "/",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": self.url + "/storage/v1/",
                "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
                "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
                "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
                "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
                "CLOUDSDK_CONFIG": str(self.folder / "gcloud"),
                **more}
