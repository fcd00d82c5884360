//! The in-memory answer index that every source of names feeds.
