//! `secretarybird store`: looking after what the service keeps, while it does not run.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::configured::Configured;
use super::exit::{Exit, Failure, answer};
use crate::store::{self, Store, StoreError};

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads every record and checks every index; exit 3 when something is wrong.
    Verify(Configured),
    /// Writes every record to a file: checksummed lines of JSON, compressed with zstd.
    Export(WithFile),
    /// Reads an export into an empty store, of whichever backend.
    Import(WithFile),
    /// Makes every index anew from the records.
    Reindex(Configured),
    /// Brings what an older version wrote forward (serve does so too when it starts).
    Migrate(Configured),
}

/// The store and a file.
#[derive(Debug, Args)]
pub struct WithFile {
    /// The exported file.
    file: PathBuf,
    #[command(flatten)]
    configured: Configured,
}

/// Does it.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Verify(configured) => verify(&open(&configured).await?).await,
        Command::Export(arguments) => export(&open(&arguments.configured).await?, &arguments.file).await,
        Command::Import(arguments) => import(&alone(&arguments.configured).await?, &arguments.file).await,
        Command::Reindex(configured) => {
            let made = alone(&configured).await?.reindex().await.map_err(failed)?;
            answer(&format!("{made} index rows made\n"))?;
            Ok(Exit::Clean)
        }
        Command::Migrate(configured) => {
            // opening it has brought it forward
            let format = alone(&configured).await?.format().await.map_err(failed)?;
            answer(&format!("the store has format {}, the newest\n", format.unwrap_or_default()))?;
            Ok(Exit::Clean)
        }
    }
}

fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Damaged { .. } | StoreError::Index(_) => Failure::incomplete(error),
        error => Failure::usage(error),
    }
}

async fn open(configured: &Configured) -> Result<Store, Failure> {
    store::open(&configured.load(Vec::new())?).await.map_err(failed)
}

/// The store, with nobody else at work on it.
async fn alone(configured: &Configured) -> Result<Store, Failure> {
    let store = open(configured).await?;
    let others = store.at_work(Timestamp::now()).await.map_err(failed)?;
    // an embedded store would not have opened; a name in it is of one that was killed
    if store.is_shared() && !others.is_empty() {
        return Err(Failure::usage(format!("stop the processes at work on the store first: {}", others.join(", "))));
    }
    Ok(store)
}

async fn verify(store: &Store) -> Result<Exit, Failure> {
    let verified = store.verify().await.map_err(failed)?;
    if verified.problems.is_empty() && verified.index_rows != verified.indexed && !store.is_shared() {
        let reason =
            format!("{} index rows where {} should be: run `store reindex`", verified.index_rows, verified.indexed);
        return Err(Failure::incomplete(reason));
    }
    let mut text = format!("{} records, {} index rows", verified.records, verified.indexed);
    if verified.problems.is_empty() {
        answer(&format!("{text}, no problem\n"))?;
        return Ok(Exit::Clean);
    }
    text.push('\n');
    for problem in &verified.problems {
        text.push_str(&format!("{}: {}\n", problem.row, problem.reason));
    }
    answer(&text)?;
    Err(Failure::incomplete(format!("{} problems in the store", verified.problems.len())))
}

async fn export(store: &Store, path: &PathBuf) -> Result<Exit, Failure> {
    let named = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let part = path.with_extension("part");
    let out = BufWriter::new(File::create(&part).map_err(named)?);
    let rows = store.export(out).await.map_err(failed)?;
    // whole, or not there
    File::open(&part).and_then(|file| file.sync_all()).map_err(named)?;
    std::fs::rename(&part, path).map_err(named)?;
    answer(&format!("{rows} records written to {}\n", path.display()))?;
    Ok(Exit::Clean)
}

async fn import(store: &Store, path: &PathBuf) -> Result<Exit, Failure> {
    let file = File::open(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let rows = store.import(BufReader::new(file)).await.map_err(failed)?;
    answer(&format!("{rows} records read from {}\n", path.display()))?;
    Ok(Exit::Clean)
}
