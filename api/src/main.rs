//! secretarybird
fn main() {}
