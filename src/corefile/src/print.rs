//! Writes a tree as a Corefile that reads back as the same tree.

use std::fmt;

use crate::{Corefile, Directive, ServerBlock, Token};

impl fmt::Display for Corefile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{block}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.keys {
            write!(f, "{key} ")?;
        }
        f.write_str("{\n")?;
        for directive in &self.directives {
            write_line(f, directive, 1)?;
        }
        f.write_str("}\n")
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, self, 0)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.quoted
            && !self.text.is_empty()
            && !self.text.starts_with('"')
            && !self.text.contains(|c: char| c == '#' || c.is_whitespace());
        if plain {
            f.write_str(&self.text)
        } else {
            write!(f, "\"{}\"", self.text.replace('"', "\\\""))
        }
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, line: &Directive, depth: usize) -> fmt::Result {
    write!(f, "{:indent$}{}", "", line.name, indent = depth * 4)?;
    for arg in &line.args {
        write!(f, " {arg}")?;
    }
    let Some(properties) = &line.block else {
        return f.write_str("\n");
    };
    f.write_str(" {\n")?;
    for property in properties {
        write_line(f, property, depth + 1)?;
    }
    writeln!(f, "{:indent$}}}", "", indent = depth * 4)
}
