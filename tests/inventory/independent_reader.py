"""Reads every lockfile under a directory by other means than the product: tomllib, packaging and PyYAML.

Prints one JSON object: path -> sorted list of "name version" (name alone where nothing is fixed). Own source trees are left out.
"""

import configparser
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
            # an editable checkout of somebody else's repository is no source tree of one's own
            if entry.get("editable") and "git" not in entry or "path" in entry:
                continue
            version = entry.get("version", "").removeprefix("==")
            if not version and "file" in entry and (found := from_file_name(entry["file"])):
                version = found[1]
            yield pair(name, version)


def conda_lock(path):
    for package in yaml.safe_load(path.read_text()).get("package", []):
        name = package["name"]
        yield pair(name if package["manager"] == "pip" else conda_name(name), package["version"])


def logical_lines(text):
    text = re.sub(r"\\\r?\n", "", text)
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if line and not line.startswith(("{%", "{#")):
            yield line


def requirements_of(path, root, seen, pins, constraint=False):
    """Entries of one file and of what it includes; what a constraints file says itself goes to `pins`."""
    if (path, constraint) in seen:
        return []
    seen.add((path, constraint))
    own, included = lines_of(path.read_text(encoding="utf-8-sig"), path, root, seen, pins)
    if not constraint:
        return own + included
    for name, version in own:
        if version:
            pins.setdefault(name, version)
    return included


def lines_of(text, path, root, seen, pins):
    """Entries of lines as in a requirements file, and of what they include."""
    entries, included = [], []
    for line in logical_lines(text):
        include = re.match(r"(-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", line)
        if include:
            target = (path.parent / include[2]).resolve()
            if target.is_relative_to(root) and target.exists():
                included += requirements_of(target, root, seen, pins, include[1] in ("-c", "--constraint"))
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
            if legacy := re.fullmatch(r"([\w.-]+)[<>=]+[a-z]+", line):
                # `pytz>dev`, of the time before PEP 440
                entries.append((canonicalize_name(legacy[1]), None))
            elif egg:
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
    return entries, included


def pinned_lines(text, path, root):
    pins = {}
    own, included = lines_of(text, path.resolve(), root.resolve(), set(), pins)
    return [pair(name, version or pins.get(name)) for name, version in own + included]


def requirements(path, root):
    pins = {}
    for name, version in requirements_of(path.resolve(), root.resolve(), set(), pins):
        yield pair(name, version or pins.get(name))


def conda_name(name):
    # conda's names may begin with underscores, which no Python package's does
    return name.lstrip("_")


def match_spec(text):
    """Name, and the version where name==1.2 or name=1.2=build fixes one (CEP 29)."""
    text = text.split(" #")[0].strip().rsplit("::", 1)[-1]
    bracket = re.search(r"\[(.*)\]", text)
    fields = dict(re.findall(r"""(\w+)=['"]?([^'",\]]+)""", bracket[1])) if bracket else {}
    text = re.sub(r"\[.*\]", "", text)
    name, rest = re.fullmatch(r"([\w.-]+)\s*(.*)", text).groups()
    rest = rest or fields.get("version", "")
    exact = re.fullmatch(r"==\s*([\w.!+-]+)(=.*)?", rest) or re.fullmatch(r"=([\w.!+-]+)=\S+", rest)
    return conda_name(name), exact and exact[1]


def environment(path, root):
    document = yaml.safe_load(path.read_text())
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        return None
    found = []
    for item in document["dependencies"]:
        if isinstance(item, str):
            found.append(pair(*match_spec(item)))
        elif isinstance(item, dict) and isinstance(item.get("pip"), list):
            found += pinned_lines("\n".join(item["pip"]), path, root)
    return found


def conda_file(url):
    stem = re.sub(r"\.(conda|tar\.bz2)$", "", unquote(url.split("#")[0].rsplit("/", 1)[-1]))
    name, version, _ = stem.rsplit("-", 2)
    return conda_name(name), version


def explicit(path):
    for line in path.read_text().splitlines():
        if re.match(r"https?://|file:", line):
            yield pair(*conda_file(line.strip()))
        elif line.startswith("# pip "):
            yield pair(*requirement_line(line[len("# pip ") :].split(" --hash")[0]))


def pixi(path):
    for package in yaml.safe_load(path.read_text()).get("packages", []):
        address = next((package[key] for key in ("conda", "pypi", "url", "path") if key in package), "")
        if package.get("kind") == "pypi" or "pypi" in package:
            if package.get("editable") or not ("://" in address or address.endswith((".whl", ".tar.gz"))):
                continue
            yield pair(package["name"], package["version"])
        else:
            found = conda_file(address)
            yield pair(conda_name(package.get("name", found[0])), str(package.get("version", found[1])))


def pipfile(path):
    for section, packages in tomllib.loads(path.read_text()).items():
        if section in ("source", "requires", "scripts", "pipenv", "pipfile", "build-system"):
            continue
        for name, entry in packages.items():
            entry = entry if isinstance(entry, dict) else {"version": entry}
            if entry.get("editable") and "path" in entry or entry.get("path", "").startswith("."):
                continue
            exact = re.fullmatch(r"\s*===?\s*([^\s,*]+)\s*", str(entry.get("version", "")))
            yield pair(name, exact and exact[1])


def requirement_line(line):
    """One PEP 508 text: name and version, or None for a source tree."""
    editable = re.match(r"(-e|--editable)\s+", line.strip())
    line = re.split(r"\s--hash", re.sub(r"^(-e|--editable)\s+", "", line.strip()))[0]
    if editable and line.startswith(("file:", ".")):
        return None
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        egg = re.search(r"#egg=([\w.-]+)", line)
        legacy = re.fullmatch(r"([\w.-]+)[<>=]+[a-z]+", line)
        return (egg[1], None) if egg else (legacy[1], None) if legacy else from_file_name(line)
    if requirement.url:
        if re.match(r"file:|\{root", requirement.url) and not from_file_name(requirement.url):
            return None
        found = None if requirement.url.startswith("git+") else from_file_name(requirement.url)
        return requirement.name, found and found[1]
    exact = [c.version for c in requirement.specifier if c.operator in ("==", "===") and not c.version.endswith(".*")]
    return requirement.name, exact[0] if exact else None


def setup_cfg(path, root):
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#", ";"))
    parser.read_string(path.read_text())
    if not any(section == "metadata" or section.startswith("options") for section in parser.sections()):
        return None
    texts = []
    if parser.has_section("options"):
        texts += [parser["options"].get(key, "") for key in ("install_requires", "tests_require", "setup_requires")]
    if parser.has_section("options.extras_require"):
        texts += parser["options.extras_require"].values()
    found = []
    for text in texts:
        if text.strip().startswith("file:"):
            for name in text.strip()[len("file:") :].replace("\n", ",").split(","):
                target = (path.parent / name.strip()).resolve()
                if name.strip() and target.exists():
                    found += [pair(*entry) for entry in requirements_of(target, root.resolve(), set(), {})]
            continue
        lines = text.splitlines()
        for line in lines:
            line = re.sub(r"(^|\s)#.*", "", line).strip()
            # setuptools parts a list on one line at semicolons
            for part in [line] if "'" in line or '"' in line else line.split(";"):
                if part.strip() and not part.startswith("%(") and (entry := requirement_line(part)):
                    found.append(pair(*entry))
    return found


def poetry_entry(name, entry):
    """Pairs of one of Poetry's dependency entries; a bare version is exact."""
    for one in entry if isinstance(entry, list) else [entry]:
        one = one if isinstance(one, dict) else {"version": one}
        if "path" in one and not one["path"].endswith((".whl", ".tar.gz", ".zip")):
            continue
        version = str(one.get("version", "")).strip()
        exact = re.fullmatch(r"={0,3}\s*v?([0-9][^\s,*|<>]*)", version)
        found = from_file_name(one.get("url", one.get("path", "")))
        yield pair(name, exact[1] if exact else found and found[1])


def uncovered(sources, name):
    """Whether the sources of a name all stand under markers."""
    wanted = canonicalize_name(name)
    found = next((source for key, source in sources.items() if canonicalize_name(key) == wanted), {})
    return isinstance(found, list) and all("marker" in one for one in found)


def pyproject(path, root):
    document = tomllib.loads(path.read_text())
    tool = document.get("tool", {})
    project, uv, pdm = document.get("project", {}), tool.get("uv", {}), tool.get("pdm", {})
    flit, hatch = tool.get("flit", {}).get("metadata", {}), tool.get("hatch", {})
    lists = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    lists += document.get("dependency-groups", {}).values()
    lists += [uv.get(key, []) for key in ("dev-dependencies", "constraint-dependencies", "override-dependencies")]
    lists += [uv.get("build-constraint-dependencies", []), *pdm.get("dev-dependencies", {}).values()]
    lists += [flit.get("requires", []), flit.get("dev-requires", []), *flit.get("requires-extra", {}).values()]
    for environment in hatch.get("envs", {}).values():
        lists += [environment.get("dependencies", []), environment.get("extra-dependencies", [])]
    lists.append(document.get("build-system", {}).get("requires", []))
    own = set()
    for name, source in uv.get("sources", {}).items():
        for one in source if isinstance(source, list) else [source]:
            if one.get("workspace") or ("path" in one and not one["path"].endswith((".whl", ".tar.gz", ".zip"))):
                own.add(canonicalize_name(name))
    archives = {}
    for name, source in uv.get("sources", {}).items():
        for one in source if isinstance(source, list) else [source]:
            if archive := from_file_name(one.get("url", one.get("path", ""))):
                archives.setdefault(canonicalize_name(name), []).append(archive[1])
    found = []
    for texts in lists:
        for text in texts:
            entry = isinstance(text, str) and requirement_line(text)
            if not entry or canonicalize_name(entry[0]) in own:
                continue
            for version in [None] if entry[1] else archives.get(canonicalize_name(entry[0]), [None]):
                found.append(pair(entry[0], entry[1] or version))
            # what no source covers comes from the index; which markers do is for the tables of cases
            if not entry[1] and uncovered(uv.get("sources", {}), entry[0]):
                found.append(pair(entry[0], None))
    dynamic = tool.get("setuptools", {}).get("dynamic", {})
    for value in [dynamic.get("dependencies", {}), *dynamic.get("optional-dependencies", {}).values()]:
        names = value.get("file", [])
        for name in [names] if isinstance(names, str) else names:
            target = (path.parent / name).resolve()
            found += [pair(*entry) for entry in requirements_of(target, root.resolve(), set(), {})]
    hook = hatch.get("metadata", {}).get("hooks", {}).get("requirements_txt", {})
    files = [hook["filename"]] if "filename" in hook else []
    for name in files + hook.get("files", []) + sum(hook.get("optional-dependencies", {}).values(), []):
        target = (path.parent / name).resolve()
        if target.exists():
            found += [pair(*entry) for entry in requirements_of(target, root.resolve(), set(), {})]
    poetry_tables = tool.get("poetry", {})
    declared = {canonicalize_name(Requirement(text).name) for text in project.get("dependencies", [])}
    tables = [(poetry_tables.get("dependencies", {}), declared), (poetry_tables.get("dev-dependencies", {}), set())]
    tables += [(group.get("dependencies", {}), set()) for group in poetry_tables.get("group", {}).values()]
    for table, known in tables:
        for name, entry in table.items():
            if name != "python" and canonicalize_name(name) not in known:
                found += poetry_entry(name, entry)
    found += pixi_manifest(tool.get("pixi", {}))
    found += tox_tables(tool.get("tox", {}), path, root)
    return found


def pixi_version(text):
    exact = re.fullmatch(r"(==)?\s*([0-9][^\s*,|<>]*)", text.strip())
    return exact and exact[2]


def pixi_tables(table):
    """Pairs of a feature, and of its platforms."""
    for one in [table, *table.get("target", {}).values()]:
        for kind in ("dependencies", "run-dependencies", "host-dependencies", "build-dependencies"):
            for name, entry in one.get(kind, {}).items():
                entry = entry if isinstance(entry, dict) else {"version": entry}
                if "path" not in entry:
                    yield pair(conda_name(name), pixi_version(entry.get("version", "")))
        for name, entry in one.get("pypi-dependencies", {}).items():
            entry = entry if isinstance(entry, dict) else {"version": entry}
            if "path" in entry:
                continue
            found = from_file_name(entry.get("url", ""))
            exact = re.fullmatch(r"\s*===?\s*([^\s,*]+)\s*", entry.get("version", ""))
            yield pair(name, exact[1] if exact else found and found[1])


def pixi_manifest(document):
    for table in [document, *document.get("feature", {}).values(), document.get("package", {})]:
        yield from pixi_tables(table)


def tox_text(text):
    """A line as tox hands it to pip, and None for one that only a run of tox tells."""
    text = re.sub(r"^[\w{}.!,-]+:(\s+|$)", "", text.split(" #")[0].strip())
    text = text.replace("{toxinidir}", ".").replace("{tox_root}", ".").replace("{/}", "/")
    text = re.sub(r"\{posargs(:([^{}]*))?\}|\{env:\w+:([^{}]*)\}", lambda m: m[2] or m[3] or "", text)
    return None if "{" in text else text


def tox_ini(text, path, root):
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#", ";"))
    parser.read_string(text)
    found = []
    for section in parser.sections():
        key = "requires" if section == "tox" else "deps"
        if section == "tox" or section == "testenv" or section.startswith("testenv:"):
            found += tox_list(parser, section, key, path, root, set())
    return found


def tox_list(parser, section, key, path, root, seen):
    if (section, key) in seen or not parser.has_option(section, key):
        return []
    seen.add((section, key))
    lines, found = [], []
    for line in parser[section][key].splitlines():
        line = re.sub(r"^[\w{}.!,-]+:(\s+|$)", "", line.strip())
        if reference := re.fullmatch(r"\{\[([^]]+)\]([^{}]+)\}", line):
            found += tox_list(parser, reference[1], reference[2], path, root, seen)
        elif (text := tox_text(line)) is not None:
            lines.append(text)
    return found + pinned_lines("\n".join(lines), path, root)


def tox_tables(document, path, root):
    found = tox_ini(document["legacy_tox_ini"], path, root) if "legacy_tox_ini" in document else []
    tables = [document.get("env_run_base", {}), document.get("env_pkg_base", {}), *document.get("env", {}).values()]
    for value in [document.get("requires", [])] + [table.get("deps", []) for table in tables]:
        texts = [value] if isinstance(value, str) else value
        texts = [text.get("default", "") if isinstance(text, dict) else text for text in texts]
        lines = [text for line in texts if (text := tox_text(line)) is not None]
        found += pinned_lines("\n".join(lines), path, root)
    return found


FOREIGN_HOOKS = ("eslint", "prettier", "stylelint", "tslint", "csslint", "jshint", "scss-lint", "commitlint")
FOREIGN_HOOKS += ("markdownlint", "markdownlint-cli2", "fixjsstyle", "rubocop", "puppet-lint")
FOREIGN_HOOKS += ("renovate-config-validator",)


def pre_commit(path, root):
    document = yaml.safe_load(path.read_text())
    found = []
    for repository in document["repos"]:
        for hook in repository["hooks"]:
            texts = hook.get("additional_dependencies", [])
            language = hook.get("language")
            foreign = hook["id"] in FOREIGN_HOOKS or any(re.match(r"@|[\w./-]+[@:](?!//)", text) for text in texts)
            if language == "python" or (language is None and not foreign):
                found += pinned_lines("\n".join(texts), path, root)
    return found or None


def script(path):
    match = re.search(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$", path.read_text(errors="replace"))
    if not match:
        return None
    lines = match["content"].splitlines()
    document = tomllib.loads("\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines))
    entries = [requirement_line(text) for text in document.get("dependencies", [])]
    return [pair(*entry) for entry in entries if entry]


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
    if name == "pixi.lock":
        return pixi(path)
    if name.startswith("conda-") and name.endswith(".lock"):
        return explicit(path)
    if name == "pixi.toml":
        return pixi_manifest(tomllib.loads(path.read_text()))
    if name == "tox.ini":
        return tox_ini(path.read_text(), path, root) or None
    if name == "tox.toml":
        return tox_tables(tomllib.loads(path.read_text()), path, root) or None
    if name == ".pre-commit-config.yaml":
        return pre_commit(path, root)
    if name == "Pipfile":
        return pipfile(path)
    if name == "setup.cfg":
        return setup_cfg(path, root)
    if name == "pyproject.toml":
        return pyproject(path, root)
    if path.suffix == ".py" and name != "setup.py":
        return script(path)
    if re.fullmatch(r"([\w.-]*[-_.])?environment([-_.][\w.-]*)?\.ya?ml", name):
        return environment(path, root)
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
            try:
                found = read(path, repository)
                found = None if found is None else sorted(set(found))
            except Exception as error:
                # some real manifests are broken or templates; said, so that nobody takes them for compared
                print(f"not read: {path}: {type(error).__name__}", file=sys.stderr)
                continue
            if found is not None:
                answer[str(path.relative_to(root))] = found
    json.dump(answer, sys.stdout, indent=1)


main()
