//! A TOML table that says where a package is taken from: uv, Poetry and pixi write git, path and url alike.

use advisories::Version;
use toml::de::DeTable;

use super::origin;
use super::package::Source;
use super::toml_file;

/// The place, and the version that an archive's name tells; `None` for a table that names none of them. `in_place` is the key that says that
/// a source tree is installed where it stands.
pub(super) fn place(table: &DeTable<'_>, in_place: &str) -> Option<(Source, Option<Version>)> {
    let text = |key: &str| toml_file::text(table, key).map(str::to_owned);
    if let Some(url) = text("git") {
        let reference = ["rev", "tag", "branch"].into_iter().find_map(text);
        let commit = reference.clone().filter(|text| origin::is_commit(text));
        let subdirectory = text("subdirectory");
        return Some((Source::Git { url: origin::without_credentials(&url), reference, commit, subdirectory }, None));
    }
    if let Some(path) = text("path").or_else(|| text("file")) {
        let is_in_place = table.get(in_place).and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
        let version = origin::read_file_name(&path).map(|(_, version)| version);
        return Some((if is_in_place { Source::Editable { path } } else { origin::path_source(&path) }, version));
    }
    let origin = origin::read(&text("url")?);
    Some((origin.source, origin.version))
}
