"""Reads every lockfile under a directory by other means than the product: tomllib, packaging and PyYAML.

Prints one JSON object: path -> sorted list of "name version" (name alone where nothing is fixed). Own source trees are left out.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename


def pair(name, version):
    return f"{canonicalize_name(name)} {version}" if version else canonicalize_name(name)


def from_file_name(url):
    name = unquote(url.split("#")[0].split("?")[0].rstrip("/").rsplit("/", 1)[-1])
    try:
        if name.endswith(".whl"):
            parts = name.split("-")
            parse_wheel_filename(name)
            return parts[0], parts[1]
        if name.endswith((".tar.gz", ".zip")):
            found, version = parse_sdist_filename(name)
            return found, str(version)
    except Exception:
        return None
    return None


def uv(path):
    for package in tomllib.loads(path.read_text()).get("package", []):
        if not {"editable", "virtual", "directory"} & set(package["source"]):
            yield pair(package["name"], package["version"])


def poetry(path):
    for package in tomllib.loads(path.read_text()).get("package", []):
        if package.get("source", {}).get("type") != "directory":
            yield pair(package["name"], package["version"])


def pdm(path):
    for package in tomllib.loads(path.read_text()).get("package", []):
        source = package.get("path", "")
        if not source or source.endswith((".whl", ".tar.gz", ".zip")):
            yield pair(package["name"], package["version"])


def pylock(path):
    for package in tomllib.loads(path.read_text()).get("packages", []):
        if "directory" not in package:
            yield pair(package["name"], package.get("version"))


def pipfile_lock(path):
    for section, packages in json.loads(path.read_text()).items():
        if section == "_meta":
            continue
        for name, entry in packages.items():
            if entry.get("editable") or "path" in entry:
                continue
            version = entry.get("version", "").removeprefix("==")
            if not version and "file" in entry and (found := from_file_name(entry["file"])):
                version = found[1]
            yield pair(name, version)


def conda_lock(path):
    for package in yaml.safe_load(path.read_text()).get("package", []):
        yield pair(package["name"], package["version"])


def logical_lines(path):
    text = path.read_text(encoding="utf-8-sig")
    text = re.sub(r"\\\r?\n", "", text)
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if line and not line.startswith(("{%", "{#")):
            yield line


def requirements_of(path, root, seen, pins):
    """Entries of one file and of what it includes; fills `pins` from constraints."""
    if path in seen:
        return []
    seen.add(path)
    entries = []
    for line in logical_lines(path):
        include = re.match(r"(-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", line)
        if include:
            target = (path.parent / include[2]).resolve()
            if target.is_relative_to(root) and target.exists():
                if include[1] in ("-c", "--constraint"):
                    for name, version in requirements_of(target, root, set(), {}):
                        if version:
                            pins.setdefault(name, version)
                else:
                    entries += requirements_of(target, root, seen, pins)
            continue
        if line.startswith(("-e", "--editable")):
            target = line.split(None, 1)[1]
            egg = re.search(r"#egg=([\w.-]+)", target)
            if egg and "+" in target:
                entries.append((canonicalize_name(egg[1]), None))
            continue
        if line.startswith("-"):
            continue
        line = re.split(r"\s--?[A-Za-z]", line)[0].strip()
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            egg = re.search(r"#egg=([\w.-]+)", line)
            found = from_file_name(line)
            if egg:
                entries.append((canonicalize_name(egg[1]), found and found[1]))
            elif found:
                entries.append((canonicalize_name(found[0]), found[1]))
            continue
        version = None
        for clause in requirement.specifier:
            if clause.operator in ("==", "===") and not clause.version.endswith(".*"):
                version = clause.version
        if requirement.url and not requirement.url.startswith("git+") and (found := from_file_name(requirement.url)):
            version = found[1]
        entries.append((canonicalize_name(requirement.name), version))
    return entries


def requirements(path, root):
    pins = {}
    for name, version in requirements_of(path.resolve(), root.resolve(), set(), pins):
        yield pair(name, version or pins.get(name))


def read(path, root):
    name = path.name
    if name == "uv.lock":
        return uv(path)
    if name == "poetry.lock":
        return poetry(path)
    if name == "pdm.lock":
        return pdm(path)
    if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name):
        return pylock(path)
    if name == "Pipfile.lock":
        return pipfile_lock(path)
    if name.endswith(("conda-lock.yml", "conda-lock.yaml")):
        return conda_lock(path)
    if path.suffix in (".txt", ".in") and re.search(r"requirements|constraints", str(path.relative_to(root))):
        return requirements(path, root)
    return None


def main():
    root = Path(sys.argv[1])
    answer = {}
    for path in sorted(root.rglob("*")):
        # the first component is the repository, which includes may not leave
        if path.is_file():
            repository = root / path.relative_to(root).parts[0]
            found = read(path, repository)
            if found is not None:
                answer[str(path.relative_to(root))] = sorted(set(found))
    json.dump(answer, sys.stdout, indent=1)


main()
