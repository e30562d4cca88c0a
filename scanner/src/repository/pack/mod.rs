//! git's object database read from the front to the back: every blob once, in the order that is cheapest to inflate.
//!
//! libgit2 answers "give me this object"; reading a whole history that way inflates the same delta bases again and again. Here the packs are
//! mapped, the entries of each are arranged as the trees that their deltas form (`tree`), and each tree is inflated from its root (`walk`). Who
//! looks at an object is told which ranges of it were copied from its base, so that what was looked at there need not be again.
//!
//! Memory is bounded whatever the packs hold: twenty bytes for each object, the bases of deltas that wait up to a fixed sum (beyond
//! it they are made again), and one large object at a time.
//! Formats: gitformat-pack(5).

mod delta;
mod file;
mod index;
mod loose;
mod store;
mod tree;
mod walk;

pub use delta::{Changes, Copied};
pub use file::PackError;
pub use index::ObjectId;
pub use store::{Object, ObjectKind, ObjectStore, Unread, Visited, Visitor};
