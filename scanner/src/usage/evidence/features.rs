//! Features of a library that work only when another package is installed.

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
];

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
    ("RS256", &["cryptography"]),
    ("ES256", &["cryptography"]),
    ("RS512", &["cryptography"]),
];

/// Packages of which one is needed because the code refers to `name`.
#[must_use]
pub fn of_reference(name: &str) -> &'static [&'static str] {
    REFERENCES.iter().find(|(reference, _)| *reference == name).map_or(&[], |(_, packages)| packages)
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
    LITERALS.iter().find(|(literal, _)| *literal == text).map_or(&[], |(_, packages)| packages)
}
