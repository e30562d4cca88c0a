//! The methods of [`super::Store`], by subject: each hands one decision, or one look, to the backend.

mod access;
mod findings;
mod jobs;
mod outbox;
mod repositories;
mod scans;
mod sweeps;
mod trail;
