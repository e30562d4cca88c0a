#!/usr/bin/env python3
"""Precision and recall for `unused` over the truth set, for this scanner, deptry and FawltyDeps.

    tests/usage/compare.py CHECKOUTS [--index]

CHECKOUTS holds a directory per file in tests/usage/truth, at the commit named there. Nothing of it is installed or run. deptry and
fawltydeps are taken from the PATH and left out, with a word, if they are not there. `--index` lets our side ask the package index.
What applications said that nobody had looked at before stands in rounds.md.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def ours(directory, extra):
    program = ROOT / "target" / "debug" / "examples" / "usage_verdicts"
    run = subprocess.run([program, directory, *extra], capture_output=True, text=True, check=True)
    verdicts = [json.loads(line) for line in run.stdout.splitlines()]
    return {verdict["package"] for verdict in verdicts if verdict["kind"] == "unused"}


def deptry(directory, _):
    report = pathlib.Path("/tmp") / f"deptry-{directory.name}.json"
    report.unlink(missing_ok=True)
    subprocess.run(["deptry", ".", "-o", report], cwd=directory, capture_output=True)
    return {normalised(entry["module"]) for entry in json.loads(report.read_text()) if entry["error"]["code"] == "DEP002"}


def fawltydeps(directory, _):
    run = subprocess.run(["fawltydeps", "--check-unused", "--json"], cwd=directory, capture_output=True, text=True)
    return {normalised(entry["name"]) for entry in json.loads(run.stdout)["unused_deps"]}


def main():
    checkouts, extra = pathlib.Path(sys.argv[1]), sys.argv[2:]
    tools = {"secretarybird": ours}
    for name, tool in (("deptry", deptry), ("fawltydeps", fawltydeps)):
        if shutil.which(name):
            tools[name] = tool
        else:
            print(f"{name} is not on the PATH: left out")
    for name, tool in tools.items():
        right = wrong = missed = 0
        started = time.monotonic()
        for file in sorted((HERE / "truth").glob("*.toml")):
            truth = tomllib.loads(file.read_text())
            unused, used = set(truth["unused"]), set(truth["used"])
            directory = checkouts / file.stem
            if not directory.is_dir():
                sys.exit(f"{directory} is missing: check out {truth['repository']} at {truth['commit']} there")
            try:
                said = tool(directory, extra) & (unused | used)
            except (json.JSONDecodeError, FileNotFoundError) as error:
                print(f"  {name} on {file.stem}: no answer ({error}); its unused packages count as missed")
                said = set()
            right, wrong, missed = right + len(said & unused), wrong + len(said - unused), missed + len(unused - said)
            if name == "secretarybird" and said != unused:
                print(f"  {file.stem}: false alarms {sorted(said - unused)}, missed {sorted(unused - said)}")
        precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
        print(f"{name:14} precision {precision:.2f}  recall {recall:.2f}  ({right} right, {wrong} wrong, {missed} missed)  {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
