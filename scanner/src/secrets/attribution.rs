//! Who brought a blob, where and when: commits are walked once, oldest first, and each tree is compared with its parents'.

use std::collections::{HashMap, HashSet};

use git2::{ErrorCode, ObjectType, Oid, Repository, Sort, Tree};
use serde::{Deserialize, Serialize};

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::RepositoryError;

/// Directories nest at most so deep.
pub(super) const DEEPEST: usize = 512;

/// What is to be found in the trees.
pub(super) enum Wanted<'a> {
    /// Every blob that a commit brings.
    Everything,
    /// These blobs, and entries with these names.
    These { blobs: &'a HashSet<Oid>, names: &'a HashSet<Vec<u8>> },
}

/// A commit, as far as a person asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommitFacts {
    #[serde(with = "hexadecimal")]
    pub id: Oid,
    /// `Name <address>`
    pub author: String,
    /// RFC 3339
    pub time: String,
    /// When it was committed, in seconds, but later than its parents (as git's commit-graph corrects dates): by this, occurrences are
    /// told from the oldest to the newest. It depends on nothing but the commit's own history.
    pub order: i64,
}

/// An object's name in a record.
mod hexadecimal {
    use git2::Oid;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(id: &Oid, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Oid, D::Error> {
        Oid::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A blob that a commit put at a path where no parent had it.
#[derive(Debug, Clone)]
pub(super) struct Introduction {
    pub blob: Oid,
    pub path: String,
    /// Index into [`Attribution::commits`].
    pub commit: usize,
}

/// The walk's result.
#[derive(Default)]
pub(super) struct Attribution {
    /// Every commit walked, oldest first.
    pub commits: Vec<CommitFacts>,
    /// Those of them that no ref reaches any more.
    pub left: HashSet<Oid>,
    /// Oldest first.
    pub introductions: Vec<Introduction>,
    /// What could not be walked.
    pub diagnostics: Vec<Diagnostic>,
    /// The orders of commits: of all that were walked, or of the tips alone.
    pub orders: HashMap<Oid, i64>,
}

/// Walks what `tips` reach and `hidden` do not. `orders` are those of commits that are known from before. Told to stop, it ends early: whoever
/// said so does not want the result.
pub(super) fn attribute(
    repository: &Repository,
    tips: &[Oid],
    hidden: &[Oid],
    wanted: &Wanted<'_>,
    orders: &HashMap<Oid, i64>,
    stop: Stop<'_>,
) -> Result<Attribution, git2::Error> {
    let mut attribution = Attribution::default();
    walk_into(&mut attribution, repository, tips, hidden, (wanted, stop), orders)?;
    Ok(attribution)
}

/// Walks on through the commits that no ref reaches any more: what a force-push or a deleted branch left in the object database.
pub(super) fn attribute_leftovers(
    attribution: &mut Attribution,
    repository: &Repository,
    reached: &[Oid],
    wanted: &Wanted<'_>,
    stop: Stop<'_>,
) -> Result<(), git2::Error> {
    let odb = repository.odb()?;
    let mut all = Vec::new();
    odb.foreach(|id| {
        all.push(*id);
        !stop.is_asked()
    })?;
    // what cannot be read at all was said by whoever read everything
    let is_commit = |id: &Oid| odb.read_header(*id).is_ok_and(|(_, kind)| kind == ObjectType::Commit);
    let mut tips: Vec<Oid> = all.into_iter().filter(is_commit).collect();
    tips.sort();
    let before = attribution.commits.len();
    walk_into(attribution, repository, &tips, reached, (wanted, stop), &HashMap::new())?;
    attribution.left.extend(attribution.commits[before..].iter().map(|commit| commit.id));
    Ok(())
}

fn walk_into(
    attribution: &mut Attribution,
    repository: &Repository,
    tips: &[Oid],
    hidden: &[Oid],
    (wanted, stop): (&Wanted<'_>, Stop<'_>),
    orders: &HashMap<Oid, i64>,
) -> Result<(), git2::Error> {
    let mut walk = repository.revwalk()?;
    // Parents before children; among equals the older first.
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME | Sort::REVERSE)?;
    for tip in tips {
        walk.push(*tip)?;
    }
    for hidden in hidden {
        walk.hide(*hidden)?;
    }
    let mut walking = Walking { repository, wanted, orders, attribution };
    for id in walk.take_while(|_| !stop.is_asked()) {
        let outcome = id.and_then(|id| walking.commit(id));
        if let Err(error) = outcome {
            walking.gap(format!("a commit cannot be read: {}", error.message()));
        }
    }
    Ok(())
}

struct Walking<'a> {
    repository: &'a Repository,
    wanted: &'a Wanted<'a>,
    orders: &'a HashMap<Oid, i64>,
    attribution: &'a mut Attribution,
}

impl<'a> Walking<'a> {
    fn commit(&mut self, id: Oid) -> Result<(), git2::Error> {
        let commit = self.repository.find_commit(id)?;
        let mut order = commit.time().seconds();
        let mut parents = Vec::new();
        for parent in commit.parent_ids() {
            match self.repository.find_commit(parent) {
                Ok(parent) => {
                    let known = self.attribution.orders.get(&parent.id()).or_else(|| self.orders.get(&parent.id()));
                    order = order.max(known.copied().unwrap_or(parent.time().seconds()).saturating_add(1));
                    parents.push(parent.tree_id());
                }
                // the edge of a shallow clone
                Err(error) if error.code() == ErrorCode::NotFound && self.repository.is_shallow() => {}
                Err(error) => return Err(error),
            }
        }
        self.attribution.orders.insert(id, order);
        self.attribution.commits.push(facts(&commit, order));
        if !parents.contains(&commit.tree_id()) {
            self.tree(String::new(), commit.tree_id(), &parents, 0);
        }
        Ok(())
    }

    /// Entries of the tree that no parent has at the same place.
    fn tree(&mut self, folder: String, tree: Oid, parents: &[Oid], depth: usize) {
        if depth > DEEPEST {
            self.gap(format!("the directory `{folder}` nests too deep"));
            return;
        }
        let read = |id: &Oid| self.repository.find_tree(*id);
        let loaded =
            read(&tree).and_then(|tree| Ok((tree, parents.iter().map(read).collect::<Result<Vec<Tree<'a>>, _>>()?)));
        let (tree, parents) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return self.gap(format!("the directory `{folder}` cannot be compared: {}", error.message())),
        };
        for entry in &tree {
            let before: Vec<_> =
                parents.iter().filter_map(|parent| parent.get_name_bytes(entry.name_bytes())).collect();
            if before.iter().any(|before| before.id() == entry.id()) {
                continue;
            }
            let is_tree = entry.kind() == Some(ObjectType::Tree);
            let is_wanted = match self.wanted {
                Wanted::Everything => entry.kind() == Some(ObjectType::Blob),
                Wanted::These { blobs, names } => {
                    !is_tree && blobs.contains(&entry.id()) || before.is_empty() && names.contains(entry.name_bytes())
                }
            };
            if !is_wanted && !is_tree {
                continue;
            }
            let name = String::from_utf8_lossy(entry.name_bytes());
            let path = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
            if is_wanted {
                let commit = self.attribution.commits.len() - 1;
                self.attribution.introductions.push(Introduction { blob: entry.id(), path: path.clone(), commit });
            }
            if is_tree {
                let below: Vec<Oid> = before
                    .iter()
                    .filter(|before| before.kind() == Some(ObjectType::Tree))
                    .map(git2::TreeEntry::id)
                    .collect();
                self.tree(path, entry.id(), &below, depth + 1);
            }
        }
    }

    fn gap(&mut self, reason: String) {
        self.attribution.diagnostics.push(Diagnostic::gap(Stage::Secrets, None, reason));
    }
}

pub(super) fn facts(commit: &git2::Commit<'_>, order: i64) -> CommitFacts {
    let author = commit.author();
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let time = jiff::Timestamp::from_second(author.when().seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    CommitFacts {
        id: commit.id(),
        author: format!("{} <{}>", words(author.name_bytes()), words(author.email_bytes())),
        time: time.to_string(),
        order,
    }
}

/// A ref.
pub(super) struct Ref {
    /// In full.
    pub name: String,
    /// The object that it names itself, which may be an annotated tag.
    pub target: Option<Oid>,
    /// The commit it leads to; `None` where it leads to a tree or a blob, as some tags do.
    pub commit: Option<Oid>,
}

/// Every ref.
pub(super) struct Refs {
    pub all: Vec<Ref>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Refs {
    /// `commits` are known to be that: they are not read to find it out.
    ///
    /// # Errors
    /// When the refs cannot be listed at all.
    pub(super) fn of(repository: &Repository, commits: HashSet<Oid>) -> Result<Self, RepositoryError> {
        let listing = repository.references().map_err(|error| RepositoryError::Git {
            doing: "cannot list the refs".to_owned(),
            reason: error.message().to_owned(),
        })?;
        let mut refs = Self { all: Vec::new(), diagnostics: Vec::new() };
        let mut leads: HashMap<Oid, Option<Oid>> = commits.into_iter().map(|id| (id, Some(id))).collect();
        for reference in listing {
            match reference {
                Ok(reference) => {
                    let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
                    let target = reference.target().or_else(|| reference.resolve().ok()?.target());
                    let commit = target.and_then(|target| {
                        let peel = || repository.find_object(target, None).and_then(|object| object.peel_to_commit());
                        *leads.entry(target).or_insert_with(|| peel().ok().map(|commit| commit.id()))
                    });
                    refs.all.push(Ref { name, target, commit });
                }
                Err(error) => {
                    let reason = format!("a ref cannot be read: {}", error.message());
                    refs.diagnostics.push(Diagnostic::gap(Stage::Repository, None, reason));
                }
            }
        }
        refs.add_older_stashes(repository);
        // a detached HEAD stands on no branch
        if let Some(head) = repository.head().ok().and_then(|head| head.peel_to_commit().ok()) {
            refs.all.push(Ref { name: "HEAD".to_owned(), target: None, commit: Some(head.id()) });
        }
        Ok(refs)
    }

    /// `refs/stash` is the newest stash; the older ones are in its log alone.
    fn add_older_stashes(&mut self, repository: &Repository) {
        if repository.find_reference("refs/stash").is_err() {
            return;
        }
        let Ok(log) = repository.reflog("refs/stash") else { return };
        let stash = |entry: git2::ReflogEntry<'_>| Ref {
            name: "refs/stash".to_owned(),
            target: None,
            commit: Some(entry.id_new()),
        };
        self.all.extend(log.iter().map(stash));
    }

    pub(super) fn tips(&self) -> Vec<Oid> {
        let mut tips: Vec<Oid> = self.all.iter().filter_map(|one| one.commit).collect();
        tips.sort();
        tips.dedup();
        tips
    }
}

/// Index of each commit.
pub(super) fn by_id(commits: &[CommitFacts]) -> HashMap<Oid, usize> {
    commits.iter().enumerate().map(|(at, commit)| (commit.id, at)).collect()
}
