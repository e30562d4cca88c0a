"""Checks one exported document with its own format's validator. Usage: validate.py FORMAT FILE [SCHEMA]"""

import csv
import json
import re
import subprocess
import sys
import xml.etree.ElementTree


def sarif(path, schema):
    # the schema's patterns are written for JavaScript; Python reads them too
    command = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "python", "--schemafile", schema, path]
    subprocess.run(command, check=True)


def cyclonedx(path, version):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path) as file:
        problem = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(file.read())
    assert problem is None, problem


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    problems = validate_full_spdx_document(parse_file(path))
    assert not problems, "\n".join(problem.validation_message for problem in problems)


def openvex(path):
    """The tables of OPENVEX-SPEC.md: required fields, and what each status asks for. The project publishes no validator to install."""
    with open(path) as file:
        document = json.load(file)
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert re.match(r"[a-z]+://", document["@id"]) and document["author"] and document["version"] >= 1
    date = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
    assert date.fullmatch(document["timestamp"])
    assert document["statements"]
    for statement in document["statements"]:
        assert statement["vulnerability"]["name"]
        assert statement["products"] and all(product["@id"] for product in statement["products"])
        for product in statement["products"]:
            for part in product.get("subcomponents", []):
                assert part["@id"].startswith("pkg:"), part
        status = statement["status"]
        assert status in ("not_affected", "affected", "fixed", "under_investigation")
        if status == "affected":
            assert statement["action_statement"]
        if status == "not_affected":
            assert statement.get("justification") or statement.get("impact_statement")


def against(path, schema):
    from jsonschema import Draft7Validator

    with open(path) as file:
        problems = list(Draft7Validator(schema).iter_errors(json.load(file)))
    assert not problems, "\n".join(f"{problem.json_path}: {problem.message}" for problem in problems)


def text(**more):
    return {"type": "string", "minLength": 1, **more}


def record(required, **optional):
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


LINK = text(pattern="^(https?|ftp)://.+")


def gitlab_code_quality(path):
    """The table of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format: GitLab publishes no schema of it."""
    line = {"type": "integer", "minimum": 1}
    entry = record(
        {
            "description": text(),
            "check_name": text(),
            "fingerprint": text(),
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": record({"path": text(pattern="^(?!/|\\./.)"), "lines": record({"begin": line})}),
        }
    )
    against(path, {"type": "array", "minItems": 1, "items": entry})
    with open(path) as file:
        marks = [entry["fingerprint"] for entry in json.load(file)]
    assert len(marks) == len(set(marks)), marks


def gitlab_dependency_scanning(path):
    """What GitLab's schema 15.2.1 (security-report-schemas, dependency-scanning-report-format.json) asks of the parts that we write."""
    time = text(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$")
    tool = record({"id": text(), "name": text(), "version": text(), "vendor": record({"name": text()})})
    package = {"package": record({"name": {"type": "string"}}), "version": {"type": "string"}}
    vulnerability = record(
        {
            "id": text(),
            "identifiers": {
                "type": "array",
                "minItems": 1,
                "items": record({"type": text(), "name": text(), "value": text()}, url=LINK),
            },
            "location": record({"file": text(), "dependency": record(package, direct={"type": "boolean"})}),
        },
        name={"type": "string", "maxLength": 255},
        severity={"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
        solution={"type": "string", "maxLength": 7000},
        links={"type": "array", "items": record({"url": LINK})},
    )
    scan = record(
        {
            "analyzer": tool,
            "scanner": tool,
            "start_time": time,
            "end_time": time,
            "status": {"enum": ["success", "failure"]},
            "type": {"enum": ["dependency_scanning"]},
        }
    )
    files = record({"path": text(), "package_manager": text(), "dependencies": {"type": "array", "items": record(package)}})
    schema = record(
        {
            "scan": scan,
            "version": text(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$"),
            "vulnerabilities": {"type": "array", "minItems": 1, "items": vulnerability},
        },
        dependency_files={"type": "array", "items": files},
    )
    against(path, schema)


def rows(path):
    with open(path, newline="") as file:
        table = list(csv.reader(file, strict=True))
    assert len(table) > 1 and all(len(row) == len(table[0]) for row in table), table


def badge(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def purls(path):
    """Every package URL of a CycloneDX document, read by the reference library."""
    from packageurl import PackageURL

    with open(path) as file:
        components = json.load(file)["components"]
    for component in components:
        if "purl" in component:
            purl = PackageURL.from_string(component["purl"])
            assert (purl.name, purl.version) == (component["name"], component.get("version")), purl


FORMATS = {
    "sarif": sarif,
    "cyclonedx": lambda path: (cyclonedx(path, "1.6"), purls(path)),
    "cyclonedx-1.7": lambda path: cyclonedx(path, "1.7"),
    "spdx": spdx,
    "openvex": openvex,
    "gitlab-code-quality": gitlab_code_quality,
    "gitlab-dependency-scanning": gitlab_dependency_scanning,
    "csv": rows,
    "badge": badge,
}

FORMATS[sys.argv[1]](*sys.argv[2:])
