//! The command line: one file per subcommand.
use std::process::ExitCode;

/// Parses the arguments, runs the subcommand and answers its exit code.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
