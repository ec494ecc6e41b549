"""Makes the bill of materials of a program and holds it to CycloneDX's own schema, to Package.resolved and to what was asked of it.

bill.py BUILD PROGRAM: prints what is wrong, and ends with 1; nothing and 0 otherwise.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
COMPONENTS = REPOSITORY / "deploy/release/components.py"
# Fetched, but nothing of it is linked.
FETCHED = {"swift-certificates", "swift-crypto"}
WITHIN = {"BoringSSL", "llhttp", "zlib", "libyaml", "swift", "swift-foundation-icu"}
LOADED = {"libssl3", "libjwt0", "libhiredis0.14", "libc6"}


def bill(epoch):
    return subprocess.run([sys.executable, COMPONENTS, "sbom", *sys.argv[1:3]], check=True, capture_output=True, text=True,
                          env=os.environ | {"SOURCE_DATE_EPOCH": epoch}).stdout


def complaints():
    text = bill("1000000000")
    if text != bill("1000000000"):
        yield "two bills of one program differ"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        yield f"not CycloneDX 1.6: {error}"
    document = json.loads(text)
    if (moment := document["metadata"]["timestamp"]) != "2001-09-09T01:46:40Z":
        yield f"its time is {moment}, not SOURCE_DATE_EPOCH"
    parts = {part["name"]: part for part in document["components"]}
    for missing in (WITHIN | LOADED) - parts.keys():
        yield f"{missing} is missing"
    for part in parts.values():
        if not part.get("licenses") or not part.get("copyright") and part["name"] not in {"libc6", "libgcc-s1", "libstdc++6"}:
            yield f"{part['name']} has no licence or no copyright"
    yield from packages(parts)


def packages(parts):
    """Every package that Package.swift names is in the program, at the version and revision of Package.resolved."""
    named = {pathlib.Path(url).name for url in re.findall(r'\.package\(url: "([^"]+)"', (REPOSITORY / "Package.swift").read_text())}
    for missing in named - parts.keys():
        yield f"{missing} is missing: Package.swift names it"
    for needless in FETCHED & parts.keys():
        yield f"{needless} is in the bill, but not in the program"
    for pin in json.loads((REPOSITORY / "Package.resolved").read_text())["pins"]:
        if part := parts.get(pathlib.Path(pin["location"].removesuffix(".git")).name):
            found = part["version"], part["pedigree"]["commits"][0]["uid"]
            if found != (pin["state"]["version"], pin["state"]["revision"]):
                yield f"{part['name']} is {found}, Package.resolved has {pin['state']}"


if __name__ == "__main__":
    found = list(complaints())
    sys.exit("\n".join(found) or 0)
