//! The embedded backend: sled with one writer, which acknowledges only what is on the disk.
//!
//! sled's own flush ends in `sync_file_range` on Linux, which a power cut undoes; hence the fdatasync of a second descriptor.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::StoreError;
use super::edition::{Editions, Touched};
use super::overlay::{Below, Overlay};
use super::rows::{Read, Row, Scope, Write};

/// Operations that share one flush.
const GROUP: usize = 200;
/// Changes whose replaced pages one step of the collector surely frees.
const FREED_IN_A_STEP: usize = 256;
const CACHE_BYTES: u64 = 128 << 20;

/// One decision for the writer: runs over rows, then is told whether its changes are durable.
pub trait Decision: Send {
    /// Decides. Nothing of it is kept when it fails.
    fn run(&mut self, rows: &mut dyn Write) -> Result<(), StoreError>;
    /// What it decided is on the disk, or why not.
    fn settled(self: Box<Self>, durable: Result<(), StoreError>);
}

/// The open store.
#[derive(Debug)]
pub struct Sled {
    db: sled::Db,
    directory: PathBuf,
    failed: Arc<AtomicBool>,
    editions: Arc<Editions>,
    writer: Option<SyncSender<Box<dyn Decision>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sled {
    /// Opens (or makes) the store in `directory`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it, [`StoreError::Damaged`] when it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let named = |error: std::io::Error| StoreError::Failed(format!("{}: {error}", directory.display()));
        std::fs::create_dir_all(directory).map_err(named)?;
        let config = sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        // a truncated file makes sled panic while it opens
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let damaged = |what: String| StoreError::Damaged { row: directory.display().to_string(), reason: what };
        let db = match opened {
            Ok(Ok(db)) => db,
            Ok(Err(error)) if error.to_string().contains("WouldBlock") => {
                return Err(StoreError::InUse(directory.to_owned()));
            }
            Ok(Err(sled::Error::Io(error))) => return Err(named(error)),
            Ok(Err(error)) => return Err(damaged(error.to_string())),
            Err(_) => return Err(damaged("the store's file is cut short or damaged; restore an export".to_owned())),
        };
        let file = File::open(directory.join("db")).map_err(named)?;
        let mark = Mark::open(&directory.join("acknowledged")).map_err(named)?;
        let kept = kept(&db)?;
        // sled opens a file that was cut short as the shorter history that it then holds
        if kept < mark.read().map_err(named)? {
            return Err(damaged("the store's file lacks writes that were acknowledged; restore an export".to_owned()));
        }
        let failed = Arc::new(AtomicBool::new(false));
        let (writer, inbox) = sync_channel(4 * GROUP);
        let editions = Arc::new(Editions::default());
        let mut work =
            Writer { db: db.clone(), file, mark, kept, failed: Arc::clone(&failed), editions: Arc::clone(&editions) };
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || work.run(&inbox));
        let thread = Some(thread.map_err(named)?);
        Ok(Self { db, directory: directory.to_owned(), failed, editions, writer: Some(writer), thread })
    }

    /// Hands a decision to the writer; waits while its inbox is full.
    ///
    /// # Errors
    /// When the store has failed.
    pub fn decide(&self, decision: Box<dyn Decision>) -> Result<(), StoreError> {
        self.healthy()?;
        let writer = self.writer.as_ref().ok_or_else(StoreError::gone)?;
        writer.send(decision).map_err(|_| StoreError::gone())
    }

    /// Runs a read. A panic inside sled (a damaged page) becomes an error and takes readiness away. The writer may change rows between two
    /// looks of one read: [`StoreError::Index`] may mean no more than that, and the read is to be repeated among the writer's decisions.
    ///
    /// # Errors
    /// When the read fails.
    pub fn read<T>(&self, read: impl FnOnce(&dyn Read) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.healthy()?;
        let answer = catch_unwind(AssertUnwindSafe(|| read(&self.db))).unwrap_or_else(|_| {
            Err(StoreError::Damaged {
                row: self.directory.display().to_string(),
                reason: "the storage engine gave up on a damaged page".to_owned(),
            })
        });
        if let Err(error @ (StoreError::Damaged { .. } | StoreError::Failed(_))) = &answer
            && !self.failed.swap(true, Ordering::SeqCst)
        {
            tracing::error!(%error, "the store failed; nothing more is accepted");
        }
        answer
    }

    /// Whether it can still be relied on.
    ///
    /// # Errors
    /// After any failure to write or to read.
    pub fn healthy(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::SeqCst) { Err(StoreError::gone()) } else { Ok(()) }
    }

    /// What moves with the writes.
    pub fn editions(&self) -> &Editions {
        &self.editions
    }

    /// Bytes on the disk.
    ///
    /// # Errors
    /// When the disk cannot be asked.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(failure)
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        // closing the inbox lets the writer finish what it has
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn failure(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => {
            StoreError::Damaged { row: "the store".to_owned(), reason: error.to_string() }
        }
        error => StoreError::Failed(error.to_string()),
    }
}

impl Read for sled::Db {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        sled::Tree::get(self, key).map(|value| value.map(|value| value.to_vec())).map_err(failure)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = sled::Tree::range(self, from..to).take(limit);
        rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(failure)).collect()
    }

    fn count(&self, from: &[u8], to: &[u8], limit: usize) -> Result<usize, StoreError> {
        let rows = sled::Tree::range(self, from..to).keys().take(limit);
        rows.map(|key| key.map_err(failure)).try_fold(0, |count, key| key.map(|_| count + 1))
    }
}

impl Below for sled::Db {
    /// The writer runs one decision after the other.
    fn lock(&self, _: Scope<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Writer {
    db: sled::Db,
    file: File,
    mark: Mark,
    kept: u64,
    failed: Arc<AtomicBool>,
    editions: Arc<Editions>,
}

/// The row that counts groups of writes; no table's letter.
const KEPT: &[u8] = b"#kept";

fn kept(db: &sled::Db) -> Result<u64, StoreError> {
    let found = Read::get(db, KEPT)?;
    let bytes = found.as_deref().map_or(Ok([0; 8]), <[u8; 8]>::try_from);
    bytes.map(u64::from_be_bytes).map_err(|_| StoreError::index("the count of writes has not 8 bytes"))
}

/// How many groups of writes were acknowledged, kept beside the store so that a loss inside it shows.
struct Mark(File);

impl Mark {
    fn open(path: &Path) -> std::io::Result<Self> {
        File::options().read(true).write(true).create(true).truncate(false).open(path).map(Self)
    }

    fn read(&self) -> std::io::Result<u64> {
        let mut bytes = [0; 8];
        // an empty file is a store that has acknowledged nothing
        if self.0.metadata()?.len() >= 8 {
            self.0.read_exact_at(&mut bytes, 0)?;
        }
        Ok(u64::from_be_bytes(bytes))
    }

    fn write(&self, count: u64) -> std::io::Result<()> {
        self.0.write_all_at(&count.to_be_bytes(), 0)?;
        self.0.sync_data()
    }
}

/// Frees the pages that a batch has replaced. sled leaves a copy of a page behind for every change, all under one pin of the epoch, and a
/// pin frees only a few hundred of them now and then: without this the memory grows with all that was ever written.
fn reclaim(changes: usize) {
    for _ in 0..changes / FREED_IN_A_STEP + 4 {
        crossbeam_epoch::pin().flush();
    }
}

impl Writer {
    fn run(&mut self, inbox: &Receiver<Box<dyn Decision>>) {
        while let Ok(first) = inbox.recv() {
            let mut group = vec![first];
            while group.len() < GROUP {
                match inbox.recv_timeout(Duration::ZERO) {
                    Ok(next) => group.push(next),
                    Err(_) => break,
                }
            }
            let outcome = if self.failed.load(Ordering::SeqCst) {
                Err(StoreError::gone())
            } else {
                catch_unwind(AssertUnwindSafe(|| self.commit(&mut group)))
                    .unwrap_or_else(|_| Err(StoreError::Failed("the storage engine gave up".to_owned())))
            };
            if let Err(error) = &outcome {
                self.fail(error);
            }
            for decision in group {
                decision.settled(outcome.clone());
            }
        }
    }

    fn fail(&self, error: &StoreError) {
        if !self.failed.swap(true, Ordering::SeqCst) {
            tracing::error!(%error, "the store failed; nothing more is accepted");
        }
    }

    /// Runs the group's decisions one after another and writes the changes of those that succeed as one batch.
    fn commit(&mut self, group: &mut [Box<dyn Decision>]) -> Result<(), StoreError> {
        let mut all = Overlay::over(&self.db);
        let mut touched = Touched::default();
        for decision in group {
            let mut own = Overlay::over(&all);
            match decision.run(&mut own) {
                Ok(()) => {
                    touched.add(own.changes().keys(), own.locked());
                    let changes = own.into_changes();
                    all.extend(changes);
                }
                Err(error @ (StoreError::Damaged { .. } | StoreError::Index(_))) => self.fail(&error),
                Err(_) => {}
            }
        }
        let changes = all.into_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let count = changes.len();
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.kept += 1;
        batch.insert(KEPT, &self.kept.to_be_bytes());
        self.editions.begin(&touched);
        self.db.apply_batch(batch).map_err(failure)?;
        self.editions.written(&touched);
        self.db.flush().map_err(failure)?;
        reclaim(count);
        let failed = |error: std::io::Error| StoreError::Failed(format!("fdatasync: {error}"));
        self.file.sync_data().map_err(failed)?;
        self.mark.write(self.kept).map_err(failed)?;
        Ok(())
    }
}
