//! Puts words together to server blocks, directives and properties.

use crate::input::Input;
use crate::lex::Word;
use crate::{Diagnostic, Directive, Environment, ServerBlock, Sources, Span, Token};

/// How deep blocks may nest; plugins know one level.
const DEEPEST: usize = 16;

/// Everything that could be read, and everything that is wrong with it.
pub(crate) struct Parsed {
    pub(crate) sources: Sources,
    pub(crate) blocks: Vec<ServerBlock>,
    pub(crate) findings: Vec<Diagnostic>,
}

/// Reads `text` and what it imports.
pub(crate) fn read(name: &str, text: &str, environment: &dyn Environment) -> Parsed {
    let mut parser = Parser {
        input: Input::new(name, text, environment),
        blocks: Vec::new(),
        closed: false,
        cut: false,
    };
    while parser.input.peek().is_some() {
        parser.server_block();
    }
    Parsed {
        sources: parser.input.sources,
        blocks: parser.blocks,
        findings: parser.input.findings,
    }
}

struct Parser<'e> {
    input: Input<'e>,
    blocks: Vec<ServerBlock>,
    /// A `}` at the end of a directive's line was taken for the end of the server block.
    closed: bool,
    /// The end of the text inside a plugin's block is told already.
    cut: bool,
}

impl Parser<'_> {
    fn error(&mut self, place: Span, message: impl Into<String>, hint: impl Into<String>) {
        let finding = Diagnostic::error(place, message).with_hint(hint);
        self.input.tell(finding);
    }

    /// A snippet, or a server block: keys, then directives with or without braces around them.
    fn server_block(&mut self) {
        let keys = self.keys();
        if self.input.peek().is_none() {
            self.add_block(keys, Vec::new(), None);
            return;
        }
        if let Some((name, place)) = snippet_name(&keys) {
            return self.snippet(name, place);
        }
        let open = self.input.at("{").then(|| self.input.place());
        if open.is_some() {
            self.input.next();
        }
        self.closed = false;
        let mut directives: Vec<Directive> = Vec::new();
        while !self.closed
            && !self.input.at("}")
            && let Some(word) = self.input.next()
        {
            match word.token.text.as_str() {
                "import" => self.input.import(&word.token),
                "{" => self.braces_without_name(&word.token),
                _ => {
                    let directive = self.directive(word, 0);
                    self.refuse_double_import(&directives, &directive);
                    directives.push(directive);
                }
            }
        }
        if !self.closed {
            self.close_server_block(open);
        }
        self.add_block(keys, directives, open);
    }

    /// The keys of a server block: to the end of the line, and on as long as a comma ends it.
    fn keys(&mut self) -> Vec<Token> {
        let mut keys = Vec::new();
        let mut comma = None;
        let mut started = false;
        while let Some(word) = self.input.peek().cloned() {
            if started && comma.is_none() && word.first {
                break;
            }
            let mut key = self.input.expand(word.token);
            if key.text == "import" && word.first {
                self.input.next();
                self.input.import(&key);
                continue;
            }
            if key.text == "{" {
                if let Some(comma) = comma {
                    let message = "Expected another address but had '{' - check for extra comma";
                    self.error(comma, message, "remove the comma, or add a key after it");
                }
                return keys;
            }
            self.input.next();
            started = true;
            if key.text.is_empty() {
                continue;
            }
            comma = None;
            if let Some(rest) = key.text.strip_suffix(',') {
                comma = Some(key.span);
                key.text = rest.to_owned();
            }
            keys.push(key);
        }
        if let Some(comma) = comma.filter(|_| self.input.peek().is_none()) {
            self.error(comma, "Unexpected EOF", "a key must follow the comma");
        }
        keys
    }

    /// Takes the `}` of a server block that had a `{`, or tells what stands in its place.
    fn close_server_block(&mut self, open: Option<Span>) {
        if self.input.at("}") {
            self.input.next();
            return;
        }
        let Some(open) = open else { return };
        let line = self.input.sources.position(open).line;
        let place = self.input.last_place();
        let last = self.input.last().map_or("", |last| last.text.as_str());
        if self.cut {
            return;
        }
        // CoreDNS looks at the last word only, so the `}` of a plugin's block may stand in.
        if last == "}" {
            let message = format!("the server block of line {line} has no '}}' of its own");
            self.input.tell(Diagnostic::warning(place, message));
        } else {
            let message = format!("Syntax error: Unexpected token '{last}', expecting '}}'");
            let hint = format!("the '{{' in line {line} is never closed");
            self.error(place, message, hint);
        }
    }

    fn add_block(&mut self, keys: Vec<Token>, directives: Vec<Directive>, open: Option<Span>) {
        let end = self.input.last_place();
        let stray = keys
            .first()
            .filter(|key| key.text == "}")
            .map(|key| key.span);
        if let Some(place) = stray {
            let message = "Unexpected '}' because no matching opening brace";
            let hint = "it is taken for a key; the block before it is closed already";
            let finding = Diagnostic::warning(place, message).with_hint(hint);
            self.input.tell(finding);
            if keys.len() == 1 && directives.is_empty() {
                return;
            }
        }
        if keys.is_empty() {
            let Some(open) = open else { return };
            let message = "this server block has no key, so nothing asks it";
            let hint = "write zones before the '{', for example '.'";
            let finding = Diagnostic::warning(open, message).with_hint(hint);
            self.input.tell(finding);
        }
        self.blocks.push(ServerBlock {
            keys,
            directives,
            end,
        });
    }

    /// Keeps the words between the braces for later.
    fn snippet(&mut self, name: String, place: Span) {
        let open = self.input.place();
        if !self.input.at("{") {
            let found = self.input.peek().map_or("", |word| &word.token.text);
            let message = format!("Syntax error: Unexpected token '{found}', expecting '{{'");
            let hint = format!("snippet '{name}' needs braces around its lines");
            self.error(open, message, hint);
            return self.input.stop();
        }
        self.input.next();
        let mut words = Vec::new();
        let mut depth = 1usize;
        while let Some(word) = self.input.next() {
            match word.token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.input.define(name, place, words);
            }
            words.push(word);
        }
        let last = self.input.last().map_or("", |last| last.text.as_str());
        let message = format!("Syntax error: Unexpected token '{last}', expecting '}}'");
        let hint = format!("snippet '{name}' is never closed");
        let end = self.input.last_place();
        self.error(end, message, hint);
    }

    /// A directive or property: the rest of its line, and its block if a `{` ends the line.
    fn directive(&mut self, name: Word, depth: usize) -> Directive {
        let name = self.input.expand(name.token);
        let mut args = Vec::new();
        let mut block = None;
        while let Some(word) = self.input.peek() {
            if word.token.text == "{" {
                if word.first {
                    let place = word.token.span;
                    let hint = format!("put it at the end of the line of '{}'", name.text);
                    self.error(place, "Unexpected token '{' at the start of a line", hint);
                }
                block = Some(self.block(depth + 1));
                self.end_line_after_block(depth);
                break;
            }
            if word.first || (depth > 0 && word.token.text == "}") {
                break;
            }
            if word.token.text == "}" {
                self.unexpected_brace();
                break;
            }
            if let Some(word) = self.input.next() {
                args.push(self.input.expand(word.token));
            }
        }
        let end = match block {
            Some(_) => self.input.last_place(),
            None => args.last().unwrap_or(&name).span.after(),
        };
        Directive {
            name,
            args,
            block,
            end,
        }
    }

    /// The properties between `{`, which comes next, and `}`.
    fn block(&mut self, depth: usize) -> Vec<Directive> {
        let open = self.input.place();
        self.input.next();
        let mut properties = Vec::new();
        if depth > DEEPEST {
            let message = format!("blocks are nested deeper than {DEEPEST}");
            self.input.tell(Diagnostic::error(open, message));
            self.input.stop();
            self.cut = true;
            return properties;
        }
        let mut one_line = true;
        while let Some(word) = self.input.peek() {
            one_line &= !word.first;
            if word.token.text == "}" {
                if !word.first && !one_line && !properties.is_empty() {
                    let place = word.token.span;
                    let hint = "'}' must stand on a line of its own";
                    self.error(place, "Unexpected token '}' at the end of a line", hint);
                }
                self.input.next();
                return properties;
            }
            let Some(word) = self.input.next() else { break };
            match word.token.text.as_str() {
                "import" => self.input.import(&word.token),
                "{" => self.braces_without_name(&word.token),
                _ => properties.push(self.directive(word, depth)),
            }
        }
        let line = self.input.sources.position(open).line;
        let end = self.input.last_place();
        let hint = format!("the '{{' in line {line} is never closed");
        if !std::mem::replace(&mut self.cut, true) {
            self.error(end, "Unexpected EOF", hint);
        }
        properties
    }

    /// Only the `}` of the block around it may follow a `}` on its line.
    fn end_line_after_block(&mut self, depth: usize) {
        while let Some(word) = self.input.peek_on_line() {
            let place = word.token.span;
            match word.token.text.as_str() {
                "}" if depth > 0 => return,
                "}" => return self.unexpected_brace(),
                "{" => {
                    self.error(place, "Unexpected token '{' after '}'", "start a new line");
                    self.block(depth + 1);
                }
                text => {
                    let message = format!("Unexpected token '{text}' after '}}'");
                    self.error(place, message, "start a new line after '}'");
                    self.input.next();
                }
            }
        }
    }

    /// A `}` at the end of a directive's line: CoreDNS wants it on a line of its own.
    fn unexpected_brace(&mut self) {
        let place = self.input.place();
        let message = "Unexpected '}' because no matching opening brace";
        self.error(place, message, "'}' must stand on a line of its own");
        self.input.next();
        self.closed = true;
    }

    /// A `{` where a name is expected: tells so and skips to its `}`.
    fn braces_without_name(&mut self, brace: &Token) {
        let hint = "a '{' must follow the name it belongs to, on the same line";
        self.error(brace.span, "Unknown directive '{'", hint);
        let mut depth = 1usize;
        while depth > 0
            && let Some(word) = self.input.next()
        {
            match word.token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
        }
    }

    /// CoreDNS reads a one-line directive that is imported twice as one long line.
    fn refuse_double_import(&mut self, before: &[Directive], directive: &Directive) {
        let name = &directive.name;
        let mut same = before.iter().rev();
        let Some(earlier) = same.find(|other| other.name.text == name.text) else {
            return;
        };
        let line = |span| self.input.sources.position(span).line;
        if earlier.name.span == name.span && line(name.span) == line(directive.end) {
            let message = format!("'{}' is imported twice into one server block", name.text);
            let hint = "CoreDNS would read both as one line";
            self.error(name.span, message, hint);
        }
    }
}

/// A single key in parentheses declares a snippet.
fn snippet_name(keys: &[Token]) -> Option<(String, Span)> {
    let [key] = keys else { return None };
    let name = key.text.strip_prefix('(')?.strip_suffix(')')?;
    Some((name.to_owned(), key.span))
}
