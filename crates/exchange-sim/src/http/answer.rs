//! Short answers, and how a handler says that there is to be none.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::PiecesBody;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on request")]
pub(crate) struct Hangup;

/// An answer, unless the connection is to be dropped.
pub(crate) type Answered = Result<Response<PiecesBody>, Hangup>;

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<PiecesBody> {
    respond(status, "text/plain; charset=utf-8", PiecesBody::text(text))
}

pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response<PiecesBody> {
    respond(status, "application/json; charset=utf-8", PiecesBody::text(value.to_string()))
}

pub(crate) fn respond(status: StatusCode, kind: &'static str, body: PiecesBody) -> Response<PiecesBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
