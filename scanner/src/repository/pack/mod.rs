//! git's object database read from the front to the back: every blob once, in the order that is cheapest to inflate.
//!
//! libgit2 answers "give me this object"; reading a whole history that way inflates the same delta bases again and again. Here the packs are
//! mapped, the entries of each are arranged as the trees that their deltas form, and each tree is inflated from its root.
//! Formats: gitformat-pack(5).

mod delta;
mod file;
mod index;
mod loose;
mod store;
mod tree;

pub use file::PackError;
pub use index::ObjectId;
pub use store::{ObjectKind, ObjectStore, Unread, Visited};
