//! A repository's objects and refs, ready to be read: a bare mirror in the cache, or a repository of this machine in place.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::{ErrorCode, FetchOptions, FetchPrune, Remote, Repository};

use super::settings::prepare;
use super::{Access, Origin, RemoteUrl, RepositoryError};

/// How far a fetch has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects the server sends.
    pub total_objects: u64,
    /// Of these, arrived.
    pub received_objects: u64,
    /// Of these, checked and indexed.
    pub indexed_objects: u64,
    /// Bytes over the wire.
    pub received_bytes: u64,
}

/// Called often during a fetch; `false` breaks it off.
pub type OnProgress<'a> = dyn FnMut(Progress) -> bool + 'a;

/// How long to wait for another process that updates the same mirror.
const LOCK_PATIENCE: Duration = Duration::from_secs(600);
/// Where a remote `HEAD` that stands on no branch is kept.
const DETACHED_HEAD: &str = "refs/secretarybird/HEAD";

/// A repository to read from.
#[derive(Debug, Clone)]
pub struct Mirror {
    git_dir: PathBuf,
    location: String,
    local: bool,
}

impl Mirror {
    /// Opens the repository at or above `path` where it stands. Nothing is copied and nothing is written.
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`] for a plain directory, [`RepositoryError::Sha256`], and what the disk says.
    pub fn open_local(path: &Path) -> Result<Self, RepositoryError> {
        prepare();
        let metadata = std::fs::metadata(path).map_err(RepositoryError::io("cannot open", path))?;
        let location = path.display().to_string();
        if !metadata.is_dir() {
            return Err(RepositoryError::NotARepository { path: path.to_owned() });
        }
        let repository = Repository::discover(path).map_err(|error| open_error(&location, path, &error))?;
        Ok(Self { git_dir: repository.path().to_owned(), location, local: true })
    }

    /// Clones or updates the mirror of `url` under `cache` and opens it. A clone that was broken off is taken up again with what
    /// had arrived whole; objects that the server forgets (after a force-push) are kept.
    ///
    /// # Errors
    /// What the server, the network or the disk said; the mirror stays as it was before.
    pub fn fetch(
        url: &RemoteUrl,
        cache: &Path,
        access: &Access,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<Self, RepositoryError> {
        prepare();
        std::fs::create_dir_all(cache).map_err(RepositoryError::io("cannot create", cache))?;
        let git_dir = cache.join(format!("{}.git", url.cache_key()));
        let _lock = lock(&cache.join(format!("{}.lock", url.cache_key())), on_progress)?;
        let repository = open_or_create(&git_dir)?;
        remove_leftover_packs(&git_dir)?;
        update(&repository, url, access, on_progress)?;
        Ok(Self { git_dir, location: url.as_str().to_owned(), local: false })
    }

    /// The mirror of `url` as an earlier fetch left it, without any network.
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`] when it was never fetched.
    pub fn open_cached(url: &RemoteUrl, cache: &Path) -> Result<Self, RepositoryError> {
        prepare();
        let git_dir = cache.join(format!("{}.git", url.cache_key()));
        Repository::open_bare(&git_dir).map_err(|error| open_error(url.as_str(), &git_dir, &error))?;
        Ok(Self { git_dir, location: url.as_str().to_owned(), local: false })
    }

    /// Opens or fetches, whichever `origin` asks for.
    ///
    /// # Errors
    /// As [`Mirror::open_local`] and [`Mirror::fetch`].
    pub fn of(
        origin: &Origin,
        cache: &Path,
        access: &Access,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<Self, RepositoryError> {
        match origin {
            Origin::Local(path) => Self::open_local(path),
            Origin::Remote(url) => Self::fetch(url, cache, access, on_progress),
        }
    }

    /// The git directory (a worktree's own, for a worktree).
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The address without credentials, or the path as given.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether this is a repository of this machine, read in place.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// A handle of libgit2 for one thread.
    ///
    /// # Errors
    /// When the repository vanished or was damaged meanwhile.
    pub fn repository(&self) -> Result<Repository, RepositoryError> {
        prepare();
        Repository::open(&self.git_dir).map_err(|error| open_error(&self.location, &self.git_dir, &error))
    }
}

fn open_error(location: &str, path: &Path, error: &git2::Error) -> RepositoryError {
    if error.message().contains("object format") || error.message().contains("objectformat") {
        return RepositoryError::Sha256 { location: location.to_owned() };
    }
    match error.code() {
        ErrorCode::NotFound => RepositoryError::NotARepository { path: path.to_owned() },
        _ => RepositoryError::Git { doing: format!("cannot open `{location}`"), reason: error.message().to_owned() },
    }
}

/// Waits for the lock, a bounded time. It is the operating system's and ends with the process that holds it.
fn lock(path: &Path, on_progress: &mut OnProgress<'_>) -> Result<File, RepositoryError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(RepositoryError::io("cannot open the lock", path))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if !on_progress(Progress::default()) => {
                return Err(RepositoryError::Cancelled);
            }
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100))
            }
            Err(TryLockError::WouldBlock) => return Err(RepositoryError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(RepositoryError::io("cannot lock", path)(error)),
        }
    }
}

/// A new mirror is made under another name and moved into place, so that half a mirror never has the final name.
fn open_or_create(git_dir: &Path) -> Result<Repository, RepositoryError> {
    if git_dir.exists() {
        match Repository::open_bare(git_dir) {
            Ok(repository) => return Ok(repository),
            // Whatever it is, it can be fetched again.
            Err(_) => std::fs::remove_dir_all(git_dir)
                .map_err(RepositoryError::io("cannot remove the damaged mirror", git_dir))?,
        }
    }
    let unfinished = git_dir.with_extension("new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(RepositoryError::io("cannot remove", &unfinished))?;
    }
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).external_template(false).mode(git2::RepositoryInitMode::from_bits_retain(0o700));
    Repository::init_opts(&unfinished, &options).map_err(RepositoryError::git("cannot create the mirror"))?;
    std::fs::rename(&unfinished, git_dir).map_err(RepositoryError::io("cannot move the new mirror to", git_dir))?;
    Repository::open_bare(git_dir).map_err(RepositoryError::git("cannot open the mirror"))
}

/// Packs that a killed fetch left half written. Called under the lock.
fn remove_leftover_packs(git_dir: &Path) -> Result<(), RepositoryError> {
    let folder = git_dir.join("objects/pack");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("pack_git2_") {
            std::fs::remove_file(entry.path()).map_err(RepositoryError::io("cannot remove", entry.path()))?;
        }
    }
    Ok(())
}

fn update(
    repository: &Repository,
    url: &RemoteUrl,
    access: &Access,
    on_progress: &mut OnProgress<'_>,
) -> Result<(), RepositoryError> {
    let failed = |error: git2::Error| fetch_error(url, &error);
    let mut remote = repository.remote_anonymous(&access.address(url)).map_err(failed)?;
    let head = remote_head(&mut remote, url, access)?;
    let mut refspecs = vec!["+refs/*:refs/*".to_owned()];
    if matches!(head, RemoteHead::Detached) {
        refspecs.push(format!("+HEAD:{DETACHED_HEAD}"));
    }
    let mut cancelled = false;
    {
        let mut callbacks = access.callbacks(url);
        callbacks.transfer_progress(|stats| {
            let go_on = on_progress(Progress {
                total_objects: stats.total_objects() as u64,
                received_objects: stats.received_objects() as u64,
                indexed_objects: stats.indexed_objects() as u64,
                received_bytes: stats.received_bytes() as u64,
            });
            cancelled |= !go_on;
            go_on
        });
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(callbacks)
            .prune(FetchPrune::On)
            .update_fetchhead(false)
            .download_tags(git2::AutotagOption::None)
            .proxy_options(access.proxy());
        if matches!(head, RemoteHead::Nothing) {
            return Ok(());
        }
        let outcome = remote.fetch(&refspecs, Some(&mut options), None);
        drop(options);
        if let Err(error) = outcome {
            return Err(if cancelled { RepositoryError::Cancelled } else { failed(error) });
        }
    }
    match head {
        RemoteHead::Branch(name) => repository.set_head(&name),
        RemoteHead::Detached => repository.refname_to_id(DETACHED_HEAD).and_then(|id| repository.set_head_detached(id)),
        RemoteHead::Nothing => Ok(()),
    }
    .map_err(RepositoryError::git("cannot set the mirror's HEAD"))?;
    // a file for each of ten thousand pull requests costs every later reading more than the reading itself
    let packed = repository.refdb().and_then(|refs| refs.compress());
    packed.map_err(RepositoryError::git("cannot pack the mirror's refs"))
}

enum RemoteHead {
    /// The full name of a branch.
    Branch(String),
    /// A commit that no branch needs to have.
    Detached,
    /// The repository has no refs at all.
    Nothing,
}

fn remote_head(remote: &mut Remote<'_>, url: &RemoteUrl, access: &Access) -> Result<RemoteHead, RepositoryError> {
    let failed = |error: git2::Error| fetch_error(url, &error);
    let connection = remote
        .connect_auth(git2::Direction::Fetch, Some(access.callbacks(url)), Some(access.proxy()))
        .map_err(failed)?;
    let heads = connection.list().map_err(failed)?;
    let Some(first) = heads.first() else { return Ok(RemoteHead::Nothing) };
    let target = heads.iter().find(|head| head.name() == "HEAD").map(|head| head.symref_target().map(str::to_owned));
    Ok(match target {
        Some(Some(branch)) => RemoteHead::Branch(branch),
        Some(None) => RemoteHead::Detached,
        // HEAD points to a branch without commits: any branch that has some is better.
        None => {
            let branch = heads.iter().find(|head| head.name().starts_with("refs/heads/")).unwrap_or(first);
            RemoteHead::Branch(branch.name().to_owned())
        }
    })
}

pub(super) fn fetch_error(url: &RemoteUrl, error: &git2::Error) -> RepositoryError {
    let url = url.as_str().to_owned();
    let reason = error.message().to_owned();
    if reason.contains("object format") || reason.contains("object-format") || reason.contains("objectformat") {
        return RepositoryError::Sha256 { location: url };
    }
    let missing = reason.contains("404")
        || ["could not find repository", "not found", "failed to resolve path"]
            .iter()
            .any(|words| reason.contains(words));
    match error.code() {
        ErrorCode::Auth => RepositoryError::Unauthorised { url, reason },
        _ if reason.contains("401") || reason.contains("403") => RepositoryError::Unauthorised { url, reason },
        ErrorCode::NotFound => RepositoryError::NoSuchRepository { url, reason },
        _ if missing => RepositoryError::NoSuchRepository { url, reason },
        // such as the `shallow` lines behind the refs
        _ if reason.contains("invalid packet line") => RepositoryError::NotReadable { url, reason },
        _ => RepositoryError::Unreachable { url, reason },
    }
}
