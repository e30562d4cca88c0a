//! A copy of a repository that borrows its objects, so that a commit can be put on top and nothing is written to the original.

use std::path::{Path, PathBuf};

use git2::{Repository, Signature};
use scanner::secrets::Memory;
use tempfile::TempDir;

pub struct Copy(TempDir);

impl Copy {
    pub fn of(repository: &Path) -> Self {
        let original = Repository::open(repository).unwrap();
        let copy = Self(tempfile::tempdir().unwrap());
        let made = Repository::init_bare(copy.path()).unwrap();
        let objects = original.commondir().join("objects").canonicalize().unwrap();
        std::fs::write(copy.path().join("objects/info/alternates"), format!("{}\n", objects.display())).unwrap();
        for reference in original.references().unwrap().flatten() {
            if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
                made.reference(name, target, true, "copied").unwrap();
            }
        }
        let head = original.head().unwrap().peel_to_commit().unwrap().id();
        made.reference("refs/heads/the-benchmark", head, true, "copied").unwrap();
        made.set_head("refs/heads/the-benchmark").unwrap();
        // as in a mirror after a fetch
        made.refdb().unwrap().compress().unwrap();
        copy
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn memory(&self) -> PathBuf {
        self.path().join("memory.json")
    }

    pub fn memory_size(&self) -> u64 {
        std::fs::metadata(self.memory()).unwrap().len()
    }

    /// A line more in the first file of the tree.
    pub fn commit(&self) {
        let repository = Repository::open_bare(self.path()).unwrap();
        let parent = repository.head().unwrap().peel_to_commit().unwrap();
        let tree = parent.tree().unwrap();
        let entry = tree.iter().find(|entry| entry.kind() == Some(git2::ObjectType::Blob)).unwrap();
        let mut content = repository.find_blob(entry.id()).unwrap().content().to_vec();
        content.extend_from_slice(b"\n# one line more\n");
        let blob = repository.blob(&content).unwrap();
        let mut builder = repository.treebuilder(Some(&tree)).unwrap();
        builder.insert(entry.name_bytes(), blob, entry.filemode()).unwrap();
        let tree = repository.find_tree(builder.write().unwrap()).unwrap();
        let who = Signature::now("Ada", "ada@example.org").unwrap();
        repository.commit(Some("HEAD"), &who, &who, "one commit more", &tree, &[&parent]).unwrap();
    }
}

/// An empty memory where there is none yet.
pub fn recall(path: &Path) -> Memory {
    std::fs::read(path).map_or_else(|_| Memory::default(), |bytes| serde_json::from_slice(&bytes).unwrap())
}

pub fn keep(path: &Path, memory: &Memory) {
    std::fs::write(path, serde_json::to_vec(memory).unwrap()).unwrap();
}
