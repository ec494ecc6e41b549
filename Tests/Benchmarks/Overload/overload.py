#!/usr/bin/env python3
"""What the service does when it is asked for more than it can do.

  make bench-overload

Finds out how many logins it serves in a second when clients wait for their answers (a closed loop), then offers shares
of that at a steady rate, whatever has been answered (an open loop: `offered.c`), then three hundred logins at once.
Clients hang up after three seconds, the provider's deadline. The operations listener is asked meanwhile.
"""
import argparse, json, pathlib, re, statistics, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Login"))
import login

CONNECTIONS = 1000
BURST = 300


class Service(login.Service):
    """One whose clients share an address."""

    def prepare(self, config):
        text = config.read_text()
        config.write_text(text.replace("requests_per_second: 0", "requests_per_second: 0, connections_per_source: 0"))


def offer(program, service, bodies, *phases):
    """The figures of each second."""
    run = subprocess.run([program, str(service.port), str(service.operations), bodies, "/post_login_callback/vip-loyalty", "3000",
                          str(CONNECTIONS), *phases], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


def row(name, seconds, maximum):
    total = lambda key: sum(second[key] for second in seconds)
    mean = lambda key: total(key) / len(seconds)
    shed = mean("shed") + mean("without")
    lost = mean("late") + mean("failed") + mean("unsent") + mean("other")
    print(f"| {name} | {mean('offered'):.0f} | {mean('good'):.0f} | {100 * mean('good') / maximum:.0f} % | {shed:.0f} | {lost:.0f} "
          f"| {statistics.median(s['p50_ms'] for s in seconds):.0f} | {max(s['p99_ms'] for s in seconds):.0f} "
          f"| {max(s['max_ms'] for s in seconds):.0f} | {max(s['probe_max_ms'] for s in seconds):.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("offered", help="the compiled offered.c")
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        service = Service(arguments.program.resolve(), folder)
        bodies = folder / "bodies"
        bodies.write_text("".join(
            json.dumps({"deviceId": "0" * 24, "identity": service.identity_token()}, separators=(",", ":")) + "\n" for _ in range(100)))
        ask = lambda *phases: offer(arguments.offered, service, bodies, *phases)
        seconds = arguments.seconds
        ask("c64x3")
        before = ask(f"c64x{seconds}")
        maximum = statistics.mean(second["good"] for second in before)
        print("| load | offered/s | logins/s | of the maximum | shed/s | not answered/s | p50, ms | p99, ms | longest, ms | operations: longest, ms |")
        print("|" + "---|" * 10)
        row("64 clients that wait for their answers", before, maximum)
        for share in (0.5, 0.8, 1, 1.5, 2, 3):
            row(f"{share:g} times", ask(f"{share * maximum:.0f}x{seconds}"), maximum)
        swing = ask(f"{maximum / 2:.0f}x3", f"{2 * maximum:.0f}x{seconds}", f"{maximum / 2:.0f}x{seconds}")
        row("half, before", swing[:3], maximum)
        row("then twice", swing[3:3 + seconds], maximum)
        for number in range(3):
            row(f"then half: second {number + 1}", swing[3 + seconds + number:][:1], maximum)
        row("then half: the rest", swing[3 + seconds + 3:], maximum)
        row(f"{BURST} logins at once, after a quiet time", ask(f"{BURST * 200}x0.005", "1x1"), maximum)
        row("64 clients again", ask(f"c64x{seconds}"), maximum)
        text = login.request("GET", "/metrics")
        _, body = login.Connection(service.operations).ask(text)
        for line in re.findall(r"^countersign_requests_shed_total.*$", body.decode(), re.M):
            print(line)


if __name__ == "__main__":
    main()
