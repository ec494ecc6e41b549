#!/usr/bin/env python3
"""How many instructions one request takes, by function: the same number on any machine and under any load.

  make bench-instructions                   of a login
  make bench-instructions REQUEST=session   or replay, introspection, key_set

Runs the release build under valgrind's callgrind (Debian: valgrind). That knows no AVX-512, so OpenSSL takes other ways
than it does outside: read the rows of our own code and of the Swift runtime.
"""
import argparse, collections, os, pathlib, re, shutil, signal, subprocess, sys, tempfile
import login as bench

ROW = re.compile(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(?:\S*?:)?(.*?)(?: \[([^\]]*)\])?$")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("main_queue", type=pathlib.Path, help="the preloaded replacement of dispatch_main()")
    parser.add_argument("--request", default="login")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--functions", type=int, default=40, help="how many to show")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind: not found. Install valgrind.")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program, output = bench.bare_copy(arguments.program, folder), folder / "callgrind.out"
        wrapper = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}"]
        service = bench.Service(program, folder, wrapper=wrapper, preload=arguments.main_queue.resolve())
        requests, connection = bench.cases(service)[arguments.request], bench.Connection(service.port)

        def ask(count):
            for _ in range(count):
                status, body = connection.ask(next(requests))
                if status != 200:
                    raise SystemExit(f"{status} {body[:300]!r}")

        def control(word):
            subprocess.run(["callgrind_control", word, str(service.process.pid)], check=True, capture_output=True)

        ask(100)
        control("--instr=on")
        ask(arguments.requests)
        control("--dump")
        os.killpg(service.process.pid, signal.SIGTERM)
        service.process.wait(60)
        text = bench.demangled(["callgrind_annotate", "--threshold=100", f"{output}.1"])
    functions, libraries = collections.Counter(), collections.Counter()
    for row in filter(None, map(ROW.match, text.splitlines())):
        count, name, library = int(row[1].replace(",", "")) / arguments.requests, row[2], os.path.basename(row[3] or "other")
        if name != "PROGRAM TOTALS":
            functions[f"{name} ({library})"] += count
            libraries[library] += count
    for title, counts in (("library", libraries), ("function", functions)):
        bench.print_table(title, "instructions", counts, arguments.functions)
    print(f"\n{sum(libraries.values()):.0f} instructions in all")


if __name__ == "__main__":
    main()
