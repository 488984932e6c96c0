//! The HTTP client as the EWS client needs it: what one says of a request, in the words of the other.
//!
//! The two crates do not know each other. Here it is said that a request may be sent again or goes on for long,
//! and that a server wants to be left alone for a while, which is written in SOAP and holds for all requests.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use ews::{Nature, OnBusy, Outgoing, Sent};
use http::Request;
use tower_service::Service;
use transport::{Client, Kind, Marks, Origin, Streamed};

/// What became of a request that got no answer.
pub(crate) fn sent(error: &transport::Error) -> Sent {
    match (error.kind(), error.retry_after()) {
        (Kind::LogIn, None) => Sent::NoLogIn,
        _ => error.may_have_left().into(),
    }
}

/// The client of one connection.
#[derive(Clone)]
pub(crate) struct Carried(pub(crate) Client);

impl Carried {
    /// Whom the EWS client tells that the server at `origin` is busy.
    pub(crate) fn on_busy(&self, origin: Origin) -> OnBusy {
        let client = self.0.clone();
        OnBusy::tell(move |wait: Duration| client.back_off(&origin, wait))
    }
}

impl Service<Request<Bytes>> for Carried {
    type Response = <Client as Service<Request<Bytes>>>::Response;
    type Error = transport::Error;
    type Future = <Client as Service<Request<Bytes>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), transport::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let nature = request.extensions().get::<Nature>().copied().unwrap_or_default();
        let marks = Marks::default();
        let marks = if nature.repeatable { marks.repeatable() } else { marks };
        let marks = nature.lasts.map_or(marks, |limit| marks.lasting(limit));
        request.extensions_mut().insert(marks);
        if let Some(outgoing) = request.extensions_mut().remove::<Outgoing>() {
            let streamed = Streamed::new(outgoing.length(), move || outgoing.open());
            request.extensions_mut().insert(streamed);
        }
        self.0.call(request)
    }
}
