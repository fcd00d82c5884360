//! Plugin whoami.
