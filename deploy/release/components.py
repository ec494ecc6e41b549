#!/usr/bin/env python3
"""Says what the program is made of.

components.py notice BUILD            prints NOTICE: what is in the program, of whatever version, with the texts that licences ask for
components.py sbom BUILD PROGRAM      prints a bill of materials (CycloneDX 1.6) of PROGRAM, shared libraries included

BUILD is where SwiftPM built the program: `.build/release` or `.build/debug`. What counts is what the program links, not what
SwiftPM has fetched. The bill has no time but SOURCE_DATE_EPOCH and no number of its own: the same program has the same one.
"""
import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TABLE = tomllib.loads((HERE / "components.toml").read_text())
EXCEPTION = "## Runtime Library Exception"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version():
    source = (REPOSITORY / "Sources/Outbound/BuildInformation.swift").read_text()
    return re.search(r'version: StaticString = "([^"]+)"', source)[1]


# Swift packages, and code of others in them

def linked_modules(build):
    """Each module that the program links, and the checkout that it comes from; None for our own."""
    objects = (build / "countersign.product/Objects.LinkFileList").read_text()
    modules = {}
    for name in sorted(set(re.findall(r"/(\w+)\.build/", objects))):
        folder = build / f"{name}.build"
        lists = [folder / "sources"] if (folder / "sources").exists() else sorted(folder.rglob("*.d"))[:1]
        checkout = re.search(r"/checkouts/([^/]+)/", lists[0].read_text())
        modules[name] = checkout[1] if checkout else None
    if not any(modules.values()):
        sys.exit(f"{build}: no package in what the program links; expected a build of the product countersign")
    return modules


def licence_of(folder):
    """By SPDX's name. Read from the package's own file, so that a change of licence is noticed."""
    text = next(folder.glob("LICENSE*")).read_text()
    if "Apache License" in text:
        return "Apache-2.0" + (" WITH Swift-exception" if EXCEPTION in text else "")
    if "The MIT License" in text:
        return "MIT"
    sys.exit(f"{folder}: a licence that is not known here; teach it to licence_of")


def copyright_of(folder):
    """As its notice or its licence says, otherwise as most of its files do."""
    for name in ("NOTICE.txt", "LICENSE"):
        if (folder / name).exists() and (line := re.search(r"^Copyright .*\d{4}.*", (folder / name).read_text(), re.M)):
            return line[0].rstrip(".")
    lines = collections.Counter(
        line for file in folder.glob("Sources/**/*.swift")
        for line in re.findall(r"Copyright \(c\) \d{4}.*", file.read_text(errors="replace"))[:1])
    return min(lines, key=lambda line: (-lines[line], line)).rstrip()


def notice_of(folder):
    """What must be repeated: its notice, or a licence that is not Apache's, whose text LICENSE is."""
    file = folder / ("LICENSE" if licence_of(folder) == "MIT" else "NOTICE.txt")
    return file.read_text().strip("\n") if file.exists() else None


def scratch(build):
    return build.resolve().parent.parent


def packages(build, modules):
    checkouts = scratch(build) / "checkouts"
    fetched = json.loads((scratch(build) / "workspace-state.json").read_text())["object"]["dependencies"]
    for package in sorted(fetched, key=lambda package: package["subpath"].lower()):
        name, state, folder = package["subpath"], package["state"]["checkoutState"], checkouts / package["subpath"]
        if name not in modules.values():
            continue
        location = package["packageRef"]["location"].removesuffix(".git")
        yield {
            "name": name, "version": state["version"], "revision": state["revision"], "source": location,
            "purl": f"pkg:swift/{location.removeprefix('https://')}@{state['version']}",
            "licence": licence_of(folder), "copyright": copyright_of(folder), "kind": "static", "text": notice_of(folder),
        }
        for part in TABLE["vendored"]:
            if modules.get(part["module"]) == name:
                yield vendored(part, name, checkouts)


def vendored(part, package, checkouts):
    found = None
    if "version" in part:
        file, pattern = part["version"]
        found = ".".join(re.search(pattern, (checkouts / file).read_text()).groups())
    return part | {"within": package, "version": found, "kind": "static", "text": text_of(part, checkouts),
                   "purl": f"pkg:generic/{part['name']}" + (f"@{found}" if found else "")}


def text_of(part, checkouts=None):
    if "text" not in part:
        return None
    where, file, *pattern = part["text"]
    text = ((checkouts if where == "checkouts" else HERE / where) / file).read_text()
    return (re.search(pattern[0], text)[1] if pattern else text).strip("\n")


# What comes with the toolchain and with Debian

def toolchain(tag):
    return [part | {"version": tag, "kind": "static", "text": text_of(part),
                    "purl": part["source"].replace("https://github.com/", "pkg:github/") + (f"@{tag}" if tag else "")}
            for part in TABLE["toolchain"]]


def owner(library):
    """The Debian package of a file. Libraries of /usr/lib may be listed under /lib."""
    real = os.path.realpath(library)
    for path in (real, real.removeprefix("/usr"), "/usr" + real):
        found = subprocess.run(["dpkg-query", "--search", path], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    sys.exit(f"{library}: no Debian package has this file; the bill is made where the libraries are Debian's own")


def debian(program, runtime):
    """Of the libraries that it loads. A debug build loads Swift's as well, which `toolchain` has."""
    libraries = re.findall(r"(/\S+) \(0x", output("ldd", program))
    for name in sorted({owner(library) for library in libraries if not library.startswith(runtime)}):
        fields = output("dpkg-query", "--show", "--showformat", "${Version}\n${source:Package}\n${Architecture}", name)
        number, source, architecture = fields.split("\n")
        terms = pathlib.Path(f"/usr/share/doc/{name}/copyright").read_text(errors="replace")
        stanza = re.search(r"^Files: \*\n(?:.+\n)*?Copyright: *(.+)\n(?:.+\n)*?License: *(.+)$", terms, re.M)
        yield {
            "name": name, "version": number, "kind": "shared", "source": f"https://tracker.debian.org/pkg/{source}",
            "purl": f"pkg:deb/debian/{name.replace('+', '%2B')}@{number.replace(':', '%3A').replace('+', '%2B')}?arch={architecture}",
            "licence": TABLE["debian"].get(name) or TABLE["spdx"].get(stanza[2]), "licence name": stanza and stanza[2],
            "copyright": stanza[1] if stanza else None,
        }


# What is printed

def notice(build):
    parts = list(packages(build, linked_modules(build))) + toolchain(None)
    print((HERE / "notice.txt").read_text())
    for part in parts:
        print(part["name"] + (f" (in {part['within']})" if "within" in part else ""))
        print(f"    {part['copyright']}\n    {part['licence']}\n    {part['source']}\n")
    for part in parts:
        if part["text"]:
            print(f"{'=' * 100}\n{part['name']}\n{'=' * 100}\n\n{part['text']}\n")
    licence = (scratch(build) / "checkouts/swift-collections/LICENSE.txt").read_text()
    print(f"{'=' * 100}\nSwift-exception\n{'=' * 100}\n\n{licence[licence.index(EXCEPTION):].strip()}")


def component(part):
    """As CycloneDX writes one."""
    entry = {
        "type": "library", "bom-ref": part["purl"], "name": part["name"], "version": part["version"],
        "licenses": [{"expression": part["licence"]} if part["licence"] else {"license": {"name": part["licence name"]}}],
        "copyright": part["copyright"], "purl": part["purl"],
        "pedigree": {"commits": [{"uid": part["revision"], "url": f"{part['source']}/commit/{part['revision']}"}]}
        if "revision" in part else None,
        "externalReferences": [{"type": "vcs" if part["kind"] == "static" else "distribution", "url": part["source"]}],
        "properties": [{"name": "countersign:linked", "value": part["kind"]}],
    }
    return {key: value for key, value in entry.items() if value}


def sbom(build, program):
    target = json.loads(output(*os.environ.get("SWIFT", "swift").split(), "-print-target-info"))
    parts = list(packages(build, linked_modules(build))) + toolchain(target["swiftCompilerTag"])
    parts += debian(program, target["paths"]["runtimeResourcePath"])
    purls = {part["name"]: part["purl"] for part in parts}
    main = f"pkg:generic/countersign@{version()}"
    within = collections.defaultdict(list)
    for part in parts:
        within[purls[part["within"]] if "within" in part else main].append(part["purl"])
    moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    json.dump({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application", "bom-ref": main, "name": "countersign", "version": version(), "purl": main,
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest()}],
                "licenses": [{"expression": "Apache-2.0"}], "copyright": "2026 The Countersign developers"}},
        "components": [component(part) for part in parts],
        "dependencies": [{"ref": part, "dependsOn": sorted(found)} for part, found in sorted(within.items())],
        # What packages need of one another is not said.
        "compositions": [{"aggregate": "incomplete", "dependencies": sorted(set(within) - {main})}],
    }, sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["notice", build]:
            notice(pathlib.Path(build))
        case ["sbom", build, program]:
            sbom(pathlib.Path(build), program)
        case _:
            sys.exit(__doc__)
