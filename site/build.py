#!/usr/bin/env python3
"""Builds the site: gathers what README.md and docs/ lead to, has MkDocs render it, and checks the result.

Pages keep their paths, so links between them stay as they are. A file of another kind that a document links to becomes a
page that shows it, a folder a page that lists it. Diagrams become pictures, so that the site needs no script for them.
"""
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import mermaidx

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES, SITE = ROOT / ".build-docs/pages", ROOT / ".build-docs/site"
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"""(?<=\]\()[^)\s]+(?=\))|(?<=(?:src|ref)=")[^"]+""")
PICTURES = {".png", ".svg"}
LANGUAGES = {".conf": "nginx", ".cs": "csharp", ".kt": "kotlin", ".mjs": "js", ".py": "python", ".service": "ini"}


def tracked(folder: pathlib.Path) -> list[pathlib.Path]:
    names = subprocess.check_output(["git", "ls-files", "-z", "--", folder], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name]


def page_of(target: pathlib.Path) -> pathlib.Path:
    """Where in the site a file or folder of the repository is."""
    relative = target.relative_to(ROOT)
    if target.is_dir():
        return relative / "README.md"
    return relative if target.suffix in PICTURES | {".md"} else relative.with_name(relative.name + ".md")


def text_of(target: pathlib.Path) -> str:
    """The Markdown of a page, with links as in the repository."""
    if target.is_dir():
        readme = target / "README.md"
        if readme.exists():
            return readme.read_text()
        links = [f"* [{file.relative_to(target)}]({file.relative_to(target)})" for file in tracked(target)]
        return f"# {target.relative_to(ROOT)}\n\n" + "\n".join(links) + "\n"
    if target.suffix == ".md":
        return target.read_text()
    language = LANGUAGES.get(target.suffix, target.suffix[1:])
    # Longer than any fence in the file, and out of the search, which is for documents.
    return f"---\nsearch: {{ exclude: true }}\n---\n\n# {target.name}\n\n``````{language}\n{target.read_text()}\n``````\n"


def picture(match: re.Match, page: pathlib.Path) -> str:
    """A diagram as a picture beside its page, named after the heading above it."""
    heading = re.findall(r"^#+ (.*)$", match.string[: match.start()], re.M)[-1]
    name = f"{page.stem.lower()}-{re.sub('[^a-z]+', '-', heading.lower())}.svg"
    (PAGES / page).with_name(name).write_text(mermaidx.render(match[1]).svg())
    return f"[![{heading}]({name})]({name})"


def gather() -> None:
    waiting, seen = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], set()
    while waiting:
        target = waiting.pop()
        page = page_of(target)
        if page in seen:
            continue
        seen.add(page)
        (PAGES / page).parent.mkdir(parents=True, exist_ok=True)
        if target.suffix in PICTURES:
            shutil.copyfile(target, PAGES / page)
            continue

        def follow(match: re.Match) -> str:
            address = urllib.parse.urlsplit(match[0])
            if address.scheme or not address.path:
                return match[0]
            # A folder's page is in the folder, a file's beside the file.
            base = target if target.is_dir() else target.parent
            linked = pathlib.Path(os.path.normpath(base / address.path))
            if not linked.exists():
                sys.exit(f"{target.relative_to(ROOT)}: expected a file or folder at {match[0]}, found none")
            waiting.append(linked)
            path = os.path.relpath(page_of(linked), page.parent)
            return f"{path}#{address.fragment}" if address.fragment else path

        text = text_of(target)
        if target.is_dir() or target.suffix == ".md":
            fences = FENCE.findall(text)
            parts = [LINK.sub(follow, part) for part in FENCE.split(text)]
            text = "".join(part + fence for part, fence in zip(parts, fences + [""]))
            text = MERMAID.sub(lambda match: picture(match, page), text)
        (PAGES / page).write_text(text)
    shutil.copyfile(ROOT / "site/site.css", PAGES / "site.css")


class Page(html.parser.HTMLParser):
    """What a browser loads for a page, where its links lead, and what links may lead to."""

    LOADING = {"script": "src", "img": "src", "source": "src", "iframe": "src", "object": "data", "embed": "src"}

    def __init__(self, text: str):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "link" and values.get("rel") not in ("prev", "next", "canonical"):
            self.loads.append(values.get("href", ""))
        if self.LOADING.get(tag) in values:
            self.loads.append(values[self.LOADING[tag]])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


def problems() -> list[str]:
    """Links of the site that lead nowhere, and what pages and style sheets would load from elsewhere."""
    pages = {path: Page(path.read_text()) for path in SITE.rglob("*.html") if path.name != "404.html"}
    found = []
    for path, page in sorted(pages.items()):
        where = path.relative_to(SITE)
        for address in page.loads + page.links:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loads and parts.scheme != "data":
                    found.append(f"{where}: loads {address}")
                continue
            target = path.parent / urllib.parse.unquote(parts.path) if parts.path else path
            target = pathlib.Path(os.path.normpath(target))
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{where}: nothing at {address}")
            elif parts.fragment and target in pages and parts.fragment not in pages[target].anchors | {"__top"}:
                found.append(f"{where}: no such heading: {address}")
    for path in sorted(SITE.rglob("*.css")):
        for address in re.findall(r"(?:@import\s*[\"']?|url\([\"']?)(?:https?:)?//[^\"')]*", path.read_text()):
            found.append(f"{path.relative_to(SITE)}: loads {address}")
    return found


def main() -> None:
    shutil.rmtree(PAGES.parent, ignore_errors=True)
    gather()
    # Whoever builds a commit gets the same bytes.
    time = subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True).strip()
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", ROOT / "site/mkdocs.yml"]
    if subprocess.run(build, env={"SOURCE_DATE_EPOCH": time, "NO_MKDOCS_2_WARNING": "1", **os.environ}).returncode:
        sys.exit(1)
    found = problems()
    if found:
        sys.exit("\n".join(found))
    print(f"{len(list(SITE.rglob('*.html')))} pages: {SITE.relative_to(ROOT)}/index.html")


main()
