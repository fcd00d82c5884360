//! What is asked of an endpoint, and what it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::Service;

const TEXT: &str = "text/plain; charset=utf-8";

/// A request, reduced to what our pages look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, such as `/health`.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
}

impl Asked {
    /// The value of `name` in the query, as it stands there.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Further header lines.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Page {
    /// A page of `content_type` with status 200.
    pub fn new(content_type: &'static str, body: impl Into<Bytes>) -> Page {
        Page {
            status: 200,
            content_type,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A page of plain text.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Page {
        Page {
            status,
            ..Page::new(TEXT, body)
        }
    }

    /// Changes the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Page {
        self.status = status;
        self
    }

    /// Adds a header line.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Page {
        self.headers.push((name, value.into()));
        self
    }

    /// The page for a path that nobody knows.
    pub fn not_found() -> Page {
        Page::text(404, "404 page not found\n")
    }
}

/// A page now, or later.
pub enum Answer {
    /// The page.
    Now(Page),
    /// The page must be waited for.
    Later(Pin<Box<dyn Future<Output = Page> + Send>>),
}

/// Somebody who answers at an endpoint.
pub trait Pages: Send + Sync + 'static {
    /// Answers `asked`, or leaves it to others at the same address.
    fn answer(&self, asked: &Asked) -> Option<Answer>;

    /// Who takes `asked` with its method, head and body, if this needs them.
    fn service(&self, asked: &Asked) -> Option<Arc<dyn Service>> {
        let _pages_only = asked;
        None
    }
}

impl<F> Pages for F
where
    F: Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
{
    fn answer(&self, asked: &Asked) -> Option<Answer> {
        self(asked)
    }
}
