//! What comes back up the chain.

use catena_dns::{Rcode, Reply};

use crate::ReplyStream;

/// An error to be logged by the `errors` plugin; it says what went wrong, not that it did.
pub type ServeError = Box<dyn std::error::Error + Send + Sync>;

/// What a stage made of a query.
#[derive(Debug)]
#[must_use]
pub struct Outcome {
    /// What the client gets.
    pub answer: Answer,
    /// What went wrong, also beside a reply.
    pub error: Option<ServeError>,
    /// The plugin that wrote the reply; set by the chain.
    pub by: Option<&'static str>,
    /// Whether the answer may be another in a moment, so that nobody keeps it; see
    /// [`Outcome::live`].
    pub is_live: bool,
}

/// What a client gets.
#[derive(Debug)]
pub enum Answer {
    /// This reply, which outer stages may edit.
    Reply(Reply),
    /// An error that the server writes outermost, so outer stages cannot edit it.
    Fail(Rcode),
    /// Nothing: the query is dropped.
    Silent,
    /// Several messages, such as a zone; only over TCP. Outer stages let it pass.
    Stream(ReplyStream),
}

impl Outcome {
    /// The client gets `reply`.
    pub fn reply(reply: Reply) -> Outcome {
        Outcome {
            answer: Answer::Reply(reply),
            error: None,
            by: None,
            is_live: false,
        }
    }

    /// The server tells the client `rcode`; nothing is logged.
    pub fn fail(rcode: Rcode) -> Outcome {
        Outcome {
            answer: Answer::Fail(rcode),
            error: None,
            by: None,
            is_live: false,
        }
    }

    /// The server tells the client `rcode` because of `error`.
    pub fn failed(rcode: Rcode, error: impl Into<ServeError>) -> Outcome {
        Outcome {
            answer: Answer::Fail(rcode),
            error: Some(error.into()),
            by: None,
            is_live: false,
        }
    }

    /// The client gets nothing.
    pub fn silent() -> Outcome {
        Outcome {
            answer: Answer::Silent,
            error: None,
            by: None,
            is_live: false,
        }
    }

    /// The client gets the messages of `stream`.
    pub fn stream(stream: ReplyStream) -> Outcome {
        Outcome {
            answer: Answer::Stream(stream),
            error: None,
            by: None,
            is_live: false,
        }
    }

    /// Adds an error to be logged.
    pub fn with_error(mut self, error: impl Into<ServeError>) -> Outcome {
        self.error = Some(error.into());
        self
    }

    /// Says that the answer may be another in a moment: a cache must not keep it.
    ///
    /// For what is written while it is served: whoever has written a name may ask for it at once.
    /// And for what depends on who asks.
    pub fn live(mut self) -> Outcome {
        self.is_live = true;
        self
    }

    /// The same if `is_live`, as for what was made of another outcome.
    pub fn live_if(mut self, is_live: bool) -> Outcome {
        self.is_live |= is_live;
        self
    }

    /// The reply, if there is one.
    pub fn as_reply(&self) -> Option<&Reply> {
        match &self.answer {
            Answer::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// The reply to edit, if there is one.
    pub fn as_reply_mut(&mut self) -> Option<&mut Reply> {
        match &mut self.answer {
            Answer::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// The response code the client sees; `None` when it gets nothing.
    pub fn rcode(&self) -> Option<Rcode> {
        match &self.answer {
            Answer::Reply(reply) => Some(reply.rcode()),
            Answer::Fail(rcode) => Some(*rcode),
            Answer::Silent => None,
            Answer::Stream(_) => Some(Rcode::NOERROR),
        }
    }

    /// Notes the plugin that wrote the reply, if none is noted yet.
    #[inline]
    pub(crate) fn written_by(mut self, name: &'static str) -> Outcome {
        let is_written = matches!(self.answer, Answer::Reply(_) | Answer::Stream(_));
        if self.by.is_none() && is_written {
            self.by = Some(name);
        }
        self
    }
}
