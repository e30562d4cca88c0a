//! The service over HTTP: all routes in one file, one file per resource.
