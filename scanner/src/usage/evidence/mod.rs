//! Uses that are not imports. Each reader is anchored to the syntax of its file and says what is named, not who provides it.

pub mod features;
pub mod manuals;
pub mod options;
pub mod python_texts;
pub mod requirement_lines;
pub mod shell;
pub mod templates;
pub mod text_files;
pub mod toml;
pub mod urls;
