"""An independent evaluation of OSV advisories, with Python and `packaging`.

    evaluation.py ARCHIVE pairs       stdin: one JSON [name, version] a line; stdout: one JSON list of [ids, fix] a line
    evaluation.py ARCHIVE locks DIR   stdout: one JSON [path, name, version, [[ids, fix], …]] for each package of each lockfile

Shares no code and no idea of data structure with the product: events are walked one by one for every question.
"""

import collections
import functools
import json
import os
import re
import sys
import tomllib
import zipfile

from packaging.version import InvalidVersion, Version


@functools.cache
def key(text):
    try:
        return (1, Version(text), "")
    except InvalidVersion:
        return (0, Version("0"), text)


@functools.cache
def has_local(text):
    k = key(text)
    return k[0] == 1 and k[1].local is not None


@functools.cache
def stripped(text):
    k = key(text)
    return (1, Version(k[1].public), "") if k[0] == 1 else k


def compare(dependency, advisory):
    """-1, 0, 1: a local part of the dependency counts only where the advisory's version has one."""
    left = key(dependency) if has_local(advisory) else stripped(dependency)
    right = key(advisory)
    return (left > right) - (left < right)


RANK = {"fixed": 0, "introduced": 1, "last_affected": 2}


def ordered(events):
    flat = [(kind, text) for event in events for kind, text in event.items() if kind in RANK]
    lowest = (-1, Version("0"), "")
    return sorted(flat, key=lambda e: (lowest if e == ("introduced", "0") else key(e[1]), RANK[e[0]]))


def in_range(version, events):
    limits = [text for event in events for kind, text in event.items() if kind == "limit"]
    if limits and not any(text == "*" or compare(version, text) < 0 for text in limits):
        return False, None
    vulnerable, fix = False, None
    for kind, text in ordered(events):
        at = 1 if (kind, text) == ("introduced", "0") else compare(version, text)
        if kind == "introduced" and at >= 0:
            vulnerable = True
        elif kind == "fixed" and at >= 0:
            vulnerable = False
        elif kind == "last_affected" and at > 0:
            vulnerable = False
        elif vulnerable and kind in ("fixed", "last_affected"):
            # the first end above the version closes its interval
            fix = text if kind == "fixed" else None
            break
    return vulnerable, fix


def affects(version, entry):
    hit = any(compare(version, listed) == 0 for listed in entry.get("versions") or [])
    fixes = []
    for item in entry.get("ranges") or []:
        if item["type"] in ("ECOSYSTEM", "SEMVER"):
            inside, fix = in_range(version, item["events"])
            hit = hit or inside
            if inside and fix is not None:
                fixes.append(fix)
    return hit, fixes


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def records(path):
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield from json.load(file)
        return
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            yield json.loads(archive.read(member))


def load(path):
    table = collections.defaultdict(list)
    for record in records(path):
        if record.get("withdrawn"):
            continue
        for entry in record.get("affected") or []:
            package = entry.get("package") or {}
            if package.get("ecosystem") == "PyPI":
                table[normal(package["name"])].append((record, entry))
    return table


def groups(table, name, version):
    hits = []
    for record, entry in table.get(normal(name), ()):
        hit, fixes = affects(version, entry)
        if hit:
            hits.append(({record["id"], *(record.get("aliases") or [])}, set(fixes)))
    joined = []
    for ids, fixes in hits:
        touching = [group for group in joined if group[0] & ids]
        joined = [group for group in joined if not group[0] & ids]
        for other_ids, other_fixes in touching:
            ids, fixes = ids | other_ids, fixes | other_fixes
        joined.append((ids, fixes))
    result = []
    for ids, fixes in joined:
        fix = max(fixes, key=key) if fixes else None
        result.append([sorted(ids), str(key(fix)[1]) if fix and key(fix)[0] else fix])
    return sorted(result)


def packages(path):
    with open(path, "rb") as file:
        try:
            lock = tomllib.load(file)
        except tomllib.TOMLDecodeError:
            return
    for package in lock.get("package", []):
        if "version" not in package:
            continue
        source = package.get("source") or {}
        own = {"editable", "virtual", "directory"} & set(source) or source.get("type") == "directory"
        if not own:
            yield package["name"], package["version"]


def main():
    table = load(sys.argv[1])
    out = sys.stdout
    if sys.argv[2] == "pairs":
        for line in sys.stdin:
            name, version = json.loads(line)
            out.write(json.dumps(groups(table, name, version)) + "\n")
        return
    root = sys.argv[3]
    for folder, _, files in sorted(os.walk(root)):
        for file in sorted(files):
            if file in ("uv.lock", "poetry.lock"):
                path = os.path.join(folder, file)
                for name, version in sorted(set(packages(path))):
                    found = groups(table, name, version)
                    out.write(json.dumps([os.path.relpath(path, root), normal(name), version, found]) + "\n")


main()
