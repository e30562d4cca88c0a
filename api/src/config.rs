//! The server's configuration: file < environment < flags, checked once.
