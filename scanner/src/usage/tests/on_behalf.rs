//! What is declared for the sake of somebody else, and what a manifest repeats: each case with the manifests that a repository has.

use super::applications::check;

#[test]
fn a_helper_imports_what_may_not_be_there() {
    let list = ("requirements.txt", "pyyaml\n");
    for (code, used) in [
        ("y = lazy_import('yaml')", true),
        ("from .tools import try_import\ny = try_import('yaml')", true),
        ("y = optional_import_module('yaml')", true),
        ("y = important('yaml')", false),
        ("y = import_file('yaml')", false),
    ] {
        let expected: &[&str] = if used { &[] } else { &["unused pyyaml"] };
        check(&[(&[list, ("a.py", code)], expected)]);
    }
}

#[test]
fn a_plugin_in_a_package_is_packed_with_it() {
    let project = ("pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"requests\", \"pyyaml\"]\n");
    let setup = "from setuptools import setup\nsetup(name='x', install_requires=['requests'])";
    let code = "import requests";
    check(&[
        (
            &[project, ("a/__init__.py", ""), ("a/plugins/x/setup.py", setup), ("a/plugins/x/__init__.py", code)],
            &["unused pyyaml"],
        ),
        // beside the package it is a project of its own
        (
            &[project, ("a/__init__.py", ""), ("x/setup.py", setup), ("x/x.py", code)],
            &["unused pyyaml", "unused requests"],
        ),
    ]);
}

#[test]
fn what_a_library_loads_for_its_user_is_used_beside_it() {
    let code = ("a.py", "import sqlalchemy, nbclient, requests");
    check(&[
        (&[("requirements.txt", "sqlalchemy\npydruid\nnbclient\nipykernel\nrequests\n"), code], &[]),
        (
            &[("requirements.txt", "requests\npydruid\nipykernel\n"), ("a.py", "import requests")],
            &["unused ipykernel", "unused pydruid"],
        ),
        // an extra that is asked for brings its packages by itself
        (
            &[("requirements.txt", "pyhive[hive]\nthrift-sasl\n"), ("a.py", "from pyhive import hive")],
            &["unused thrift-sasl"],
        ),
        (&[("requirements.txt", "pyhive\nthrift-sasl\n"), ("a.py", "from pyhive import hive")], &[]),
    ]);
}

#[test]
fn every_command_of_a_line_that_is_filled_in_counts() {
    let list = ("requirements.txt", "some-scan\n");
    for (code, used) in [
        ("subprocess.run(f'cd {x} && some-scan -q {y}', shell=True)", true),
        ("subprocess.run(f'''cd {x}\nsome-scan {y}''', shell=True)", true),
        ("subprocess.run(f'cd {x} && echo some-scan', shell=True)", false),
        ("subprocess.run(f'{x} some-scan && ls', shell=True)", false),
        ("print(f'cd {x} && some-scan')", false),
    ] {
        let code = format!("import subprocess\n{code}");
        let expected: &[&str] = if used { &[] } else { &["unused some-scan"] };
        check(&[(&[list, ("a.py", &code)], expected)]);
    }
}

#[test]
fn a_list_that_a_lock_was_written_out_to_declares_nothing() {
    let asked = ("Pipfile", "[packages]\nrequests = \"*\"\n");
    let lock = (
        "Pipfile.lock",
        r#"{"_meta":{},"default":{"requests":{"version":"==2.31.0"},"idna":{"version":"==3.4"}},"develop":{}}"#,
    );
    let list = ("requirements.txt", "-i https://pypi.org/simple\nidna==3.4\nrequests==2.31.0\n");
    let code = ("a.py", "import requests");
    check(&[
        (&[asked, lock, list, code], &[]),
        // somebody wrote it
        (&[asked, lock, ("requirements.txt", "idna\nrequests==2.31.0\n"), code], &["unused idna"]),
        // a Pipfile whose lock is kept elsewhere
        (&[asked, list, code], &[]),
        (
            &[("Pipfile", "[packages]\nrequests = \"*\"\nurllib3 = \"*\"\n"), list, code],
            &["unused idna", "unused urllib3"],
        ),
        (&[asked, lock, ("requirements.txt", "pyyaml==6.0\nrequests==2.31.0\n"), code], &["unused pyyaml"]),
    ]);
}

#[test]
fn a_comment_says_that_another_package_needs_it() {
    let code = ("a.py", "import requests");
    let said = |lines: &str, expected: &[&str]| check(&[(&[("requirements.txt", lines), code], expected)]);
    said("requests\nsetuptools  # needed for requests\n", &[]);
    said("requests\n# requests fails without it\nsetuptools\n", &[]);
    said("requests\n# requests needs it and pins nothing\nsetuptools\n", &["unused setuptools"]);
    said("requests\n# needed for other\nsetuptools\n", &["unused setuptools"]);
    said("requests\nsetuptools  # not like requests\n", &["unused setuptools"]);
    // what is brought anyway needs no declaration, whatever a comment says
    said("requests\nurllib3  # needed for requests\n", &["unused urllib3"]);
    let pipfile = ("Pipfile", "[packages]\nrequests = \"*\"\nsetuptools = \"*\"  # Required by requests\n");
    check(&[(&[pipfile, code], &[])]);
}

#[test]
fn extras_are_asked_for_on_purpose() {
    let code = ("a.py", "import requests, psycopg_pool");
    check(&[
        (&[("requirements.txt", "requests\nurllib3\npsycopg-pool\n"), code], &["unused urllib3"]),
        (&[("requirements.txt", "requests\nurllib3[socks]\npsycopg-pool\n"), code], &[]),
        // what it brings is there without it
        (
            &[("requirements.txt", "requests\nurllib3[socks]\npysocks\npsycopg-pool\n"), code],
            &["unused pysocks", "unused urllib3"],
        ),
    ]);
}

#[test]
fn a_watcher_brings_nothing_that_the_code_does_not_use() {
    let code = ("a.py", "import sentry_sdk");
    check(&[
        (&[("requirements.txt", "sentry-sdk\ncelery\n"), code], &["unused celery"]),
        (&[("requirements.txt", "sentry-sdk\ncelery\n"), code, ("b.py", "import celery")], &[]),
    ]);
}

#[test]
fn of_two_that_nobody_uses_none_is_there_for_the_other() {
    let list = ("requirements.txt", "beautifulsoup4\nlxml\nrequests\n");
    check(&[
        (&[list, ("a.py", "import requests")], &["unused beautifulsoup4", "unused lxml"]),
        (&[list, ("a.py", "import requests, bs4")], &[]),
    ]);
}

#[test]
fn who_asks_for_an_extra_piece_by_piece_asks_for_its_other_pieces() {
    let code = ("a.py", "import pymongo");
    check(&[
        (&[("requirements.txt", "pymongo\nrequests\n"), code], &["unused requests"]),
        (&[("requirements.txt", "pymongo\nrequests\npyopenssl\nservice-identity\n"), code], &[]),
        // where extras are asked for by name, one of several packages is not meant
        (&[("requirements.txt", "pymongo\nredis\nopentelemetry-sdk\n"), ("a.py", "import pymongo, redis")], &[]),
        (
            &[("requirements.txt", "pymongo\nredis[hiredis]\nopentelemetry-sdk\n"), ("a.py", "import pymongo, redis")],
            &["unused opentelemetry-sdk"],
        ),
        (&[("requirements.txt", "pymongo\nredis[hiredis]\npyjwt\n"), ("a.py", "import pymongo, redis")], &[]),
    ]);
}

#[test]
fn what_is_taken_from_another_package_may_be_made_for_this_one() {
    let list = ("requirements.txt", "zzcitations\nzzscanner\n");
    for (code, used) in [
        ("from zzcitations.tokens import ZzscannerTokens", true),
        ("from zzcitations.integrations import zzscanner", true),
        ("from zzcitations.integrations.zzscanner import A", true),
        ("from zzcitations import zzscanned", false),
        ("from zzcitations._vendor import zzscanner", false),
        ("from zzcitations.util import zzscanner", false),
        ("from app.tokens import ZzscannerTokens\nimport zzcitations", false),
    ] {
        let expected: &[&str] = if used { &[] } else { &["unused zzscanner"] };
        check(&[(&[list, ("app/__init__.py", ""), ("app/tokens.py", ""), ("a.py", code)], expected)]);
    }
}

#[test]
fn a_manual_offers_a_backend_that_nobody_else_names() {
    let list = ("requirements.txt", "some-mail\n");
    let code = ("a.py", "import os");
    check(&[
        (&[list, code, ("docs/mail.md", "Set `MAIL_BACKEND` to `some_mail.SomeBackend`.")], &[]),
        (&[list, code, ("CHANGELOG.md", "`some_mail.SomeBackend` is no longer there")], &["unused some-mail"]),
        (&[list, code, ("docs/mail.md", "some_mail sends mail.")], &["unused some-mail"]),
    ]);
}

#[test]
fn a_package_brings_no_module_of_its_own() {
    // feedparser needs feedparser-sgmllib, which is called alike
    let list = ("requirements.txt", "feedparser\n");
    check(&[
        (&[list, ("a.py", "import os"), ("tests/test_a.py", "import feedparser")], &["unused feedparser"]),
        (&[list, ("a.py", "import feedparser")], &[]),
    ]);
}

#[test]
fn a_manual_beside_a_part_of_the_repository_is_for_it() {
    let part = ("api/pyproject.toml", "[project]\nname = \"api\"\ndependencies = [\"some-mail\"]\n");
    let manual = ("docs/mail.md", "Set `MAIL_BACKEND` to `some_mail.SomeBackend`.");
    let code = ("api/a.py", "import os");
    let other = ("docs/pyproject.toml", "[project]\nname = \"docs\"\ndependencies = [\"requests\"]\n");
    check(&[
        (&[part, code, manual], &[]),
        (&[part, code, ("docs/mail.md", "")], &["unused some-mail"]),
        // a project of its own
        (&[part, code, manual, other, ("docs/a.py", "import requests")], &["unused some-mail"]),
    ]);
}

#[test]
fn a_command_is_told_which_class_to_load() {
    let list = ("requirements.txt", "celery\ncelery-zzbeat\n");
    let code = ("a.py", "import celery");
    check(&[
        (&[list, code, ("Procfile", "beat: celery beat -S zzbeat.Scheduler")], &[]),
        (&[list, code, ("Procfile", "beat: celery beat -S zzbeat.scheduler")], &["unused celery-zzbeat"]),
        (&[list, code, ("Procfile", "beat: celery beat -S other.Scheduler")], &["unused celery-zzbeat"]),
    ]);
}
