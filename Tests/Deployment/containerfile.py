"""The Containerfile and deploy/image/assemble."""
import json
import re

from facts import REPOSITORY


class Image:
    """What the Containerfile says of the image."""

    def __init__(self, folder):
        self.text = (folder.parent / "Containerfile").read_text()
        self.final = self.text[self.text.rindex("\nFROM "):]
        self.user = self.line("USER")
        self.ports = {int(port) for port in self.line("EXPOSE").split()}
        self.entry, self.command = json.loads(self.line("ENTRYPOINT")), json.loads(re.search(r"^CMD (.*)", self.final, re.M)[1])
        self.health = json.loads(re.search(r"^HEALTHCHECK .* CMD (.*)", self.final, re.M)[1])

    def line(self, word):
        return re.search(rf"^{word} (.*)", self.final, re.M)[1]


def containerfile(folder, program, image):
    script = (folder / "image/assemble").read_text()
    installed = re.search(r'install .*"\$program" "\$root(\S+)"', script)[1]
    if not image.final.startswith("\nFROM scratch\n") or "RUN" in image.final:
        yield "the last stage is more than what was assembled"
    if image.entry != [installed] or image.health[:1] != [installed]:
        yield f"the program is at {installed}, not at {image.entry}"
    for arguments in (image.command, image.health[1:]):
        if not program.understands(arguments):
            yield f"the program does not understand {arguments}"
    if image.ports != {8080, 8081}:
        yield f"EXPOSE: expected the default ports, found {image.ports}"
    accounts = re.findall(r"echo 'countersign:x:(\d+)", script)
    owner = re.search(r"chown (\d+:\d+)", script)[1]
    if {image.user, owner} != {":".join(accounts)}:
        yield f"the users differ: {image.user}, {owner}, {accounts}"
    makefile = (REPOSITORY / "Makefile").read_text()
    packages = set(re.search(r"^BUILD_PACKAGES = (.*)", makefile, re.M)[1].split())
    if not packages <= set(re.search(r"apt-get install (.*) \\", image.text)[1].split()):
        yield f"the build needs {packages}"
    tools = re.search(r"swift-tools-version:\s*(\S+)", (REPOSITORY / "Package.swift").read_text())[1]
    if not re.search(rf"^FROM \S+/swift:{re.escape(tools)}-bookworm AS build$", image.text, re.M):
        yield f"the build is not by Swift {tools}"
    build, path = re.search(r"^RUN make (\w+) && deploy/image/assemble (\S+) /image$", image.text, re.M).groups()
    if f"\n{build}:" not in makefile or f"COUNTERSIGN = {path}\n" not in makefile:
        yield f"`make {build}` does not make {path}"
