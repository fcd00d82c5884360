//! DNS messages, names, records and master files: wire first, no I/O.
