//! A disk that is full and a byte that is flipped: said clearly, nothing acknowledged that is not kept.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use api::store::record::Tenant;
use api::store::{Store, StoreError};
use jiff::Timestamp;

use crate::load;

const FULL: &str = "SECRETARYBIRD_FULL_DISK_CHILD";

/// Delivers until it is refused, and says what was accepted.
async fn deliver_until_refused(directory: &Path) {
    let store = Store::open(directory).unwrap();
    let all = load::repositories(&store).await;
    for number in 0..100_000 {
        let id = format!("delivery-{number}");
        match store.accept_delivery(load::delivery(&all, &id, number), Timestamp::now()).await {
            Ok(_) => println!("accepted {id}"),
            Err(error) => {
                println!("refused {error}");
                let ready = store.healthy();
                println!("ready {}", ready.is_ok());
                let again = store.accept_delivery(load::delivery(&all, "later", number), Timestamp::now()).await;
                println!("later {}", again.is_ok());
                return;
            }
        }
    }
}

#[test]
fn a_full_disk_is_said_and_takes_readiness_away_and_nothing_accepted_is_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(directory) = std::env::var(FULL) {
        return runtime.block_on(deliver_until_refused(Path::new(&directory)));
    }
    let directory = tempfile::tempdir().unwrap();
    // a limit on a file's size needs no rights, and refuses the same write; the signal that goes with it is ignored
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "faults::a_full_disk_is_said_and_takes_readiness_away_and_nothing_accepted_is_lost"]);
    let out = child.arg("--nocapture").env(FULL, directory.path()).process_group(0).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines = |word: &str| said.lines().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect::<Vec<_>>();
    let accepted = lines("accepted ");
    assert!(!accepted.is_empty(), "{said}");
    let refused = lines("refused ");
    assert!(refused.len() == 1 && refused[0].contains("the store has failed"), "{refused:?}");
    assert_eq!((lines("ready "), lines("later ")), (vec!["false"], vec!["false"]));
    runtime.block_on(async {
        let store = Store::open(directory.path()).unwrap();
        let all = load::repositories(&store).await;
        for id in &accepted {
            let again = store.accept_delivery(load::delivery(&all, id, 0), Timestamp::now()).await.unwrap();
            assert!(again.duplicate, "{id} was accepted and is not kept");
        }
        crate::sound(&store, "after the disk was full").await;
    });
    println!("{} deliveries accepted until the disk was full, all kept", accepted.len());
}

fn flip(path: &Path, place: u64) {
    let mut file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 0x40]).unwrap();
}

/// Opens a store that was open in this process before: its threads may hold the lock for a moment longer.
fn open_again(directory: &Path) -> Result<Store, StoreError> {
    for _ in 0..200 {
        match Store::open(directory) {
            Err(StoreError::InUse(_)) => std::thread::sleep(std::time::Duration::from_millis(50)),
            opened => return opened,
        }
    }
    Store::open(directory)
}

/// Opens, reads everything and writes something; the first error, and whether it was still ready then.
async fn used(directory: &Path) -> Result<(), (StoreError, bool)> {
    let store = open_again(directory).map_err(|error| (error, false))?;
    let failed = |error: StoreError| (error, store.healthy().is_ok());
    let verified = store.verify().await.map_err(failed)?;
    if let Some(problem) = verified.problems.first() {
        return Err((StoreError::Damaged { row: problem.row.clone(), reason: problem.reason.clone() }, false));
    }
    let all = store.repositories(&Tenant::default(), None, 100).await.map_err(failed)?;
    let written = store.accept_delivery(load::delivery(&all, "a new one", 1), Timestamp::now()).await;
    written.map_err(failed)?;
    Ok(())
}

#[test]
fn a_flipped_byte_is_said_or_harmless() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut told, mut harmless) = (0, 0);
    for seed in 0..12_u64 {
        let directory = tempfile::tempdir().unwrap();
        let written = runtime.block_on(async {
            let store = Store::open(directory.path()).unwrap();
            let all = load::repositories(&store).await;
            for number in 0..40 {
                store
                    .accept_delivery(load::delivery(&all, &format!("d{number}"), number), Timestamp::now())
                    .await
                    .unwrap();
            }
            store.verify().await.unwrap()
        });
        let path = directory.path().join("db");
        let bytes = std::fs::read(&path).unwrap();
        // somewhere in what was written
        let full: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at).collect();
        let hash = blake3::hash(&seed.to_be_bytes());
        let random = u64::from_be_bytes(hash.as_bytes()[..8].try_into().unwrap());
        let place = full[usize::try_from(random % full.len() as u64).unwrap()];
        flip(&path, place as u64);
        match runtime.block_on(used(directory.path())) {
            Ok(()) => {
                // a byte of what was superseded; then everything is there
                let store = open_again(directory.path()).unwrap();
                let verified = runtime.block_on(store.verify()).unwrap();
                assert!(verified.records >= written.records, "byte {place}: {verified:?} of {written:?}");
                harmless += 1;
            }
            Err((error, ready)) => {
                let said = error.to_string();
                assert!(said.contains("damaged") || said.contains("failed"), "byte {place}: {said}");
                assert!(!ready, "byte {place}: {said}, and still ready");
                told += 1;
            }
        }
    }
    assert!(told > 0, "no flipped byte was noticed");
    println!("12 flipped bytes: {told} told, {harmless} in what was superseded");
}
