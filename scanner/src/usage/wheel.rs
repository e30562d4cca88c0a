//! A wheel's contents from the end of its zip: import names, entry points, requirements, without its code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::str::FromStr;

use advisories::PackageName;
use pep508_rs::{ExtraName, Requirement, VerbatimUrl};

use super::modules::{Distribution, Knowledge};

/// Bytes of a wheel that are asked for first; most central directories are smaller.
pub const SUFFIX: u64 = 64 << 10;
/// No member that is inflated here is larger in any wheel that was not made to hurt.
const LARGEST_MEMBER: u64 = 4 << 20;

/// Why a wheel's directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// The zip breaks its own format.
    #[error("not a readable zip: {0}")]
    Malformed(&'static str),
    /// More of the file's end is needed: the first byte wanted.
    #[error("the central directory begins at byte {0}")]
    NeedsFrom(u64),
}

/// A member of the central directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path inside the wheel.
    pub name: String,
    /// 0 stored, 8 deflated.
    method: u16,
    compressed: u64,
    inflated: u64,
    /// Offset of the local header.
    pub offset: u64,
}

impl Member {
    /// The bytes of the file that surely hold the member with its local header.
    #[must_use]
    pub fn span(&self) -> std::ops::Range<u64> {
        // the local header's extra field may be longer than the central one
        self.offset..self.offset + 30 + self.name.len() as u64 + 1_024 + self.compressed
    }
}

fn number(bytes: &[u8], at: usize, width: usize) -> Result<u64, WheelError> {
    let field = bytes.get(at..at + width).ok_or(WheelError::Malformed("ends inside a header"))?;
    Ok(field.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}

/// Reads the central directory out of the last bytes of a file of `length` bytes.
///
/// # Errors
/// [`WheelError::NeedsFrom`] when `tail` begins too late, else what is wrong with the zip.
pub fn central_directory(tail: &[u8], length: u64) -> Result<Vec<Member>, WheelError> {
    let begins = length.saturating_sub(tail.len() as u64);
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06").ok_or(WheelError::Malformed("no end of central directory"))?;
    let (size, start) = (number(tail, end + 12, 4)?, number(tail, end + 16, 4)?);
    if start == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
        return Err(WheelError::Malformed("zip64"));
    }
    if start < begins {
        return Err(WheelError::NeedsFrom(start));
    }
    let mut at = usize::try_from(start - begins).map_err(|_| WheelError::Malformed("offset"))?;
    let mut members = Vec::new();
    while tail.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (name, extra, comment) = (number(tail, at + 28, 2)?, number(tail, at + 30, 2)?, number(tail, at + 32, 2)?);
        let name_end = at + 46 + usize::try_from(name).unwrap_or(usize::MAX);
        let text = tail.get(at + 46..name_end).ok_or(WheelError::Malformed("ends inside a name"))?;
        members.push(Member {
            name: String::from_utf8_lossy(text).into_owned(),
            method: u16::try_from(number(tail, at + 10, 2)?).unwrap_or(u16::MAX),
            compressed: number(tail, at + 20, 4)?,
            inflated: number(tail, at + 24, 4)?,
            offset: number(tail, at + 42, 4)?,
        });
        at = name_end + usize::try_from(extra + comment).unwrap_or(0);
    }
    Ok(members)
}

/// Inflates one member out of bytes of the wheel that begin at `begins`.
///
/// # Errors
/// When the bytes do not hold it, or it is no stored or deflated member of bounded size.
pub fn member_text(member: &Member, bytes: &[u8], begins: u64) -> Result<String, WheelError> {
    let at = member.offset.checked_sub(begins).ok_or(WheelError::NeedsFrom(member.offset))?;
    let at = usize::try_from(at).map_err(|_| WheelError::Malformed("offset"))?;
    let skip = number(bytes, at + 26, 2)? + number(bytes, at + 28, 2)?;
    let data = at + 30 + usize::try_from(skip).unwrap_or(usize::MAX);
    let end = data + usize::try_from(member.compressed).map_err(|_| WheelError::Malformed("size"))?;
    let data = bytes.get(data..end).ok_or(WheelError::Malformed("ends inside a member"))?;
    if member.inflated > LARGEST_MEMBER {
        return Err(WheelError::Malformed("member too large"));
    }
    let mut text = Vec::new();
    match member.method {
        0 => text.extend_from_slice(data),
        8 => {
            let reader = flate2::read::DeflateDecoder::new(data).take(LARGEST_MEMBER);
            std::io::BufReader::new(reader).read_to_end(&mut text).map_err(|_| WheelError::Malformed("deflate"))?;
        }
        _ => return Err(WheelError::Malformed("compression method")),
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Packages that many distributions share although one of them may ship an `__init__.py` for it (pkgutil and pkg_resources namespaces).
const SHARED: &[&str] = &[
    "google",
    "google.cloud",
    "azure",
    "azure.mgmt",
    "zope",
    "ruamel",
    "backports",
    "jaraco",
    "sphinxcontrib",
    "oslo",
    "repoze",
    "plone",
    "flufl",
    "paste",
    "logilab",
    "mpl_toolkits",
    "opentelemetry",
    "airflow.providers",
];
const BESIDE: &[&str] =
    &["tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts", "testing", "samples"];

/// The import names of a wheel by its members' paths.
#[must_use]
pub fn modules<'a>(members: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut files = Vec::new();
    for path in members {
        let path = match path.split_once(".data/") {
            Some((_, rest)) => match rest.split_once('/') {
                Some(("purelib" | "platlib", rest)) => rest,
                _ => continue,
            },
            None => path,
        };
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.split('.').next().unwrap_or_default();
        let code = [".py", ".pyi", ".so", ".pyd"].iter().any(|end| file.ends_with(end));
        let importable =
            directory.split('/').all(|part| part.is_empty() || super::imports::is_dotted(part) && !part.contains('.'));
        if !code || !importable || stem.is_empty() || directory.contains(".dist-info") {
            continue;
        }
        let directory = directory.replace('/', ".");
        if stem == "__init__" {
            packages.insert(directory);
        } else if super::imports::is_dotted(stem) {
            files.push((directory, stem.to_owned()));
        }
    }
    let shared = |package: &str| SHARED.contains(&package);
    let outermost = |directory: &str| {
        let ends = directory.match_indices('.').map(|(at, _)| at).chain([directory.len()]);
        ends.map(|end| &directory[..end]).find(|part| packages.contains(*part) && !shared(part)).map(str::to_owned)
    };
    for package in packages.iter().filter(|package| !package.is_empty() && !shared(package)) {
        found.extend(outermost(package));
    }
    for (directory, stem) in files {
        if directory.is_empty() {
            found.insert(stem);
        } else if let Some(outer) = outermost(&directory) {
            found.insert(outer);
        } else if shared(&directory) {
            found.insert(format!("{directory}.{stem}"));
        } else {
            found.insert(directory);
        }
    }
    let own = |module: &String| !BESIDE.contains(&module.as_str());
    if found.iter().any(own) {
        found.retain(own);
    }
    let kept: Vec<String> = found.iter().cloned().collect();
    found.retain(|module| {
        !kept.iter().any(|other| module.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.')))
    });
    found.into_iter().collect()
}

/// Console scripts and the other groups of an `entry_points.txt`.
#[must_use]
pub fn entry_points(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut commands, mut groups, mut group) = (Vec::new(), Vec::new(), "");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = header.trim();
            if !matches!(group, "console_scripts" | "gui_scripts") {
                groups.push(group.replace(' ', "_"));
            }
        } else if matches!(group, "console_scripts" | "gui_scripts")
            && let Some((name, _)) = line.split_once('=')
        {
            commands.push(name.trim().replace(' ', "_"));
        }
    }
    (commands, groups)
}

/// `Requires-Dist` of a METADATA: what is always needed (on some platform), and what extras bring.
#[must_use]
pub fn requirements(metadata: &str) -> (Vec<PackageName>, BTreeMap<String, Vec<PackageName>>) {
    let (mut always, mut extras): (BTreeSet<PackageName>, BTreeMap<String, Vec<PackageName>>) = Default::default();
    let header = metadata.split("\n\n").next().unwrap_or_default();
    let mut provided: Vec<ExtraName> = Vec::new();
    for line in header.lines() {
        if let Some(extra) = line.strip_prefix("Provides-Extra:") {
            provided.extend(ExtraName::from_str(extra.trim()));
        }
    }
    for line in header.lines().filter_map(|line| line.strip_prefix("Requires-Dist:")) {
        let Ok(requirement) = Requirement::<VerbatimUrl>::from_str(line.trim()) else { continue };
        let Ok(name) = PackageName::new(requirement.name.as_ref()) else { continue };
        if !line.contains("extra") {
            always.insert(name);
            continue;
        }
        for extra in &provided {
            let quoted = [format!("\"{extra}\""), format!("'{extra}'")];
            if quoted.iter().any(|quoted| line.replace('_', "-").to_lowercase().contains(quoted.as_str())) {
                let of_extra = extras.entry(extra.to_string()).or_default();
                if !of_extra.contains(&name) {
                    of_extra.push(name.clone());
                }
            }
        }
    }
    (always.into_iter().collect(), extras)
}

/// Puts a distribution together from its parts.
#[must_use]
pub fn distribution(members: &[Member], entry_points_text: &str, metadata: &str) -> Distribution {
    let (commands, groups) = entry_points(entry_points_text);
    let (requires, extras) = requirements(metadata);
    let modules = modules(members.iter().map(|member| member.name.as_str()));
    Distribution { modules, commands, entry_points: groups, requires, extras, knowledge: Knowledge::Wheel }
}
