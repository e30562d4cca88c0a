//! What keeps an error of this program's own in one file from taking the rest of the scan with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// This program failed on one piece of its input. What the failure says is no part of it, for that may quote what was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("was not looked at: this program has an error of its own, please report it")]
pub struct OwnError;

/// Does some work on one file. What the work leaves half done must be of that file alone.
///
/// # Errors
/// [`OwnError`] when it panics.
pub fn isolated<T>(work: impl FnOnce() -> T) -> Result<T, OwnError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| OwnError)
}

#[cfg(test)]
mod tests {
    use crate::inventory;
    use crate::repository::{Entry, MemorySnapshot, ReadError, Snapshot};
    use crate::secrets::{Engine, FingerprintKey, Looking, RuleSet, scan_snapshot};
    use crate::usage::{WellKnown, judge};

    /// A snapshot in which whoever reads the files called `bad` meets an error of the program.
    struct Bad(MemorySnapshot);

    impl Snapshot for Bad {
        fn entries(&self) -> &[Entry] {
            self.0.entries()
        }

        fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
            assert!(!path.contains("bad"), "an error of the program");
            self.0.read(path)
        }
    }

    #[test]
    fn an_error_of_the_program_costs_one_file() {
        let token = format!("token = \"ghp_{}\"\n", "1a2B".repeat(9));
        let snapshot = Bad(MemorySnapshot::new([
            ("a.py", "import yaml\n"),
            ("bad.py", "import requests\n"),
            ("bad/requirements.txt", "flask==1.0\n"),
            ("requirements.txt", "pyyaml==6.0\nrequests==2.0\n"),
            ("z.ini", token.as_str()),
        ]));
        let gaps = |diagnostics: &[crate::Diagnostic]| -> Vec<String> {
            let own = diagnostics.iter().filter(|said| said.gap && said.reason.contains("error of its own"));
            own.filter_map(|said| said.path.clone()).collect()
        };
        let read = inventory::read(&snapshot);
        assert_eq!(gaps(&read.diagnostics), ["bad.py", "bad/requirements.txt"]);
        assert_eq!(read.manifests.len(), 1);

        let usage = judge(&snapshot, &read, &WellKnown);
        assert_eq!(gaps(&usage.diagnostics), ["bad.py"]);
        assert!(usage.imported_at.keys().any(|package| package.as_str() == "pyyaml"));

        let rules = RuleSet::builtin().unwrap();
        let (engine, key) = (Engine::new(&rules), FingerprintKey::new([0; 32]));
        let looking = Looking { engine: &engine, key: &key, repository: "r", provider: None };
        let found = scan_snapshot(&snapshot, &looking);
        assert_eq!(gaps(&found.diagnostics), ["bad.py", "bad/requirements.txt"]);
        assert_eq!(found.blobs, 3);
    }
}
