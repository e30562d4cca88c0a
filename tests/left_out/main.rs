//! Says which tests a plain `cargo test` leaves out, and how to get them: those whose `required-features` ask for more than the Rust
//! toolchain. Read from the manifest itself, so that the list cannot grow old.

use std::process::ExitCode;

const MANIFEST: &str = include_str!("../../scanner/Cargo.toml");

fn main() -> ExitCode {
    let manifest: toml::Table = match MANIFEST.parse() {
        Ok(manifest) => manifest,
        Err(error) => return failed(&error.to_string()),
    };
    let tests = manifest.get("test").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = tests
        .iter()
        .filter(|test| test.get("required-features").is_some())
        .filter_map(|test| test.get("name")?.as_str())
        .collect();
    if names.is_empty() {
        return failed("no test asks for more than the toolchain; this list is no longer needed");
    }
    say(&if cfg!(feature = "real-parts") {
        format!("\nnothing is left out: {} run too\n", names.join(", "))
    } else {
        format!(
            "\nleft out, for they need a Python environment and uv: {}; `tests/run` installs both and runs all\n",
            names.join(", ")
        )
    });
    ExitCode::SUCCESS
}

fn failed(reason: &str) -> ExitCode {
    say(&format!("left_out: {reason}\n"));
    ExitCode::FAILURE
}

fn say(text: &str) {
    use std::io::Write as _;
    // a closed stdout leaves nobody to tell
    drop(std::io::stdout().write_all(text.as_bytes()));
}
