//! How a command ends.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing violates the policy.
    Clean = 0,
    /// The policy is violated.
    PolicyViolated = 1,
    /// Wrong arguments or configuration.
    Usage = 2,
    /// Something could not be looked at.
    Incomplete = 3,
    /// A server or an identity provider did not answer.
    Unreachable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do what it was asked: the sentence for the user, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Wrong arguments or configuration (exit 2).
    pub fn usage(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// The thing to look at cannot be looked at (exit 3).
    pub fn incomplete(message: impl Display) -> Self {
        Self { exit: Exit::Incomplete, message: message.to_string() }
    }

    /// A server or an identity provider did not answer (exit 4).
    pub fn unreachable(message: impl Display) -> Self {
        Self { exit: Exit::Unreachable, message: message.to_string() }
    }

    /// Whether it is about a server that did not answer.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.exit == Exit::Unreachable
    }

    /// Writes the sentence to stderr and answers the exit code.
    pub fn report(self) -> ExitCode {
        use std::io::Write as _;
        // a closed stderr leaves only the exit code to speak
        drop(writeln!(anstream::stderr(), "secretarybird: {}", self.message));
        self.exit.into()
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

/// Writes a command's answer to stdout; a reader that went away (`| head`) is no failure.
///
/// # Errors
/// When stdout cannot be written for another reason, such as a full disk behind a redirection.
pub fn answer(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// A line on stderr for who watches a terminal.
pub fn progress(line: &str) {
    use std::io::{IsTerminal as _, Write as _};
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // nobody is hurt when a progress line is lost
        drop(writeln!(out, "{line}"));
    }
}
