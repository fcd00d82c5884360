//! Tests of the Corefile language.
