//! The token that stands for a user and a password.

use std::time::Duration;

use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request};

use crate::Error;
use crate::client::Member;
use crate::proto::{AuthenticateRequest, AuthenticateResponse};

/// How long a member may take: it makes the hash slow on purpose.
const TIME_MAX: Duration = Duration::from_secs(3);

type Token = MetadataValue<Ascii>;

/// A user and a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password; never printed.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = &self.user;
        f.debug_struct("Credentials")
            .field("user", user)
            .finish_non_exhaustive()
    }
}

/// Keeps the token of a user.
pub(crate) struct Login {
    credentials: Credentials,
    kept: Mutex<Kept>,
    /// One asks at a time, the others wait for what it gets.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
enum Kept {
    /// None was asked for yet.
    Nothing,
    /// The cluster wants none.
    NotWanted,
    Token(Token),
}

impl Login {
    pub fn new(credentials: Credentials) -> Login {
        Login {
            credentials,
            kept: Mutex::new(Kept::Nothing),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    /// The token, asked of `member` if there is none; `None` if the cluster wants none.
    pub async fn token(&self, member: &Member) -> Result<Option<Token>, Error> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let _alone = self.asking.lock().await;
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let kept = self.ask(member).await?;
        *self.kept.lock() = kept;
        Ok(self.kept().flatten())
    }

    fn kept(&self) -> Option<Option<Token>> {
        match &*self.kept.lock() {
            Kept::Nothing => None,
            Kept::NotWanted => Some(None),
            Kept::Token(token) => Some(Some(token.clone())),
        }
    }

    async fn ask(&self, member: &Member) -> Result<Kept, Error> {
        let query = AuthenticateRequest {
            name: self.credentials.user.clone(),
            password: self.credentials.password.clone(),
        };
        let path = "/etcdserverpb.Auth/Authenticate";
        let answer = member.ask(path, Request::new(query), TIME_MAX).await;
        let AuthenticateResponse { token } = match answer {
            Err(Error::Refused(text)) if text.contains("authentication is not enabled") => {
                return Ok(Kept::NotWanted);
            }
            // Not the token of an earlier call: asking again would not help.
            Err(Error::Token(text)) => return Err(Error::Denied(text)),
            other => other?,
        };
        let bad = |_| Error::Refused(format!("{:?}: a token that is no text", Code::Internal));
        token.parse().map(Kept::Token).map_err(bad)
    }

    /// Has the next call ask for a new one.
    pub fn forget(&self) {
        *self.kept.lock() = Kept::Nothing;
    }
}
