//! A report in the forms that people and programs read.

pub mod json;
pub mod markdown;
pub mod sarif;
pub mod text;
