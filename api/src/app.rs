//! The one place where the service is wired together from its configuration.
