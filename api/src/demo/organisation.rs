//! The sample organisation: three small git repositories with a history, made on the spot.
//!
//! Each pins a vulnerable package in another lock format; one declares a package nobody uses; one had a token committed and then
//! deleted. The token is made up at run time, so that no scanner finds one in our own source.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Signature, Time};

/// A sample repository on disk.
#[derive(Debug)]
pub struct Sample {
    /// Its name, as a forge would call it.
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// The newest commit.
    pub head: Oid,
    /// The commit before, as a push names it.
    pub before: Oid,
}

/// The organisation's name.
pub const ORGANISATION: &str = "sample-org";

/// A commit's message and the files it sets; `None` deletes.
type Commit<'a> = (&'a str, Vec<(&'a str, Option<String>)>);

/// Makes the repositories under `root`.
///
/// # Errors
/// When the disk or libgit2 fails.
pub fn create(root: &Path) -> Result<Vec<Sample>, git2::Error> {
    Ok(vec![shop(root)?, invoices(root)?, reports(root)?])
}

fn shop(root: &Path) -> Result<Sample, git2::Error> {
    let file = |content: &str| Some(content.to_owned());
    let history = [
        (
            "A web shop",
            vec![
                ("pyproject.toml", file(include_str!("organisation/shop-pyproject.toml"))),
                ("shop/__init__.py", file("")),
                ("shop/pages.py", file(include_str!("organisation/shop-pages.py.txt"))),
            ],
        ),
        ("Lock the dependencies", vec![("uv.lock", file(include_str!("organisation/shop-uv.lock.txt")))]),
    ];
    repository(root, "shop", &history)
}

fn invoices(root: &Path) -> Result<Sample, git2::Error> {
    let file = |content: &str| Some(content.to_owned());
    let history = [
        (
            "Invoices from YAML",
            vec![
                ("pyproject.toml", file(include_str!("organisation/invoices-pyproject.toml"))),
                ("poetry.lock", file(include_str!("organisation/invoices-poetry.lock.txt"))),
                ("invoices/__init__.py", file("")),
            ],
        ),
        (
            "Read them",
            vec![(
                "invoices/read.py",
                file(
                    "import yaml\n\n\ndef read(path):\n    with open(path) as file:\n        return yaml.safe_load(file)\n",
                ),
            )],
        ),
    ];
    repository(root, "invoices", &history)
}

fn reports(root: &Path) -> Result<Sample, git2::Error> {
    let file = |content: &str| Some(content.to_owned());
    let publish = format!(
        "import requests\n\nGITHUB_TOKEN = \"{}\"\n\n\ndef publish(report):\n    headers = {{\"Authorization\": f\"Bearer {{GITHUB_TOKEN}}\"}}\n    return requests.post(\"https://forge.example.org/reports\", json=report, headers=headers)\n",
        github_token()
    );
    let clean = "import os\n\nimport requests\n\n\ndef publish(report):\n    headers = {\"Authorization\": \"Bearer \" + os.environ[\"GITHUB_TOKEN\"]}\n    return requests.post(\"https://forge.example.org/reports\", json=report, headers=headers)\n";
    let history = [
        (
            "Publish reports",
            vec![
                ("requirements.txt", file("# what the report job needs\nrequests==2.19.1\nurllib3==1.23\n")),
                ("publish.py", Some(publish)),
            ],
        ),
        ("Take the token from the environment", vec![("publish.py", file(clean))]),
    ];
    repository(root, "reports", &history)
}

/// A token of GitHub's form with a right checksum (CRC-32 in base 62, six digits) that GitHub never issued.
fn github_token() -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |value: u32| char::from(DIGITS[(value % 62) as usize]);
    // a fixed stream of digits, so that the demo finds the same finding each time
    let mut state = 0x5ec2_e7a2_u32;
    let body: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        digit(state >> 16)
    })
    .take(30)
    .collect();
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut checksum = ['0'; 6];
    for place in checksum.iter_mut().rev() {
        *place = digit(rest);
        rest /= 62;
    }
    format!("{}_{body}{}", ["g", "h", "p"].concat(), checksum.iter().collect::<String>())
}

fn repository(root: &Path, name: &'static str, history: &[Commit<'_>]) -> Result<Sample, git2::Error> {
    let path = root.join(name);
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head("main");
    let repository = Repository::init_opts(&path, &options)?;
    let mut commits = Vec::new();
    let mut files = std::collections::BTreeMap::new();
    for (day, (message, changes)) in (0..).zip(history) {
        for (path, content) in changes {
            match content {
                Some(content) => files.insert((*path).to_owned(), content.clone()),
                None => files.remove(*path),
            };
        }
        commits.push(commit(&repository, day, message, &files, commits.last().copied())?);
    }
    match commits.as_slice() {
        [.., before, head] => Ok(Sample { name, path, head: *head, before: *before }),
        _ => Err(git2::Error::from_str("a sample repository needs two commits")),
    }
}

fn commit(
    repository: &Repository,
    day: i64,
    message: &str,
    files: &std::collections::BTreeMap<String, String>,
    parent: Option<Oid>,
) -> Result<Oid, git2::Error> {
    let mut index = git2::Index::new()?;
    for (path, content) in files {
        let id = repository.blob(content.as_bytes())?;
        index.add(&git2::IndexEntry {
            ctime: git2::IndexTime::new(0, 0),
            mtime: git2::IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        })?;
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let when = Time::new(1_767_600_000 + day * 86_400, 0);
    let author = Signature::new("Ada Sample", "ada@example.org", &when)?;
    let parents = parent.map(|id| repository.find_commit(id)).transpose()?;
    let parents: Vec<_> = parents.iter().collect();
    repository.commit(Some("refs/heads/main"), &author, &author, message, &tree, &parents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_organisation_each_time() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let heads = |root: &Path| create(root).unwrap().iter().map(|sample| sample.head).collect::<Vec<_>>();
        assert_eq!(heads(one.path()), heads(two.path()));
        assert_eq!(github_token().len(), 40);
    }
}
