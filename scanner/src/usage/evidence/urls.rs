//! Which driver a database, cache or broker URL needs.

use std::sync::LazyLock;

use regex::Regex;

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(postgres|postgresql|postgis|mysql|mariadb|mssql|oracle|sqlite|cockroachdb|redshift|snowflake|clickhouse|duckdb|redis|rediss|mongodb|amqp|amqps|socks5h?|s3|gs|gcs|abfs|memcached|asyncpg|bigquery|trino|kafka|nats|sqla|db)(?:\+([a-z0-9_]+))?(?:://|\b)").ok()
});

/// Scheme → packages of which the default driver is one. SQLAlchemy, dj-database-url, kombu, fsspec.
const SCHEMES: &[(&str, &[&str])] = &[
    ("postgres", &["psycopg2", "psycopg2-binary", "psycopg"]),
    ("postgresql", &["psycopg2", "psycopg2-binary", "psycopg"]),
    ("postgis", &["psycopg2", "psycopg2-binary", "psycopg"]),
    ("cockroachdb", &["sqlalchemy-cockroachdb", "psycopg2", "psycopg2-binary", "psycopg"]),
    ("redshift", &["sqlalchemy-redshift", "redshift-connector", "psycopg2-binary", "psycopg2"]),
    ("mysql", &["mysqlclient"]),
    ("mariadb", &["mysqlclient", "mariadb"]),
    ("mssql", &["pyodbc"]),
    ("oracle", &["oracledb", "cx-oracle"]),
    ("snowflake", &["snowflake-sqlalchemy"]),
    ("clickhouse", &["clickhouse-sqlalchemy", "clickhouse-driver", "clickhouse-connect"]),
    ("duckdb", &["duckdb-engine"]),
    ("bigquery", &["sqlalchemy-bigquery"]),
    ("trino", &["trino"]),
    ("redis", &["redis"]),
    ("rediss", &["redis"]),
    ("mongodb", &["pymongo"]),
    ("amqp", &["amqp", "kombu"]),
    ("amqps", &["amqp", "kombu"]),
    ("socks5", &["pysocks", "python-socks", "socksio", "httpx-socks", "aiohttp-socks"]),
    ("socks5h", &["pysocks", "python-socks", "socksio", "httpx-socks", "aiohttp-socks"]),
    ("s3", &["s3fs"]),
    ("gs", &["gcsfs"]),
    ("gcs", &["gcsfs"]),
    ("abfs", &["adlfs"]),
];

/// `+driver` of a URL → packages.
const DRIVERS: &[(&str, &[&str])] = &[
    ("psycopg2", &["psycopg2", "psycopg2-binary"]),
    ("psycopg", &["psycopg", "psycopg-binary"]),
    ("psycopg_async", &["psycopg", "psycopg-binary"]),
    ("psycopg2cffi", &["psycopg2cffi"]),
    ("asyncpg", &["asyncpg"]),
    ("pg8000", &["pg8000"]),
    ("mysqldb", &["mysqlclient"]),
    ("pymysql", &["pymysql"]),
    ("aiomysql", &["aiomysql"]),
    ("asyncmy", &["asyncmy"]),
    ("mysqlconnector", &["mysql-connector-python"]),
    ("mariadbconnector", &["mariadb"]),
    ("pyodbc", &["pyodbc"]),
    ("aioodbc", &["aioodbc"]),
    ("pymssql", &["pymssql"]),
    ("oracledb", &["oracledb"]),
    ("cx_oracle", &["cx-oracle"]),
    ("aiosqlite", &["aiosqlite"]),
    ("pysqlcipher", &["sqlcipher3", "pysqlcipher3"]),
    ("srv", &["pymongo", "dnspython"]),
    ("asynch", &["asynch"]),
    ("native", &["clickhouse-driver"]),
];

/// True for a package that some address of a database, cache or broker chooses.
#[must_use]
pub fn is_driver(package: &str) -> bool {
    SCHEMES.iter().chain(DRIVERS).any(|(_, packages)| packages.contains(&package))
}

/// Packages that the URLs in a text need, each with the 1-based line. A scheme alone counts only before `://`, a `scheme+driver` anywhere.
#[must_use]
pub fn drivers(text: &str) -> Vec<(&'static str, u32)> {
    let Some(url) = URL.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    let mut read_to = 0;
    let mut line = 1u32;
    for capture in url.captures_iter(text) {
        let Some(whole) = capture.get(0) else { continue };
        line +=
            u32::try_from(memchr::memchr_iter(b'\n', &text.as_bytes()[read_to..whole.start()]).count()).unwrap_or(0);
        read_to = whole.start();
        // celery and kombu: a broker or result store over SQLAlchemy, whatever its database
        if matches!(capture.get(1).map(|scheme| scheme.as_str()), Some("sqla" | "db")) && capture.get(2).is_some() {
            found.push(("sqlalchemy", line));
        }
        let packages = match (capture.get(2), capture.get(1)) {
            (Some(driver), _) => DRIVERS.iter().find(|(name, _)| *name == driver.as_str()),
            (None, Some(scheme)) if whole.as_str().ends_with("://") => {
                SCHEMES.iter().find(|(name, _)| *name == scheme.as_str())
            }
            _ => None,
        };
        found.extend(packages.into_iter().flat_map(|(_, packages)| packages.iter().map(|package| (*package, line))));
    }
    found
}
