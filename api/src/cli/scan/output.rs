//! Where the report goes.

use std::path::Path;

use scanner::Report;
use scanner::export::{self, Format};

use crate::cli::exit::{Failure, answer};

/// Writes the report in the form asked for, to the file or to stdout. A file is replaced whole or not at all.
pub fn write(report: &Report, format: Format, file: Option<&Path>) -> Result<(), Failure> {
    let content = export::render(report, format);
    let content = content.map_err(|error| Failure::incomplete(format!("the report cannot be written: {error}")))?;
    let Some(path) = file else { return answer(&content) };
    let plain = anstream::adapter::strip_str(&content).to_string();
    replace(path, plain.as_bytes()).map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}
