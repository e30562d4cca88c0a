#!/usr/bin/env python3
"""Runs the test programs of a build, several at a time: most of their time is waiting for servers. `packaging` comes last and alone, for it
builds the wheel, and with it the program that the others start.

    cargo test --workspace --no-run --message-format=json | tests/side_by_side.py

What a program prints is shown when it ends, the failed ones once more by name at the end. Exit 1 when one failed.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time


def programs(lines):
    """(crate's directory, target's name, program) of each test program that cargo built."""
    for line in lines:
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["profile"]["test"] and message.get("executable"):
            yield pathlib.Path(message["manifest_path"]).parent, message["target"]["name"], message["executable"]
        elif message.get("reason") == "build-finished" and not message["success"]:
            sys.exit("the tests were not built")


def run(directory, name, program):
    started = time.monotonic()
    ended = subprocess.run([program], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return name, ended.returncode, time.monotonic() - started, ended.stdout.decode(errors="replace")


def main():
    found = list(programs(sys.stdin))
    if not found:
        sys.exit("no test program was built")
    failed = []
    alone = [program for program in found if program[1] == "packaging"]
    together = [program for program in found if program[1] != "packaging"]
    # one more than there are processors
    for programs_now, at_once in ((together, (os.cpu_count() or 1) + 1), (alone, 1)):
        with concurrent.futures.ThreadPoolExecutor(at_once) as side_by_side:
            running = [side_by_side.submit(run, *program) for program in programs_now]
            for ended in concurrent.futures.as_completed(running):
                name, code, seconds, output = ended.result()
                print(f"-- {name} ({seconds:.0f} s)\n{output}", flush=True)
                if code != 0:
                    failed.append(f"{name} (exit {code})")
    print(f"{len(found)} test programs, {len(failed)} failed{': ' if failed else ''}{', '.join(sorted(failed))}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
