//! Every way of using a package, and what only looks like it.

use super::is_unused;

#[test]
fn every_way_of_use_counts_and_its_negative_does_not() {
    // package, file, a text that uses it, a text that does not
    let cases: &[(&str, &str, &str, &str)] = &[
        ("pyyaml", "a.py", "import yaml", "import yamlish"),
        ("pyyaml", "a.py", "def f():\n    from yaml import load", "text = 'import yaml'"),
        ("pyyaml", "a.py", "from importlib import import_module\nimport_module('yaml')", "call('yaml')"),
        ("pyyaml", "a.py", "__import__('yaml')", "print('yaml')"),
        ("pyyaml", "a.py", "try:\n    import yaml\nexcept ImportError:\n    yaml = None", "# import yaml"),
        (
            "pyyaml",
            "a.ipynb",
            r#"{"cells":[{"cell_type":"code","source":["%matplotlib inline\n","import yaml\n"]}]}"#,
            r#"{"cells":[{"cell_type":"markdown","source":["import yaml"]}]}"#,
        ),
        ("google-cloud-storage", "a.py", "from google.cloud import storage", "from google.cloud import bigquery"),
        ("django-cors-headers", "settings.py", "INSTALLED_APPS = ['corsheaders']", "NAMES = ['corsheaders']"),
        (
            "django-cors-headers",
            "settings.py",
            "MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']",
            "X = ['corsheadersx.middleware.C']",
        ),
        ("gunicorn", "Dockerfile", "CMD [\"gunicorn\", \"app:app\"]", "RUN pip install gunicorn"),
        ("gunicorn", "Procfile", "web: gunicorn app.wsgi", "web: python gunicorn.py"),
        ("gunicorn", "run.sh", "exec gunicorn app", "echo gunicorn"),
        (
            "gunicorn",
            "docker-compose.yml",
            "services:\n  web:\n    command: gunicorn app",
            "services:\n  gunicorn:\n    image: x",
        ),
        ("gunicorn", "app.service", "[Service]\nExecStart=/usr/bin/gunicorn app", "[Service]\nDescription=gunicorn"),
        ("uvicorn", "start.sh", "gunicorn -k uvicorn.workers.UvicornWorker app:app", "gunicorn app:app"),
        ("celery", "Makefile", "run:\n\tpython -m celery worker", "run:\n\tpython -m other celery"),
        (
            "gunicorn",
            "a.py",
            "import subprocess\nsubprocess.run(['gunicorn', 'x'])",
            "import subprocess\nsubprocess.run(['ls', 'gunicorn'])",
        ),
        ("asyncpg", "a.py", "URL = 'postgresql+asyncpg://host/db'", "URL = 'postgresql://host/db'"),
        ("pymysql", ".env", "DATABASE_URL=mysql+pymysql://host/db", "DATABASE_URL=mysql://host/db"),
        (
            "mysqlclient",
            "settings.py",
            "E = {'ENGINE': 'django.db.backends.mysql'}",
            "E = {'ENGINE': 'django.db.backends.sqlite3'}",
        ),
        ("python-multipart", "a.py", "from fastapi import Form", "from fastapi import Depends"),
        ("email-validator", "a.py", "from pydantic import EmailStr", "from pydantic import BaseModel"),
        (
            "pillow",
            "models.py",
            "from django.db import models\nx = models.ImageField()",
            "from django.db import models\nx = models.TextField()",
        ),
        ("openpyxl", "a.py", "import pandas as pd\npd.read_excel('x')", "import pandas as pd\npd.read_csv('x')"),
        ("furo", "docs/conf.py", "html_theme = 'furo'", "project = 'furo'"),
        // an engine that is filled in, a result store and a command that are chosen by name
        ("mysqlclient", "s.py", "E = f'django.db.backends.{X}'", "E = f'django.db.models.{X}'"),
        ("psycopg2", "s.py", "E = 'django.db.backends.{}'.format(X)", "E = 'django.db.models.{}'.format(X)"),
        ("django-celery-results", "s.py", "RESULT_BACKEND = 'django-db'", "import celery"),
        // a command line that a variable keeps
        ("uwsgi", "run.sh", "COMMAND=\"uwsgi --ini a.ini\"\n$COMMAND", "MESSAGE=\"uwsgi --ini a.ini\""),
        ("uwsgi", "run.sh", "WEB_CMD='exec uwsgi --ini a.ini'", "WEB_CMD='exec echo uwsgi'"),
        // a class that is called after a package for Python
        (
            "opensearch-py",
            "a.py",
            "from langchain_community.vectorstores import OpenSearchVectorSearch",
            "from langchain_community.vectorstores import OpenVectorSearch",
        ),
        ("flower", "run.sh", "celery -A app --broker=$B flower --port=5555", "celery -A app worker"),
        ("flower", "a.py", "cmd = ['celery', '-A', 'app', 'flower']", "names = ['celery', 'flower']"),
        (
            "flower",
            "a.py",
            "argv = ['--app=app', 'flower']\napp.worker_main(argv=argv)",
            "argv = ['--app=app', 'worker']",
        ),
        ("salt", "orchestration/top.sls", "base:\n  '*':\n    - x", ""),
        (
            "boto3",
            "orchestration/a.sls",
            "elb:\n  boto_elb.present:\n    - name: x",
            "elb:\n  pkg.installed:\n    - name: x",
        ),
        // templates
        ("django-cors-headers", "templates/a.html", "{% load i18n corsheaders %}", "{% load humanize %} corsheaders"),
        ("django-cors-headers", "a.html", "{%- include 'corsheaders/x.html' %}", "{% include 'x/corsheaders.html' %}"),
        // settings of Django and what they need
        (
            "markdown",
            "v.py",
            "from rest_framework import renderers\nr = renderers.BrowsableAPIRenderer",
            "x = BrowsableAPIRenderer",
        ),
        (
            "psycopg",
            "m.py",
            "from django.contrib.postgres.fields import ArrayField",
            "from django.contrib.auth import models",
        ),
        (
            "psycopg",
            "settings.py",
            "INSTALLED_APPS = ['django.contrib.postgres']",
            "INSTALLED_APPS = ['django.contrib.auth']",
        ),
        (
            "boto3",
            "s.py",
            "B = {'BACKEND': 'storages.backends.s3boto3.S3Boto3Storage'}",
            "B = {'BACKEND': 'storages.backends.ftp.FTPStorage'}",
        ),
        ("boto3", "s.py", "from storages.backends.s3 import S3Storage", "from storages.backends.ftp import FTPStorage"),
        (
            "aiohttp",
            "s.py",
            "from sentry_sdk.integrations.aiohttp import AioHttpIntegration",
            "from sentry_sdk.integrations.wsgi import W",
        ),
        (
            "datadog",
            "s.py",
            "B = 'markus.backends.datadog.DatadogMetrics'",
            "B = 'markus.backends.logging.LoggingMetrics'",
        ),
        ("sqlalchemy", ".env", "BROKER=sqla+sqlite:///x.sqlite", "BROKER=amqp+ssl://x"),
        ("gunicorn", "wsgi.py", "application = None", ""),
        ("gunicorn", "gunicorn.conf.py", "workers = 2", ""),
        // entry points and tasks
        (
            "celery",
            "setup.py",
            "setup(entry_points={'console_scripts': ['w = celery.__main__:main']})",
            "setup(name='celery')",
        ),
        (
            "celery",
            "pyproject.toml",
            "[project.scripts]\nw = \"celery.__main__:main\"",
            "[project]\nname = \"celery.x\"",
        ),
        (
            "pyyaml",
            "pyproject.toml",
            "[tool.app]\nloader = [\n  \"yaml.SafeLoader\",\n]",
            "[[tool.mypy.overrides]]\nmodule = [\n  \"yaml.SafeLoader\",\n]",
        ),
        (
            "pydantic",
            "pyproject.toml",
            "[tool.mypy]\nplugins = [\"pydantic.mypy\"]",
            "[tool.mypy]\nexclude = [\"pydantic.mypy\"]",
        ),
        // python -c, and -m without a space
        ("celery", "run.sh", "python -c 'import celery; print(celery)'", "python -c 'print(1)' celery"),
        ("celery", "run.sh", "python3 -mcelery worker", "python3 -mother celery"),
        // a parser that is chosen, and a word in a list of data
        ("lxml", "a.py", "from bs4 import BeautifulSoup\nBeautifulSoup(x, 'lxml')", "POPULAR = ['lxml', 'requests']"),
        (
            "bcrypt",
            "a.py",
            "from passlib.context import CryptContext\nCryptContext(schemes=['bcrypt'])",
            "WORDS = ('bcrypt',)",
        ),
        // what PyInstaller packs
        ("pyyaml", "app.spec", "a = Analysis(hiddenimports=['yaml'])", "%prep\nhiddenimports=['yaml']"),
        ("pyyaml", "app.spec", "a = Analysis()\nd = copy_metadata('PyYAML')", "a = Analysis()\nd = copy('PyYAML')"),
        ("pyyaml", "app.spec", "a = Analysis()\nd = collect_all('yaml')", "a = Analysis()\nd = collect('yaml')"),
        ("pyyaml", "hook-a.py", "hiddenimports = ['yaml']", "names = ['yaml']"),
        // a command line with places to fill in
        ("gunicorn", "a.py", "import os\nos.system(f'gunicorn {x}')", "import os\nos.system(f'{x} gunicorn')"),
        (
            "gunicorn",
            "a.py",
            "import os\nos.system('gunicorn ' f'{x}')",
            "import os\nos.system('echo ' f'gunicorn {x}')",
        ),
        // templates of Python code
        ("pyyaml", "a.py.j2", "{% if x %}\nimport yaml\n{% endif %}", "{# import yaml #}"),
        (
            "django-cors-headers",
            "settings.py.tpl",
            "INSTALLED_APPS = [\n{% if x %}\n  'corsheaders',\n{% endif %}\n]",
            "X = '{{ corsheaders }}'",
        ),
        // a module that wraps what it is called after
        ("redis", "redis.py", "import redis", "import re"),
        // what a library uses where it is installed, and what a class of it needs
        ("ipython", "settings.py", "SHELL_PLUS = 'ipython'", "SHELLS = ['ipython', 'plain']"),
        ("tensorboard", "a.py", "from torch.utils.tensorboard import SummaryWriter", "from torch.utils.data import D"),
        ("wandb", "a.py", "from transformers import TrainingArguments", "from transformers import AutoModel"),
        ("bitsandbytes", "a.py", "import transformers", "import requests"),
        ("accelerate", "a.py", "M.from_pretrained(x, device_map='auto')", "M.from_pretrained(x)"),
        (
            "cryptography",
            "a.py",
            "import jwt\njwt.algorithms.RSAAlgorithm.from_jwk(x)",
            "import jwt\njwt.encode(x, 'key')",
        ),
        (
            "sentence-transformers",
            "a.py",
            "from chromadb.utils import embedding_functions as e\ne.SentenceTransformerEmbeddingFunction()",
            "from chromadb.utils import embedding_functions as e\ne.OpenAIEmbeddingFunction()",
        ),
        ("cssselect", "a.py", "import x\nx.tree.cssselect('a')", "import x\nx.tree.xpath('a')"),
        ("pycurl", "a.py", "X = 'tornado.curl_httpclient.CurlAsyncHTTPClient'", "X = 'tornado.httpclient.HTTPClient'"),
        (
            "elasticsearch",
            "s.py",
            "E = 'haystack.backends.elasticsearch7_backend.Elasticsearch7SearchEngine'",
            "E = 'haystack.backends.simple_backend.SimpleEngine'",
        ),
        (
            "some-plugin",
            "a.py",
            "from nonebot import require\nrequire('some_plugin')",
            "from other import require\nrequire('some_plugin')",
        ),
        ("some-plugin", "a.py", "app.load_plugin('some_plugin')", "app.load('some_plugin')"),
        (
            "lxml",
            "a.py",
            "import networkx as nx\nnx.write_graphml(g, 'x')",
            "import networkx as nx\nnx.write_gml(g, 'x')",
        ),
        ("tgcrypto", "a.py", "import pyrogram", "import requests"),
        // readers that a framework has for a format, and code of a model
        (
            "pymupdf",
            "a.py",
            "from langchain_community.document_loaders import PyMuPDFLoader",
            "from langchain_community.document_loaders import TextLoader",
        ),
        ("omegaconf", "a.py", "import torch\nm = torch.hub.load('a/b', 'c')", "import torch\nm = torch.load('a')"),
        (
            "pytextrank",
            "a.py",
            "import spacy\nspacy.load('en').add_pipe('textrank')",
            "spacy.load('en').add_pipe('ner')",
        ),
        // a program in a string, which somebody stores or hands to an interpreter
        (
            "pyyaml",
            "a.py",
            "STORED_CMD = \"\"\"\n    import sys\n    from yaml import load\n    print(load(sys.argv[1]))\n\"\"\"",
            "TEXT = \"\"\"\nFirst you\nimport yaml\nand then you load it.\n\"\"\"",
        ),
        ("pyyaml", "a.py", "store('import yaml\\nyaml.load(x)')", "store('import yaml')"),
        // the standard library is nobody's
        ("uuid7", "a.py", "import uuid_extensions", "store('import uuid\\nuuid.uuid4()')"),
        // what a module of a library needs and nobody asks for
        ("publicsuffixlist", "a.py", "from pymisp.tools._psl_faup import PSLFaup", "from pymisp.tools import openioc"),
        // namespaces and modules of older versions
        ("flask-zzthing", "a.py", "from flaskext.zzthing import Z", "from flaskext.other import Z"),
        ("setuptools", "a.py", "import pkg_resources", "import pkgutil"),
        // data of a package
        (
            "some-fonts",
            "a.py",
            "from importlib.resources import files as find\nfind('some_fonts')",
            "def files(self):\n    return self.project.files('some_fonts')",
        ),
        ("some-fonts", "a.py", "import pkgutil\npkgutil.get_data('some_fonts', 'x')", "x.get_data('some_fonts', 'x')"),
        ("some-fonts", "a.py", "import pkg_resources as p\np.resource_filename('some_fonts', 'x')", "f('some_fonts')"),
        (
            "en-core-web-zz",
            "a.py",
            "import spacy\nspacy.load('en_core_web_zz')",
            "import json\njson.load('en_core_web_zz')",
        ),
        // what a shell is told to run, and under what the product asks to run
        (
            "gunicorn",
            "compose.yml",
            "services:\n  web:\n    command: bash -c \"migrate && gunicorn app\"",
            "services:\n  web:\n    command: bash gunicorn",
        ),
        (
            "gunicorn",
            "Dockerfile",
            "CMD [\"sh\", \"-c\", \"migrate; exec gunicorn app\"]",
            "CMD [\"sh\", \"-x\", \"gunicorn\"]",
        ),
        (
            "gunicorn",
            "a.py",
            "import sys\nif 'gunicorn' in sys.modules:\n    pass",
            "import sys\nif 'gunicorn' in sys.argv:\n    pass",
        ),
        // Cython
        ("numpy", "a.pyx", "cimport numpy as cnp", "# cimport numpy"),
        ("numpy", "a.pxd", "from numpy cimport ndarray", "from numpyish cimport ndarray"),
        // an engine that is chosen outside the code
        ("psycopg", ".env", "DB_ENGINE=django.db.backends.postgresql", "DB_ENGINE=django.db.backends.sqlite3"),
        (
            "mysqlclient",
            "compose.yml",
            "services:\n  web:\n    environment:\n      ENGINE: django.db.backends.mysql",
            "services:\n  mysql:\n    image: mysql",
        ),
        ("pillow", "settings.py", "INSTALLED_APPS = ['imagekit']", "INSTALLED_APPS = ['images']"),
        // a command line by the name that it is given
        ("some-scan", "a.py", "cmd = f'some-scan {x}'\nrun_it(cmd)", "words = f'some-scan {x}'"),
        ("some-scan", "a.py", "self.scan_command = ['some-scan', x]", "self.scan_command = ['run', 'some-scan']"),
        ("some-scan", "a.py", "cmd = 'some-scan'", "cmd = 'a'\ncmd += 'some-scan'"),
        // a program that is spelt like the module
        ("some-parser", "Dockerfile", "RUN some_parser translate x", "RUN other_parser some_parser"),
        // the path of a program, wherever it stands
        ("some-scan", "a.py", "register(command='/opt/x/venv/bin/some-scan -q')", "register(url='/api/some-scan')"),
        // a module for each version of an interface, and builds for a version of CUDA or of Python
        ("google-cloud-zz", "a.py", "from google.cloud.zz_v1.services import S", "import requests"),
        ("nvidia-zzlib-cu12", "a.py", "import nvidia.zzlib", "import requests"),
        ("dnspython3", "a.py", "import dns.resolver", "import dnsx.resolver"),
        // a module that wraps what it is called after, in a directory that is no package
        ("pyzzmatch", "app/fill/zzmatch.py", "from zzmatch import match", "from other import match"),
        // what Dockerfiles and set-ups do with pip is no use of a declared pip
        ("pip", "a.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'list'])", "print()"),
    ];
    for (package, path, uses, does_not) in cases {
        assert!(!is_unused(package, &[(path, uses)]), "{package}: {uses}");
        let negative: &[(&str, &str)] = if does_not.is_empty() { &[] } else { &[(path, does_not)] };
        assert!(is_unused(package, negative), "{package}: {does_not}");
    }
}
