"""What the program, its documents and a configuration say: the side that deploy/ is compared with."""
import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
# Where the program looks without `--config`.
CONFIGURATION = "/etc/countersign/countersign.yaml"
# Need no secret, whatever `listen.operations` says.
FREE = {"/livez", "/readyz"}


def every(checks, *subjects):
    """The problems that the checks find. Something that is not there at all is one too."""
    for check in checks:
        try:
            for problem in check(*subjects):
                yield f"{check.__name__}: {problem}"
        except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
            yield f"{check.__name__}: not there: {error!r}"


class Program:
    def __init__(self, path):
        self.path = path
        self.version = re.search(r"\d+\.\d+\.\d+", self.run("--version")[1])[0]

    def run(self, *arguments, file="/nowhere/countersign.yaml"):
        done = subprocess.run([self.path, *arguments], env={**os.environ, "COUNTERSIGN_CONFIG": file},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def understands(self, arguments):
        """Whether the command line is right. Without a configuration each command ends at once, with 64 if it is not."""
        return self.status(*arguments) != 64

    @functools.cache
    def status(self, *arguments):
        return self.run(*arguments)[0]

    @functools.cache
    def refusal(self, configuration):
        """What `check-config` has against a file, or nothing."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "countersign.yaml")
            file.write_text(configuration)
            status, output = self.run("check-config", "--offline", "--config", str(file))
        return output if status else None


@functools.cache
def operations_paths():
    document = yaml.safe_load((REPOSITORY / "docs/openapi.yaml").read_text())
    return {path for path, item in document["paths"].items()
            if any("operations" in method.get("tags", []) for method in item.values() if isinstance(method, dict))}


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", str(duration)).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def walk(value, key=None):
    """Every scalar below, with the key that it has."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from walk(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from walk(child, key)
    else:
        yield key, value


class Configuration:
    """A configuration file that says what it listens on and how it stops, rather than leave it to defaults."""

    def __init__(self, text):
        self.text = text
        self.values = yaml.safe_load(text)
        listen, shutdown = self.values["listen"], self.values["shutdown"]
        operations = listen["operations"]
        self.operations = operations if isinstance(operations, dict) else {"address": operations}
        self.ports = {"public": int(listen["public"].rpartition(":")[2]),
                      "operations": int(self.operations["address"].rpartition(":")[2])}
        self.notice, self.grace = seconds(shutdown["notice"]), seconds(shutdown["grace"])
        self.longest_deadline = max(seconds(each.get("deadline", "3s")) for each in self.values["identity_providers"])
        self.redis = urlsplit(self.values["sessions"]["redis"]["url"])

    @property
    def leaving(self):
        """How long the program may take after SIGTERM, in seconds."""
        return self.notice + self.grace + 2

    @property
    def paths(self):
        """Of files and folders outside the configuration's own."""
        return {value for key, value in walk(self.values) if isinstance(value, str) and value.startswith("/")}

    @property
    def environment(self):
        return {value for key, value in walk(self.values) if key == "env"}

    @property
    def called_ports(self):
        """Of the servers that the program calls."""
        default = 26379 if "sentinel" in self.redis.scheme else 6379
        ports = {int(port or default) for port in re.findall(r"(?<=[\w\]])(?::(\d+))?(?=,|$)", self.redis.netloc)}
        if "sentinel" in self.redis.scheme:
            ports.add(6379)
        for key, value in walk(self.values):
            if key in ("jwks_url", "url", "endpoint") and str(value).startswith("http"):
                ports.add(urlsplit(value).port or (443 if value.startswith("https:") else 80))
        return ports
