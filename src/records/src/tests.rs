//! Changes are decided in order, kept, shown, and followed.
