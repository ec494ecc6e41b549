#!/usr/bin/env python3
"""Where the CPU of a login goes: the service under load, sampled with whole call stacks.

  make profile                              login, into .build/profile.svg and .build/profile.txt
  make profile REQUEST=introspection        or replay, session, key_set

Prints the shares by phase and by library, and the functions that take most themselves. The SVG is a flame graph: the
wider, the more CPU; hover for the name. The text has one stack a line with its samples, for other tools. Needs `perf`
(Debian: linux-perf) and the right to sample (root, or kernel.perf_event_paranoid at most 1).
"""
import argparse, collections, html, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time
import login as bench

# The first phase whose pattern matches any frame of a stack has it.
PHASES = [
    ("RSA verify", r"OpenSSLTokenVerifier"),
    ("ECDSA sign", r"OpenSSLTokenSigner"),
    ("ECDSA verify", r"OpenSSLOwnTokenVerifier|SignatureContext"),
    ("names and digests", r"\.derive\(|digest\("),
    ("seal and open", r"RecordSealer|CipherContext"),
    ("claims by libjwt", r"LibJWTClaimsReader"),
    ("read the token", r"UnverifiedToken|CompactJWS"),
    ("policies", r"Policy|VerifyIdentityToken"),
    ("mint", r"MintExternalIdentity|MintedExchange"),
    ("read the body", r"CallbackBody"),
    ("to Redis", r"RedisSessionStore|RESPArguments|RESPCommand|RedisNode|ReconnectingConnection"),
    ("from Redis", r"RedisChannelHandler|RedisConnectionStateMachine|RESPReader"),
    ("log line", r"StructuredLogHandler|LogLine|StandardError"),
    ("metrics", r"RequestMetrics|Prometheus"),
    ("rest of the exchange", r"ExchangeToken|SessionRecord|AnswerRecord"),
    ("read HTTP", r"HTTPDecoder|llhttp|BetterHTTPParser"),
    ("write HTTP", r"HTTPResponseEncoder|writeToSocket|flush"),
    ("routes and answers", r"Route|Request|Reply"),
    ("socket", r"readFromSocket|readable0"),
    ("tasks", r"swift_job_run|swift_task|swift::"),
    ("event loop", r"SelectableEventLoop|Selector|whenReady"),
]
FRAME = re.compile(r"([0-9a-f]+) (.*) \(([^()]*)\)$")


def load(service, requests, connections):
    """Child processes that ask until they are killed."""
    children = []
    for _ in range(connections):
        child = os.fork()
        if child == 0:
            connection = bench.Connection(service.port)
            for request in requests(service):
                if connection.ask(request)[0] != 200:
                    os._exit(1)
        children.append(child)
    return children


def stacks(data):
    """Each sample as (function, library) pairs, the innermost first."""
    for block in bench.demangled(["perf", "script", "-i", data, "-F", "ip,sym,dso"]).split("\n\n"):
        frames = [FRAME.match(line.strip()) for line in block.splitlines()]
        frames = [(re.sub(r"\+0x[0-9a-f]+$", "", f.group(2)), os.path.basename(f.group(3))) for f in frames if f]
        if frames:
            yield frames


def flame_graph(folded, total, path):
    """The stacks as nested boxes, the outermost at the bottom."""
    root = {}
    for stack, count in folded.items():
        at = root
        for name in stack:
            entry = at.setdefault(name, [0, {}])
            entry[0] += count
            at = entry[1]
    boxes, depth_of, scale, row = [], [0], 1200 / total, 16

    def draw(level, x, depth):
        for name, (count, inner) in sorted(level.items()):
            if (width := count * scale) >= 0.3:
                depth_of[0] = max(depth_of[0], depth)
                boxes.append((x, depth, width, name, count))
                draw(inner, x, depth + 1)
            x += width

    draw(root, 0, 0)
    height = (depth_of[0] + 1) * row
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 {height}" font-family="sans-serif" font-size="10">\n')
        for x, depth, width, name, count in boxes:
            text, hue = html.escape(name), 10 + hash(name) % 45
            y = height - (depth + 1) * row
            label = html.escape(name[: int(width / 5.5)]) if width > 30 else ""
            file.write(f'<g><title>{text}: {100 * count / total:.2f} %</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{row - 1}" '
                       f'fill="hsl({hue},80%,65%)"/><text x="{x + 2:.1f}" y="{y + 11}">{label}</text></g>\n')
        file.write("</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path, help="the flame graph; the text is written beside it")
    parser.add_argument("--request", default="login")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=4)
    arguments = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("perf: not found. Install linux-perf.")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program, data = bench.bare_copy(arguments.program, folder), folder / "perf.data"
        service = bench.Service(program, folder)
        children = load(service, lambda service: bench.cases(service)[arguments.request], arguments.connections)
        time.sleep(2)
        subprocess.run(["perf", "record", "-q", "-F", "999", "--call-graph", "dwarf,16000", "-p", str(service.process.pid), "-o", data,
                        "--", "sleep", str(arguments.seconds)], check=True, capture_output=True)
        for child in children:
            os.kill(child, signal.SIGKILL)
        os.killpg(service.process.pid, signal.SIGKILL)
        samples = list(stacks(data))
    phases = [(name, re.compile(pattern)) for name, pattern in PHASES]
    by_phase, by_library, by_leaf, folded = (collections.Counter() for _ in range(4))
    for frames in samples:
        by_phase[next((n for n, p in phases if any(p.search(f) for f, _ in frames)), "other")] += 1
        by_library[frames[0][1]] += 1
        by_leaf[f"{frames[0][0]} ({frames[0][1]})"] += 1
        folded[tuple(name for name, _ in reversed(frames))] += 1
    print(f"{len(samples)} samples")
    for title, counts in (("phase", by_phase), ("library", by_library), ("function itself", by_leaf)):
        shares = collections.Counter({name: 100 * count / len(samples) for name, count in counts.items()})
        bench.print_table(title, "%", shares)
    flame_graph(folded, len(samples), arguments.output)
    arguments.output.with_suffix(".txt").write_text("".join(f"{';'.join(s)} {n}\n" for s, n in folded.items()))


if __name__ == "__main__":
    main()
