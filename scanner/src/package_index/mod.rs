//! The one client of a package index: what a project has published, which of it was yanked, how the project stands, and what a
//! wheel holds without downloading it.
//!
//! `settings.rs` says which index and how it is reached; `page.rs` reads a project's page (PEP 691, with yanked releases of PEP 592 and
//! the status of PEP 792); `core_metadata.rs` reads `METADATA`; `zip.rs` reads the end of a wheel, `sdist.rs` a source archive. These think and do no IO. `http.rs`
//! asks, `cache.rs` keeps: pages with their validators, what was read of a file for ever under its hash. `client.rs` puts both together.
//!
//! Every answer says which of four it is ([`IndexError`]): not there, not asked (`--offline`), not readable, not reached.

mod cache;
mod client;
pub mod core_metadata;
mod error;
mod http;
pub mod page;
mod sdist;
mod settings;
pub mod zip;

pub use client::{Contents, PackageIndex, wait};
pub use core_metadata::CoreMetadata;
pub use error::IndexError;
pub use page::{File, Project, ProjectStatus, Status, Yanked};
pub use settings::{Credentials, IndexAddress, InvalidIndex, Settings};
