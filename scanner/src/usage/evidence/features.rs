//! Features of a library that work only when another package is installed.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::usage::modules::is_cuda_version;
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
    ("mautrix.util.markdown", &["commonmark"]),
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
    // LangChain's and LlamaIndex's readers, tools and stores, called alike whichever of their packages they are imported from
    (".PyMuPDFLoader", &["pymupdf"]),
    (".PyPDFLoader", &["pypdf"]),
    (".PyPDFium2Loader", &["pypdfium2"]),
    (".PDFMinerLoader", &["pdfminer-six"]),
    (".PDFPlumberLoader", &["pdfplumber"]),
    (".Docx2txtLoader", &["docx2txt"]),
    (".BSHTMLLoader", &["beautifulsoup4", "lxml"]),
    (".WebBaseLoader", &["beautifulsoup4"]),
    (".Html2TextTransformer", &["html2text"]),
    (".OutlookMessageLoader", &["extract-msg"]),
    (".YoutubeLoader", &["youtube-transcript-api", "pytube"]),
    (".WikipediaLoader", &["wikipedia"]),
    (".WikipediaAPIWrapper", &["wikipedia"]),
    (".WikipediaRetriever", &["wikipedia"]),
    (".ArxivLoader", &["arxiv", "pymupdf"]),
    (".ArxivAPIWrapper", &["arxiv", "pymupdf"]),
    (".ArxivRetriever", &["arxiv", "pymupdf"]),
    (".PlaywrightURLLoader", &["playwright", "unstructured"]),
    (".SeleniumURLLoader", &["selenium", "unstructured"]),
    (".DuckDuckGoSearchRun", &["duckduckgo-search", "ddgs"]),
    (".DuckDuckGoSearchResults", &["duckduckgo-search", "ddgs"]),
    (".DuckDuckGoSearchAPIWrapper", &["duckduckgo-search", "ddgs"]),
    (".GoogleSearchAPIWrapper", &["google-api-python-client"]),
    (".TavilySearchResults", &["tavily-python"]),
    (".BM25Retriever", &["rank-bm25"]),
    (".UnstructuredFileLoader", UNSTRUCTURED),
    (".UnstructuredHTMLLoader", UNSTRUCTURED),
    (".UnstructuredMarkdownLoader", UNSTRUCTURED),
    (".UnstructuredPDFLoader", UNSTRUCTURED),
    (".UnstructuredEmailLoader", UNSTRUCTURED),
    (".UnstructuredEPubLoader", UNSTRUCTURED),
    (".UnstructuredExcelLoader", UNSTRUCTURED),
    (".UnstructuredImageLoader", UNSTRUCTURED),
    (".UnstructuredPowerPointLoader", UNSTRUCTURED),
    (".UnstructuredWordDocumentLoader", UNSTRUCTURED),
    (".UnstructuredXMLLoader", UNSTRUCTURED),
    (".UnstructuredRSTLoader", UNSTRUCTURED),
    // the package of the model's maker, whose name a setting says
    (
        ".init_chat_model",
        &[
            "langchain-anthropic",
            "langchain-aws",
            "langchain-deepseek",
            "langchain-google-genai",
            "langchain-groq",
            "langchain-mistralai",
            "langchain-ollama",
            "langchain-openai",
            "langchain-xai",
        ],
    ),
    (".cssselect", &["cssselect"]),
    (".read_graphml", &["lxml"]),
    (".write_graphml", &["lxml"]),
    (".write_image", &["kaleido"]),
    // a model's own code runs, with what it asks for
    ("torch.hub.load", &["omegaconf", "torchaudio", "timm"]),
    ("torchaudio.load", &["soundfile", "sox", "torchcodec"]),
    ("torchaudio.save", &["soundfile", "sox", "torchcodec"]),
];
/// `unstructured` and what it wants for the formats of offices.
const UNSTRUCTURED: &[&str] =
    &["unstructured", "openpyxl", "python-docx", "python-pptx", "pypandoc", "msoffcrypto-tool"];
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
    ("authlib.integrations.flask_client", &["requests"]),
    ("authlib.integrations.httpx_client", &["httpx"]),
    ("authlib.integrations.requests_client", &["requests"]),
    ("authlib.integrations.starlette_client", &["httpx", "itsdangerous"]),
    ("tornado.curl_httpclient", &["pycurl"]),
    ("storages.backends.s3boto3", &["boto3"]),
    ("storages.backends.s3", &["boto3"]),
    ("storages.backends.gcloud", &["google-cloud-storage"]),
    ("storages.backends.azure_storage", &["azure-storage-blob"]),
    ("storages.backends.dropbox", &["dropbox"]),
    ("storages.backends.sftpstorage", &["paramiko"]),
    ("whoosh_index", &["whoosh"]),
    ("haystack.backends.elasticsearch_backend", &["elasticsearch"]),
    ("haystack.backends.elasticsearch2_backend", &["elasticsearch"]),
    ("haystack.backends.elasticsearch5_backend", &["elasticsearch"]),
    ("haystack.backends.elasticsearch7_backend", &["elasticsearch"]),
    ("haystack.backends.solr_backend", &["pysolr"]),
    ("haystack.backends.whoosh_backend", &["whoosh"]),
    ("imagekit", &["pillow"]),
    ("rest_framework.documentation", &["coreapi", "markdown", "pygments"]),
    ("rest_framework.schemas", &["uritemplate", "pyyaml", "inflection"]),
    ("rest_framework.schemas.coreapi", &["coreapi", "coreschema"]),
    ("markdown.extensions.codehilite", &["pygments"]),
    ("pymdownx.highlight", &["pygments"]),
    ("torch.utils.tensorboard", &["tensorboard"]),
    // asked for by no requirement and no extra
    ("pymisp.tools._psl_faup", &["publicsuffixlist"]),
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
/// Drivers of Django's engines.
const ENGINES: &[&str] = &[
    "psycopg2",
    "psycopg2-binary",
    "psycopg",
    "psycopg-binary",
    "psycopg-c",
    "mysqlclient",
    "pymysql",
    "oracledb",
    "cx-oracle",
];
/// Modules whose submodules are named after the package that they integrate.
const INTEGRATIONS: &[&str] =
    &["sentry_sdk.integrations", "opentelemetry.instrumentation", "ddtrace.contrib", "markus.backends"];

/// A literal in the code that chooses a backend by name → packages.
const LITERALS: &[(&str, &[&str])] = &[
    ("django.db.backends.postgresql", &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary"]),
    ("django.contrib.gis.db.backends.postgis", &["psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary"]),
    ("django.db.backends.postgresql_psycopg2", &["psycopg2", "psycopg2-binary", "psycopg"]),
    ("django.db.backends.mysql", &["mysqlclient", "pymysql"]),
    ("django.db.backends.oracle", &["oracledb", "cx-oracle"]),
    // the engine is filled in where it runs
    ("django.db.backends.", ENGINES),
    ("django.db.backends.{}", ENGINES),
    ("django.db.backends.%s", ENGINES),
    ("django-db", &["django-celery-results"]),
    ("django-cache", &["django-celery-results"]),
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
    // components of spaCy by the names that their packages register
    ("textrank", &["pytextrank"]),
    ("positionrank", &["pytextrank"]),
    ("language_detector", &["spacy-langdetect", "spacy-language-detection"]),
    ("codehilite", &["pygments"]),
    ("RS256", &["cryptography"]),
    ("ES256", &["cryptography"]),
    ("RS512", &["cryptography"]),
];

/// What a package looks for and uses without an extra that names it. Sources: `is_…_available` and `try: import` in the packages' code.
const PROBED: &[(&str, &[&str])] = &[
    ("aiohttp", &["aiodns", "brotli", "brotlicffi"]),
    ("ansible", ANSIBLE),
    ("ansible-core", ANSIBLE),
    (
        "diffusers",
        &[
            "accelerate",
            "bitsandbytes",
            "flash-attn",
            "ftfy",
            "gguf",
            "invisible-watermark",
            "k-diffusion",
            "optimum-quanto",
            "peft",
            "safetensors",
            "sentencepiece",
            "torchao",
            "torchsde",
            "xformers",
        ],
    ),
    ("discord-py", DISCORD),
    ("disnake", DISCORD),
    ("nextcord", DISCORD),
    ("py-cord", DISCORD),
    // reloads by it where it can
    ("django", &["pywatchman"]),
    // engines by the scheme of a URL that only the deployment knows
    ("dj-database-url", &["django-cockroachdb", "django-redshift-backend", "mssql-django"]),
    ("django-activity-stream", &["django-jsonfield-backport", "django-jsonfield-compat"]),
    ("django-cache-url", &["django-redis"]),
    ("django-environ", &["django-redis"]),
    ("django-otp", &["qrcode"]),
    ("django-q", DJANGO_Q),
    ("django-q2", DJANGO_Q),
    ("django-phonenumber-field", &["phonenumbers", "phonenumberslite"]),
    ("exllamav3", &["flash-attn", "xformers"]),
    ("fastapi", &["orjson", "ujson"]),
    ("flask", &["python-dotenv", "simplejson"]),
    ("flask-caching", &["pylibmc", "pymemcache", "python-memcached", "redis"]),
    ("flask-security", &["bcrypt", "argon2-cffi", "cryptography", "qrcode"]),
    ("flask-security-too", &["bcrypt", "argon2-cffi", "cryptography", "qrcode"]),
    ("flask-session", &["pymemcache", "pymongo", "redis"]),
    ("flask-socketio", SOCKET_IO),
    ("djangorestframework", &["markdown"]),
    ("httpx", &["brotli", "brotlicffi", "h2", "socksio", "zstandard"]),
    ("huggingface-hub", &["hf-transfer", "hf-xet"]),
    ("mautrix", &["pycryptodome", "python-olm", "unpaddedbase64"]),
    // the kernel that it starts where nobody chooses another
    ("nbclient", &["ipykernel"]),
    ("networkx", &["matplotlib", "numpy", "pandas", "pydot", "pygraphviz", "scipy"]),
    ("pandas", &["bottleneck", "numba", "numexpr"]),
    ("peewee", &["mysqlclient", "psycopg2", "psycopg2-binary", "pymysql"]),
    ("papermill", &["ipykernel"]),
    ("peft", &["bitsandbytes"]),
    ("pyrogram", &["tgcrypto", "uvloop"]),
    ("python-engineio", SOCKET_IO),
    ("python-socketio", SOCKET_IO),
    ("requests", &["brotli", "brotlicffi", "simplejson", "zstandard"]),
    ("sqlalchemy", DIALECTS),
    ("speechrecognition", &["pyaudio"]),
    ("streamlit", &["watchdog"]),
    ("telethon", &["cryptg", "pillow", "pysocks", "python-socks"]),
    ("torch", &["triton", "triton-windows"]),
    (
        "transformers",
        &[
            "accelerate",
            "aqlm",
            "auto-gptq",
            "autoawq",
            "bitsandbytes",
            "causal-conv1d",
            "compressed-tensors",
            "deepspeed",
            "eetq",
            "flash-attn",
            "flash-linear-attention",
            "galore-torch",
            "gptqmodel",
            "hf-transfer",
            "hf-xet",
            "hqq",
            "kernels",
            "liger-kernel",
            "optimum",
            "optimum-quanto",
            "protobuf",
            "sacremoses",
            "sentencepiece",
            "tiktoken",
            "timm",
            "torchao",
            "torchcodec",
        ],
    ),
    ("urllib3", &["brotli", "brotlicffi", "zstandard"]),
    ("websockets", &["python-socks"]),
];

/// Loaded by entry point for the scheme of an address that the user gives.
const DIALECTS: &[&str] = &[
    "clickhouse-sqlalchemy",
    "databricks-sqlalchemy",
    "duckdb-engine",
    "elasticsearch-dbapi",
    "ibm-db-sa",
    "kylinpy",
    "pyathena",
    "pybigquery",
    "pydruid",
    "snowflake-sqlalchemy",
    "sqlalchemy-bigquery",
    "sqlalchemy-cockroachdb",
    "sqlalchemy-dremio",
    "sqlalchemy-drill",
    "sqlalchemy-hana",
    "sqlalchemy-redshift",
    "teradatasqlalchemy",
];
/// Connections and filters.
const ANSIBLE: &[&str] =
    &["jmespath", "ncclient", "netaddr", "paramiko", "passlib", "pypsrp", "pywinrm", "requests-credssp"];
const DJANGO_Q: &[&str] = &["blessed", "boto3", "croniter", "psutil", "pymongo", "redis", "setproctitle"];
/// The server that it runs under, and the queue between several.
const SOCKET_IO: &[&str] = &["aiohttp", "eventlet", "gevent", "gevent-websocket", "kombu", "redis", "uvicorn"];
const DISCORD: &[&str] = &["aiodns", "brotli", "orjson", "pynacl"];

/// What loads the libraries of CUDA that are installed as packages. torch is not of them: it asks for its own by requirement.
const CUDA_USERS: &[&str] = &[
    "ctranslate2",
    "cupy-cuda11x",
    "cupy-cuda12x",
    "faster-whisper",
    "jax",
    "llama-cpp-python",
    "onnxruntime-gpu",
    "paddlepaddle-gpu",
    "tensorflow",
    "whisperx",
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
    let is_cuda = package.starts_with("nvidia-")
        && package.rsplit_once("-cu").is_some_and(|(_, version)| is_cuda_version(version));
    let cuda_users = if is_cuda { CUDA_USERS } else { &[] };
    let hosts = PROBED.iter().filter(move |(_, packages)| packages.contains(&package)).map(|(host, _)| *host);
    hosts.chain(cuda_users.iter().copied())
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
