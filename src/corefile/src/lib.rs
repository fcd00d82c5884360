//! The Corefile language: grammar, tree with places, imports, diagnostics.
