//! Logs in by Digest: takes challenges up, and keeps the last one for as many requests as the server lets it.
//!
//! Without a challenge a request goes without its body, which would be sent in vain. A 401 says that nothing was done, so
//! a request may go again after it; how often is bounded, and a challenge that was just taken up is not taken up twice
//! unless the server calls it stale.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use crate::challenge;
use crate::digest::{Asked, Session, hex};
use crate::error::{Error, Kind};
use crate::handshake::{SERVER, offered};
use crate::secret::Secret;
use crate::streamed::Streamed;

/// How often one request is sent at most: without a challenge, with one, and with the one that replaces it.
const MOST: usize = 4;

/// Who logs in, and the challenge that counts.
pub(crate) struct DigestLogIn {
    user: String,
    password: Secret,
    session: Mutex<Option<Arc<Session>>>,
}

impl fmt::Debug for DigestLogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestLogIn").field("user", &self.user).finish_non_exhaustive()
    }
}

impl DigestLogIn {
    /// Fails if user or password cannot be used.
    pub(crate) fn new(user: &str, password: &Secret) -> Result<Self, Error> {
        if user.is_empty() || user.chars().chain(password.reveal().chars()).any(char::is_control) {
            let why = "a user must not be empty, and neither user nor password have a control character";
            return Err(Error::before(Kind::Setup, "", why));
        }
        Ok(DigestLogIn { user: user.to_owned(), password: password.clone(), session: Mutex::default() })
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_up(&self, asked: Asked) -> Result<Arc<Session>, String> {
        let mut ours = [0; 16];
        getrandom::fill(&mut ours).map_err(|why| format!("this machine gives no random bytes: {why}"))?;
        let session = Arc::new(asked.taken_up(&self.user, self.password.reveal(), hex(&ours)));
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(session)
    }
}

/// Sends a request to `host` with an answer to its challenge.
pub(crate) async fn exchange<S, B>(
    mut inner: S,
    login: Arc<DigestLogIn>,
    host: String,
    mut request: Request<Bytes>,
) -> Result<Response<B>, Error>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
{
    let failed = |why: String| Error::no_log_in(&host, why, None);
    request.headers_mut().remove(AUTHORIZATION);
    let mut session = login.session();
    let mut fresh = false;
    for _ in 0..MOST {
        let whole = session.is_some() || !Streamed::or_bytes(&request);
        let sent = match &session {
            Some(session) => answered(&request, session).map_err(failed)?,
            None => without_body(&request),
        };
        std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
        let answer = inner.call(sent).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            if whole {
                return Ok(answer);
            }
            // It answered the empty request, so it asks for no log-in.
            drop(answer);
            std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
            return inner.call(request).await;
        }
        let asked = Asked::strongest(&challenge::of(answer.headers())).map_err(|why| {
            failed(format!(
                "{why} ({}); switch that on there, or configure one of those",
                offered(&answer, &SERVER)
            ))
        })?;
        if fresh && !asked.stale {
            return Ok(answer);
        }
        session = Some(login.take_up(asked).map_err(failed)?);
        fresh = true;
    }
    Err(failed("the server calls each challenge stale as soon as it is answered; look at its log".to_owned()))
}

fn answered(request: &Request<Bytes>, session: &Session) -> Result<Request<Bytes>, String> {
    let uri = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut value = HeaderValue::try_from(session.answer(request.method().as_str(), uri))
        .map_err(|_| "what the server asks for does not fit into a header".to_owned())?;
    value.set_sensitive(true);
    let mut answered = request.clone();
    answered.headers_mut().insert(AUTHORIZATION, value);
    Ok(answered)
}

fn without_body(request: &Request<Bytes>) -> Request<Bytes> {
    let mut empty = request.clone();
    if Streamed::or_bytes(request) {
        *empty.body_mut() = Bytes::new();
        empty.extensions_mut().remove::<Streamed>();
        empty.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    empty
}
