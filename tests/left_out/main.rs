//! Says which tests a plain `cargo test` leaves out, and how to get them: those whose `required-features` ask for more than the Rust
//! toolchain. Read from the manifests themselves, so that the list cannot grow old.

use std::process::ExitCode;

const MANIFESTS: [&str; 2] = [include_str!("../../scanner/Cargo.toml"), include_str!("../../api/Cargo.toml")];

fn main() -> ExitCode {
    let mut names = Vec::new();
    for manifest in MANIFESTS {
        let manifest: toml::Table = match manifest.parse() {
            Ok(manifest) => manifest,
            Err(error) => return failed(&error.to_string()),
        };
        let tests = manifest.get("test").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
        let more = tests.iter().filter(|test| test.get("required-features").is_some());
        names.extend(more.filter_map(|test| test.get("name")?.as_str().map(str::to_owned)));
    }
    if names.is_empty() {
        return failed("no test asks for more than the toolchain; this list is no longer needed");
    }
    say(&if cfg!(feature = "real-parts") {
        format!("\nnothing is left out: {} run too\n", names.join(", "))
    } else {
        format!(
            "\nleft out, for they need a Python environment and Debian packages: {}; `tests/run` installs them and runs all\n",
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
