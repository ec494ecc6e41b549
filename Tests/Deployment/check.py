#!/usr/bin/env python3
"""Compares every command line, path, port and key in deploy/ and in the Containerfile with the program.

    check.py PROGRAM             says what does not fit, and exits 1 if anything does not
    check.py --spoiled PROGRAM   changes one thing after the other (spoiled.yaml), and exits 1 if one is not noticed
"""
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from compose import compose
from containerfile import Image, containerfile
from facts import REPOSITORY, Program
from kubernetes_manifests import kubernetes


PARTS = {"compose": compose, "kubernetes": kubernetes, "Containerfile": containerfile}


def problems(root, program, parts=PARTS):
    deploy = root / "deploy"
    for part in parts:
        folder = deploy / part if part == "kubernetes" else deploy
        for problem in PARTS[part](folder, program, Image(deploy)):
            yield f"{part}: {problem}"


def spoiled(program):
    """The names of changes that nobody notices."""
    changes = yaml.safe_load((Path(__file__).parent / "spoiled.yaml").read_text())
    for change in changes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            shutil.copy(REPOSITORY / "Containerfile", root)
            shutil.copytree(REPOSITORY / "deploy", root / "deploy")
            shutil.copytree(REPOSITORY / "docs", root / "docs", ignore=lambda _, names: {*names} - {"containers.md"})
            file = root / change["file"]
            text = file.read_text()
            if change["was"] not in text:
                yield f"{change['file']}: nothing to change, no {change['was']}"
                continue
            file.write_text(text.replace(change["was"], change["is"]))
            part = next((part for part in PARTS if part in change["file"]), change.get("part", "Containerfile"))
            if not any(change["noticed"] in problem for problem in problems(root, program, [part])):
                yield f"{change['file']}: {change['is']}: nobody says {change['noticed']}"
    print(f"{len(changes)} changes")


def main():
    program = Program(sys.argv[-1])
    found = list(spoiled(program) if "--spoiled" in sys.argv else problems(REPOSITORY, program))
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
