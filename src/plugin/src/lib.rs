//! All that a plugin author sees: chain, setup, metrics, metadata.
