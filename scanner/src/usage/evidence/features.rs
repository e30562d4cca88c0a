//! Features of a library that work only when another package is installed.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::usage::name_filter::NameFilter;

/// A reference in the code, by its dotted name, `.attribute` or `callee(keyword=)` → the packages of which one is needed.
/// Sources: the libraries' own error messages and installation pages.
const REFERENCES: &[(&str, &[&str])] = &[
    ("fastapi.Form", &["python-multipart"]),
    ("fastapi.File", &["python-multipart"]),
    ("fastapi.UploadFile", &["python-multipart"]),
    ("fastapi.param_functions.Form", &["python-multipart"]),
    ("fastapi.security.OAuth2PasswordRequestForm", &["python-multipart"]),
    ("starlette.datastructures.UploadFile", &["python-multipart"]),
    (".form", &["python-multipart"]),
    ("fastapi.responses.ORJSONResponse", &["orjson"]),
    ("fastapi.responses.UJSONResponse", &["ujson"]),
    ("fastapi.templating.Jinja2Templates", &["jinja2"]),
    ("starlette.templating.Jinja2Templates", &["jinja2"]),
    ("starlette.middleware.sessions.SessionMiddleware", &["itsdangerous"]),
    ("fastapi.testclient.TestClient", &["httpx"]),
    ("starlette.testclient.TestClient", &["httpx"]),
    ("fastapi.staticfiles.StaticFiles", &["aiofiles"]),
    ("pydantic.EmailStr", &["email-validator"]),
    ("pydantic.networks.EmailStr", &["email-validator"]),
    ("pydantic.NameEmail", &["email-validator"]),
    ("wtforms.validators.Email", &["email-validator"]),
    ("pydantic.BaseSettings", &["python-dotenv"]),
    ("pydantic_settings.BaseSettings", &["python-dotenv"]),
    ("django.db.models.ImageField", &["pillow"]),
    ("django.forms.ImageField", &["pillow"]),
    ("rest_framework.serializers.ImageField", &["pillow"]),
    ("wagtail.images", &["pillow"]),
    ("sqlalchemy.ext.asyncio.create_async_engine", &["greenlet"]),
    ("sqlalchemy.ext.asyncio.AsyncSession", &["greenlet"]),
    ("passlib.hash.bcrypt", &["bcrypt"]),
    ("passlib.hash.argon2", &["argon2-cffi"]),
    (".read_excel", &["openpyxl", "xlrd", "odfpy", "pyxlsb", "calamine"]),
    (".to_excel", &["openpyxl", "xlsxwriter"]),
    (".ExcelWriter", &["openpyxl", "xlsxwriter"]),
    (".read_parquet", &["pyarrow", "fastparquet"]),
    (".to_parquet", &["pyarrow", "fastparquet"]),
    (".read_feather", &["pyarrow"]),
    (".to_feather", &["pyarrow"]),
    (".read_hdf", &["tables"]),
    (".to_hdf", &["tables"]),
    (".read_html", &["lxml", "html5lib", "beautifulsoup4"]),
    (".read_xml", &["lxml"]),
    (".read_sql", &["sqlalchemy"]),
    (".to_sql", &["sqlalchemy"]),
    (".to_markdown", &["tabulate"]),
    (".background_gradient", &["matplotlib", "jinja2"]),
    ("jwt.algorithms.RSAAlgorithm", &["cryptography"]),
    ("zoneinfo.ZoneInfo", &["tzdata"]),
    ("AsyncClient(http2=)", &["h2"]),
    ("Client(http2=)", &["h2"]),
    ("sklearn.datasets.fetch_openml", &["pandas"]),
    // Django REST framework renders help texts as Markdown where it can
    (".BrowsableAPIRenderer", &["markdown", "pygments"]),
    ("torch.utils.tensorboard", &["tensorboard"]),
    // reports to every tracker that is installed
    ("transformers.TrainingArguments", TRACKERS),
    ("transformers.Trainer", TRACKERS),
    ("transformers.BitsAndBytesConfig", &["bitsandbytes"]),
    ("diffusers.BitsAndBytesConfig", &["bitsandbytes"]),
    ("transformers.TorchAoConfig", &["torchao"]),
    ("diffusers.TorchAoConfig", &["torchao"]),
    ("transformers.GPTQConfig", &["optimum", "gptqmodel", "auto-gptq"]),
    ("from_pretrained(device_map=)", &["accelerate"]),
    ("from_pretrained(load_in_8bit=)", &["bitsandbytes"]),
    ("from_pretrained(load_in_4bit=)", &["bitsandbytes"]),
    ("learn(progress_bar=)", &["tqdm", "rich"]),
    (".ProgressBarCallback", &["tqdm", "rich"]),
    (".SentenceTransformerEmbeddingFunction", &["sentence-transformers"]),
    (".HuggingFaceEmbeddings", &["sentence-transformers"]),
];
const TRACKERS: &[&str] =
    &["tensorboard", "wandb", "mlflow", "comet-ml", "clearml", "codecarbon", "swanlab", "trackio"];

/// A module whose import, or that of anything in it, needs one of these packages beside its own.
const MODULES: &[(&str, &[&str])] = &[
    ("django.contrib.postgres", POSTGRES),
    (
        "sqlalchemy.dialects.postgresql",
        &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary", "asyncpg", "pg8000"],
    ),
    ("sqlalchemy.dialects.mysql", &["mysqlclient", "pymysql", "aiomysql", "asyncmy", "mysql-connector-python"]),
    ("sqlalchemy.dialects.oracle", &["oracledb", "cx-oracle"]),
    ("sqlalchemy.dialects.mssql", &["pyodbc", "pymssql"]),
    ("storages.backends.s3boto3", &["boto3"]),
    ("storages.backends.s3", &["boto3"]),
    ("storages.backends.gcloud", &["google-cloud-storage"]),
    ("storages.backends.azure_storage", &["azure-storage-blob"]),
    ("storages.backends.dropbox", &["dropbox"]),
    ("storages.backends.sftpstorage", &["paramiko"]),
    ("whoosh_index", &["whoosh"]),
    ("torch.utils.tensorboard", &["tensorboard"]),
    // modules of the standard library that a platform lacks, or that a later Python has no longer
    ("curses", &["windows-curses"]),
    ("readline", &["pyreadline3", "pyreadline", "gnureadline"]),
    ("asyncore", &["pyasyncore"]),
    ("asynchat", &["pyasynchat"]),
    ("audioop", &["audioop-lts"]),
    ("cgi", &["legacy-cgi"]),
    ("crypt", &["legacycrypt", "standard-crypt"]),
    ("imghdr", &["standard-imghdr", "imghdr-lts"]),
    ("telnetlib", &["standard-telnetlib", "telnetlib-313-and-up"]),
];
const POSTGRES: &[&str] = &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary", "psycopg-c"];
/// Modules whose submodules are named after the package that they integrate.
const INTEGRATIONS: &[&str] = &["sentry_sdk.integrations", "opentelemetry.instrumentation", "ddtrace.contrib"];

/// A literal in the code that chooses a backend by name → packages.
const LITERALS: &[(&str, &[&str])] = &[
    ("django.db.backends.postgresql", &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary"]),
    ("django.contrib.gis.db.backends.postgis", &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary"]),
    ("django.db.backends.postgresql_psycopg2", &["psycopg2", "psycopg2-binary", "psycopg"]),
    ("django.db.backends.mysql", &["mysqlclient", "pymysql"]),
    ("django.db.backends.oracle", &["oracledb", "cx-oracle"]),
    ("django.core.cache.backends.redis.RedisCache", &["redis", "hiredis"]),
    ("django.core.cache.backends.memcached.PyMemcacheCache", &["pymemcache"]),
    ("django.core.cache.backends.memcached.PyLibMCCache", &["pylibmc"]),
    ("django.core.cache.backends.memcached.MemcachedCache", &["python-memcached"]),
    ("django.contrib.auth.hashers.Argon2PasswordHasher", &["argon2-cffi"]),
    ("django.contrib.auth.hashers.BCryptSHA256PasswordHasher", &["bcrypt"]),
    ("django.contrib.auth.hashers.BCryptPasswordHasher", &["bcrypt"]),
    ("django.forms.renderers.Jinja2", &["jinja2"]),
    ("django.template.backends.jinja2.Jinja2", &["jinja2"]),
    ("rest_framework.renderers.BrowsableAPIRenderer", &["markdown", "pygments"]),
    ("django.contrib.admindocs", &["docutils"]),
    ("django.contrib.postgres", POSTGRES),
    ("django.contrib.gis", POSTGRES),
    ("bcrypt", &["bcrypt"]),
    ("argon2", &["argon2-cffi"]),
    ("lxml", &["lxml"]),
    ("lxml-xml", &["lxml"]),
    ("html5lib", &["html5lib"]),
    ("openpyxl", &["openpyxl"]),
    ("xlsxwriter", &["xlsxwriter"]),
    ("pyarrow", &["pyarrow"]),
    ("fastparquet", &["fastparquet"]),
    ("odf", &["odfpy"]),
    ("xlrd", &["xlrd"]),
    ("uvloop", &["uvloop"]),
    ("gevent", &["gevent"]),
    ("eventlet", &["eventlet"]),
    ("geventwebsocket", &["gevent-websocket"]),
    // the shells of Django and Flask
    ("ipython", &["ipython"]),
    ("bpython", &["bpython"]),
    ("ptpython", &["ptpython"]),
    ("RS256", &["cryptography"]),
    ("ES256", &["cryptography"]),
    ("RS512", &["cryptography"]),
];

/// What a package looks for and uses without an extra that names it. Sources: `is_…_available` and `try: import` in the packages' code.
const PROBED: &[(&str, &[&str])] = &[
    ("aiohttp", &["aiodns", "brotli", "brotlicffi"]),
    (
        "diffusers",
        &["accelerate", "bitsandbytes", "flash-attn", "peft", "safetensors", "sentencepiece", "torchao", "xformers"],
    ),
    ("discord-py", &["aiodns", "brotli", "orjson", "pynacl"]),
    ("exllamav3", &["flash-attn", "xformers"]),
    ("fastapi", &["orjson", "ujson"]),
    ("flask", &["python-dotenv", "simplejson"]),
    ("httpx", &["brotli", "brotlicffi", "h2", "socksio", "zstandard"]),
    ("huggingface-hub", &["hf-transfer", "hf-xet"]),
    ("networkx", &["lxml", "matplotlib", "numpy", "pandas", "pydot", "pygraphviz", "scipy"]),
    ("pandas", &["bottleneck", "numba", "numexpr"]),
    ("peft", &["bitsandbytes"]),
    ("requests", &["brotli", "brotlicffi", "simplejson", "zstandard"]),
    ("torch", &["triton", "triton-windows"]),
    (
        "transformers",
        &[
            "accelerate",
            "bitsandbytes",
            "causal-conv1d",
            "flash-attn",
            "flash-linear-attention",
            "hf-transfer",
            "hf-xet",
            "kernels",
            "sentencepiece",
            "tiktoken",
            "torchao",
            "torchcodec",
        ],
    ),
    ("urllib3", &["brotli", "brotlicffi", "zstandard"]),
];

/// Names and the packages that they need.
struct Known {
    filter: NameFilter,
    packages: HashMap<&'static str, &'static [&'static str]>,
}

impl Known {
    fn of(names: impl Iterator<Item = (&'static str, &'static [&'static str])>) -> Self {
        let packages: HashMap<_, _> = names.collect();
        Self { filter: NameFilter::of(packages.keys().copied()), packages }
    }

    fn get(&self, name: &str) -> &'static [&'static str] {
        if self.filter.may_hold(name) { self.packages.get(name).copied().unwrap_or_default() } else { &[] }
    }
}

/// Who uses `package` where it is installed, though it has no extra for it.
pub fn probed_by(package: &str) -> impl Iterator<Item = &'static str> {
    PROBED.iter().filter(move |(_, packages)| packages.contains(&package)).map(|(host, _)| *host)
}

/// Packages of which one is needed because the code refers to `name`, or to something in it.
#[must_use]
pub fn of_reference(name: &str) -> &'static [&'static str] {
    static BY_NAME: LazyLock<Known> = LazyLock::new(|| Known::of(REFERENCES.iter().copied()));
    let mut outer = name;
    loop {
        let packages = BY_NAME.get(outer);
        if !packages.is_empty() {
            return packages;
        }
        // an attribute of something unknown stands for itself
        match outer.rsplit_once('.') {
            Some((shorter, _)) if !shorter.is_empty() => outer = shorter,
            _ => return &[],
        }
    }
}

/// Packages of which one is needed because the code refers to an attribute of this name, whatever it belongs to.
#[must_use]
pub fn of_attribute(name: &str) -> &'static [&'static str] {
    static BY_NAME: LazyLock<Known> = LazyLock::new(|| {
        Known::of(REFERENCES.iter().filter_map(|(name, packages)| Some((name.strip_prefix('.')?, *packages))))
    });
    BY_NAME.get(name)
}

/// True when a call of `callee` with this keyword argument needs another package: [`of_reference`] of `callee(keyword=)`.
#[must_use]
pub fn of_argument(callee: &str, keyword: &str) -> bool {
    static ARGUMENTS: LazyLock<(NameFilter, Vec<(&str, &str)>)> = LazyLock::new(|| {
        let names = REFERENCES.iter().filter_map(|(name, _)| name.strip_suffix("=)")?.split_once('('));
        let arguments: Vec<(&str, &str)> = names.collect();
        (NameFilter::of(arguments.iter().map(|(callee, _)| *callee)), arguments)
    });
    ARGUMENTS.0.may_hold(callee) && ARGUMENTS.1.contains(&(callee, keyword))
}

/// Packages of which one is needed because the code imports, or a setting names, this module or something in it.
#[must_use]
pub fn of_module(module: &str) -> Vec<String> {
    let within = |outer: &str| module.strip_prefix(outer).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    let listed = MODULES.iter().filter(|(outer, _)| within(outer).is_some());
    let mut packages: Vec<String> =
        listed.flat_map(|(_, packages)| packages.iter().map(|package| (*package).to_owned())).collect();
    let integrated = INTEGRATIONS.iter().find_map(|outer| within(outer)?.strip_prefix('.')?.split('.').next());
    packages.extend(integrated.map(|package| package.replace('_', "-")));
    packages
}

/// Packages of which one is needed because the code has this literal.
#[must_use]
pub fn of_literal(text: &str) -> &'static [&'static str] {
    static BY_TEXT: LazyLock<Known> = LazyLock::new(|| Known::of(LITERALS.iter().copied()));
    BY_TEXT.get(text)
}
