//! The second look: at what the first reading found, now with everything known.

use std::collections::{HashMap, HashSet};

use git2::{Oid, Repository};

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::pack::ObjectKind;
use crate::repository::{Mirror, RepositoryError};
use crate::secrets::attribution::{Attribution, Ref, Refs, facts};
use crate::secrets::gather::{Gathering, Place};
use crate::secrets::look::look;
use crate::secrets::looked::{Bounds, Looked};
use crate::secrets::sieve::{LARGEST_BLOB, Worth, texts_of};
use crate::secrets::spot::look_again;
use crate::secrets::{Looking, place};

/// What a force-push, a deleted branch or an amended commit leaves.
pub(super) const LEFT_BEHIND: &str = "left behind, no ref reaches it";

pub(super) struct Second<'a> {
    pub(super) mirror: &'a Mirror,
    /// Path and blob of the scanned commit's tree.
    pub(super) head: HashMap<String, String>,
    pub(super) looking: &'a Looking<'a>,
    pub(super) bounds: &'a Bounds,
    pub(super) attribution: &'a Attribution,
    pub(super) stop: Stop<'a>,
}

impl Second<'_> {
    /// One blob under one path, and how many bytes were read for it.
    pub(super) fn blob(
        &self,
        repository: &Result<Repository, RepositoryError>,
        id: Oid,
        worth: &Worth,
        path: Option<&str>,
    ) -> Result<(Looked, u64), String> {
        match worth {
            Worth::Spots(spots) => return Ok((look_again(self.looking.engine, spots, path, self.bounds), 0)),
            Worth::Said(said) => return Ok((Looked { diagnostics: said.clone(), ..Looked::default() }, 0)),
            Worth::Whole => {}
        }
        let repository = repository.as_ref().map_err(ToString::to_string)?;
        let unreadable = |error: git2::Error| format!("blob {id} cannot be read: {}", error.message());
        let odb = repository.odb().map_err(unreadable)?;
        let (size, _) = odb.read_header(id).map_err(unreadable)?;
        if size as u64 > LARGEST_BLOB {
            return Err(format!("blob {id} was not looked at: {size} bytes are more than the limit of {LARGEST_BLOB}"));
        }
        let object = odb.read(id).map_err(unreadable)?;
        Ok((look(self.looking.engine, object.data(), path, self.bounds), size as u64))
    }

    /// Blobs that no commit of the walk brought.
    pub(super) fn leftovers(&self, blobs: &HashMap<Oid, Worth>, gathering: &mut Gathering<'_>) {
        let reached: HashSet<Oid> = self.attribution.introductions.iter().map(|new| new.blob).collect();
        let mut left: Vec<(&Oid, &Worth)> = blobs.iter().filter(|(id, _)| !reached.contains(id)).collect();
        left.sort_by_key(|(id, _)| **id);
        let repository = self.mirror.repository();
        for (blob, worth) in left.into_iter().take_while(|_| !self.stop.is_asked()) {
            match self.blob(&repository, *blob, worth, None) {
                Ok((looked, _)) => gathering.add(looked, &Place { what: Some(LEFT_BEHIND), ..Place::default() }),
                Err(reason) => gathering.say([Diagnostic::gap(Stage::Secrets, None, reason)]),
            }
        }
    }

    /// Messages and names of a commit or tag.
    pub(super) fn texts(&self, odb: &git2::Odb<'_>, id: Oid) -> Result<Vec<(&'static str, Looked)>, String> {
        let object = odb.read(id).map_err(|error| format!("object {id} cannot be read: {}", error.message()))?;
        let kind = if object.kind() == git2::ObjectType::Tag { ObjectKind::Tag } else { ObjectKind::Commit };
        let texts = texts_of(kind, object.data()).into_iter();
        Ok(texts.map(|(what, text)| (what, self.said_by_people(&text))).collect())
    }

    /// Among words, a name with something behind it is less than it is in a file of settings.
    fn said_by_people(&self, text: &[u8]) -> Looked {
        let engine = self.looking.engine;
        let mut looked = look(engine, text, None, self.bounds);
        for seen in &mut looked.sightings {
            if engine.rules().get(seen.rule).is_some_and(|rule| rule.family == "generic") {
                seen.confidence = place::lower(seen.confidence);
                seen.evidence.push("stands in a message".to_owned());
            }
        }
        looked
    }

    /// Names of files and directories.
    pub(super) fn names(&self, names: &HashSet<Vec<u8>>, gathering: &mut Gathering<'_>) {
        for new in self.attribution.introductions.iter().take_while(|_| !self.stop.is_asked()) {
            let name = new.path.rsplit('/').next().unwrap_or_default();
            if !names.contains(name.as_bytes()) {
                continue;
            }
            let looked = look(self.looking.engine, name.as_bytes(), None, self.bounds);
            // The path holds the secret itself: it is told without its last part.
            let folder = new.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
            let place = Place {
                commit: self.attribution.commits.get(new.commit),
                path: Some(folder),
                in_head: self.head.keys().any(|path| path.starts_with(&new.path)),
                what: Some("file name"),
            };
            gathering.add(looked, &place);
        }
    }

    pub(super) fn ref_names(&self, repository: &Repository, refs: &Refs, gathering: &mut Gathering<'_>) {
        for Ref { name, commit: tip, .. } in &refs.all {
            let looked = look(self.looking.engine, name.as_bytes(), None, self.bounds);
            if looked.is_silent() {
                continue;
            }
            let commit = tip.and_then(|tip| repository.find_commit(tip).ok()).map(|commit| facts(&commit, 0));
            gathering.add(looked, &Place { commit: commit.as_ref(), what: Some("ref name"), ..Place::default() });
        }
    }
}
