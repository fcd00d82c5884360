//! The words of a Corefile in reading order, imports put in their place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::environment::{Environment, expand};
use crate::lex::{Oddity, Word, words};
use crate::{Diagnostic, Severity, SourceId, Sources, Span, Token};

/// How many snippets, and how many patterns of files, one Corefile may import; as CoreDNS.
const MOST_IMPORTS: usize = 10_000;
/// How many words one Corefile may have, imports included.
const MOST_WORDS: usize = 4_000_000;
/// How many octets of text one Corefile may have, imports included.
const MOST_OCTETS: usize = 256 << 20;
/// How many mistakes are told at once.
const MOST_FINDINGS: usize = 100;

/// Where imported words come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Snippet(String),
    File(PathBuf),
}

/// Words that take the place of an import.
#[derive(Clone)]
struct Part {
    origin: Origin,
    words: Rc<[Word]>,
}

/// What is being read: the parts of one import, one after the other.
struct Frame {
    parts: Vec<Part>,
    part: usize,
    word: usize,
}

impl Frame {
    fn current(&self) -> Option<&Word> {
        let rest = self.parts.get(self.part..)?;
        let mut at = self.word;
        for part in rest {
            if let Some(word) = part.words.get(at) {
                return Some(word);
            }
            at = 0;
        }
        None
    }

    fn advance(&mut self) {
        while let Some(part) = self.parts.get(self.part) {
            if self.word < part.words.len() {
                self.word += 1;
                return;
            }
            self.part += 1;
            self.word = 0;
        }
    }
}

/// A snippet and where its name stands.
struct Snippet {
    words: Rc<[Word]>,
    place: Span,
}

/// The reader that the parser takes words from.
pub(crate) struct Input<'e> {
    environment: &'e dyn Environment,
    pub(crate) sources: Sources,
    pub(crate) findings: Vec<Diagnostic>,
    frames: Vec<Frame>,
    snippets: HashMap<String, Snippet>,
    files: HashMap<PathBuf, Rc<[Word]>>,
    imports: (usize, usize),
    words_left: usize,
    octets_left: usize,
    last: Option<Token>,
}

impl<'e> Input<'e> {
    pub(crate) fn new(name: &str, text: &str, environment: &'e dyn Environment) -> Self {
        let mut input = Input {
            environment,
            sources: Sources::default(),
            findings: Vec::new(),
            frames: Vec::new(),
            snippets: HashMap::new(),
            files: HashMap::new(),
            imports: (0, 0),
            words_left: MOST_WORDS,
            octets_left: MOST_OCTETS,
            last: None,
        };
        if let Some(words) = input.add_source(name, text.to_owned()) {
            let origin = Origin::File(PathBuf::from(name));
            input.push(vec![Part { origin, words }]);
        } else {
            let message = format!("{name} is too big");
            input.tell(Diagnostic {
                span: None,
                ..Diagnostic::error(Span::default(), message)
            });
        }
        input
    }

    /// Notes a mistake, in the form people know from CoreDNS, or a warning.
    pub(crate) fn tell(&mut self, mut finding: Diagnostic) {
        let is_error = finding.severity == Severity::Error;
        if is_error && !finding.message.starts_with("Syntax error") {
            finding.message.insert_str(0, "Error during parsing: ");
        }
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// The word that comes next.
    pub(crate) fn peek(&self) -> Option<&Word> {
        self.frames.iter().rev().find_map(Frame::current)
    }

    /// Whether the next word is `text`.
    pub(crate) fn at(&self, text: &str) -> bool {
        self.peek().is_some_and(|word| word.token.text == text)
    }

    /// The next word if it is on the line of the one before it.
    pub(crate) fn peek_on_line(&self) -> Option<&Word> {
        self.peek().filter(|word| !word.first)
    }

    /// The place of the next word; else of the end.
    pub(crate) fn place(&self) -> Span {
        match self.peek() {
            Some(word) => word.token.span,
            None => self.last_place().after(),
        }
    }

    /// Takes the next word.
    pub(crate) fn next(&mut self) -> Option<Word> {
        while self.frames.last().is_some_and(|f| f.current().is_none()) {
            self.frames.pop();
        }
        let word = self.peek()?.clone();
        if self.words_left == 0 {
            self.tell(Diagnostic::error(
                word.token.span,
                format!("the Corefile and its imports have more than {MOST_WORDS} words"),
            ));
            self.stop();
            return None;
        }
        self.words_left -= 1;
        if let Some(frame) = self.frames.last_mut() {
            // The parts before the one of this word may have been empty.
            frame.advance();
        }
        self.last = Some(word.token.clone());
        Some(word)
    }

    /// Skips the rest of the text, after a mistake that leaves no sense in it.
    pub(crate) fn stop(&mut self) {
        self.frames.clear();
    }

    /// The word taken last.
    pub(crate) fn last(&self) -> Option<&Token> {
        self.last.as_ref()
    }

    /// The place of the word taken last.
    pub(crate) fn last_place(&self) -> Span {
        self.last.as_ref().map_or(Span::default(), |last| last.span)
    }

    /// `token` with environment variables replaced.
    pub(crate) fn expand(&mut self, token: Token) -> Token {
        match expand(&token.text, self.environment) {
            Ok(text) => Token { text, ..token },
            Err(_) => {
                let message = format!("the value of '{}' refers to itself", token.text);
                self.tell(Diagnostic::error(token.span, message));
                token
            }
        }
    }

    /// Names `words` for later imports.
    pub(crate) fn define(&mut self, name: String, place: Span, mut words: Vec<Word>) {
        let imports = words.windows(2).any(|pair| match pair {
            [word, target] if word.first && word.token.text == "import" => {
                expand(&target.token.text, self.environment).is_ok_and(|text| text == name)
            }
            _ => false,
        });
        if imports {
            self.tell(endless("snippet", place, &name));
            return;
        }
        if let Some(earlier) = self.snippets.get(&name) {
            let line = self.sources.position(earlier.place).line;
            let message = format!("redeclaration of previously declared snippet {name}");
            let hint = format!("it is declared in line {line} already");
            self.tell(Diagnostic::error(place, message).with_hint(hint));
            return;
        }
        if let Some(word) = words.first_mut() {
            word.first = true;
        }
        let words = words.into();
        self.snippets.insert(name, Snippet { words, place });
    }

    /// Takes the rest of an import line, whose first word was `import`, and opens what it names.
    pub(crate) fn import(&mut self, import: &Token) {
        let mut args = Vec::new();
        while self.peek_on_line().is_some() {
            args.extend(self.next());
        }
        let mut args = args.into_iter();
        let Some(target) = args.next() else {
            let message = "Wrong argument count or unexpected line ending after 'import'";
            let hint = "name a snippet, a file or a pattern of files";
            let place = import.span.after();
            self.tell(Diagnostic::error(place, message).with_hint(hint));
            return;
        };
        let target = self.expand(target.token);
        if target.text.is_empty() {
            let message = "Import requires a non-empty filepath";
            self.tell(Diagnostic::error(target.span, message));
        } else if let Some(extra) = args.next() {
            let message = "Import takes only one argument (glob pattern or file)";
            self.tell(Diagnostic::error(extra.token.span, message));
        } else if let Some(snippet) = self.snippets.get(&target.text) {
            let words = Rc::clone(&snippet.words);
            self.open_snippet(&target, words);
        } else {
            self.open_files(&target);
        }
    }

    fn open_snippet(&mut self, target: &Token, words: Rc<[Word]>) {
        let origin = Origin::Snippet(target.text.clone());
        self.imports.0 += 1;
        if self.imports.0 > MOST_IMPORTS || self.is_open(&origin) {
            self.tell(endless("snippet", target.span, &target.text));
            return;
        }
        self.push(vec![Part { origin, words }]);
    }

    fn open_files(&mut self, target: &Token) {
        self.imports.1 += 1;
        if self.imports.1 > MOST_IMPORTS {
            self.tell(endless("file", target.span, &target.text));
            return;
        }
        let here = Path::new(self.sources.name(target.span.source)).parent();
        let pattern = here.unwrap_or(Path::new("")).join(&target.text);
        let paths = match self.matching(&pattern, target) {
            Ok(paths) => paths,
            Err(finding) => return self.tell(*finding),
        };
        let parts = paths.iter().filter_map(|path| self.file(path, target));
        let parts = parts.collect();
        self.push(parts);
    }

    /// The files `pattern` names.
    fn matching(&self, pattern: &Path, target: &Token) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
        let error = |message: String| Box::new(Diagnostic::error(target.span, message));
        let text = pattern.to_string_lossy();
        let wild = |letter| text.matches(letter).count();
        if wild('*') > 1 || wild('?') > 1 || (text.contains('[') && text.contains(']')) {
            return Err(error(format!(
                "Glob pattern may only contain one wildcard (*), but has others: {text}"
            )));
        }
        let name = &target.text;
        if text.contains('[') {
            let message = format!("Failed to use import pattern {name}: syntax error in pattern");
            return Err(error(message));
        }
        let paths = self.environment.glob(pattern);
        let paths =
            paths.map_err(|e| error(format!("Failed to use import pattern {name}: {e}")))?;
        if !paths.is_empty() {
            return Ok(paths);
        }
        if text.contains(['*', '?', ']']) {
            let message = format!("No files matching import glob pattern: {name}");
            return Err(Box::new(Diagnostic::warning(target.span, message)));
        }
        let known = self.snippets.keys().map(String::as_str);
        let finding = error(format!("File to import not found: {name}"));
        Err(match crate::nearest(name, known) {
            Some(snippet) => Box::new(finding.with_hint(format!("did you mean '{snippet}'?"))),
            None => {
                let hint = "no snippet declared above and no file has this name";
                Box::new(finding.with_hint(hint))
            }
        })
    }

    /// The words of the file at `path`, read once.
    fn file(&mut self, path: &Path, target: &Token) -> Option<Part> {
        let origin = Origin::File(path.to_owned());
        if self.is_open(&origin) {
            self.tell(endless("file", target.span, &path.to_string_lossy()));
            return None;
        }
        if let Some(words) = self.files.get(path) {
            let words = Rc::clone(words);
            return Some(Part { origin, words });
        }
        let name = path.to_string_lossy();
        let text = match self.environment.read(path) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("Could not import {name}: {error}");
                self.tell(Diagnostic::error(target.span, message));
                return None;
            }
        };
        let Some(words) = self.add_source(&name, text) else {
            let message = format!("Could not import {name}: too big");
            self.tell(Diagnostic::error(target.span, message));
            return None;
        };
        self.files.insert(path.to_owned(), Rc::clone(&words));
        Some(Part { origin, words })
    }

    fn push(&mut self, parts: Vec<Part>) {
        self.frames.push(Frame {
            parts,
            part: 0,
            word: 0,
        });
    }

    /// Whether words of `origin` are being read, so that importing it again would never end.
    fn is_open(&self, origin: &Origin) -> bool {
        let mut open = self.frames.iter().filter_map(|f| f.parts.get(f.part));
        open.any(|part| part.origin == *origin)
    }

    fn add_source(&mut self, name: &str, text: String) -> Option<Rc<[Word]>> {
        self.octets_left = self.octets_left.checked_sub(text.len())?;
        let source = self.sources.add(name, text)?;
        let words = words(source, self.sources.text(source));
        self.warn_of_oddities(&words, source);
        Some(words.into())
    }

    fn warn_of_oddities(&mut self, words: &[Word], source: SourceId) {
        for (index, word) in words.iter().enumerate() {
            let span = Span {
                source,
                ..word.token.span
            };
            let follower = words.get(index + 1).filter(|next| !next.first);
            match (word.oddity, follower) {
                (Some(Oddity::Unclosed), _) => {
                    let message = "the quote is never closed";
                    let hint = "all text up to the end of the file is one word";
                    self.tell(Diagnostic::warning(span, message).with_hint(hint));
                }
                (Some(Oddity::GluedComment), Some(next)) => {
                    let message = format!("'{}' does not belong to the comment", next.token.text);
                    let hint = "a comment without a space before its '#' ends with the next space";
                    let place = next.token.span;
                    self.tell(Diagnostic::warning(place, message).with_hint(hint));
                }
                _ => {}
            }
        }
    }
}

fn endless(kind: &str, place: Span, name: &str) -> Diagnostic {
    let message = format!("maximum {kind} import depth ({MOST_IMPORTS}) exceeded");
    Diagnostic::error(place, message).with_hint(format!("'{name}' imports itself"))
}
