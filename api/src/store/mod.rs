//! The store: whole decisions behind one trait.
