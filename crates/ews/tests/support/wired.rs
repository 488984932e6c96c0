//! A client over a real socket, which lets streams go on.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use portcullis_ews::{Access, Config, EwsClient, Nature, Outgoing};
use tower_service::Service;
use transport::{Client, Credentials, Marks, Origin, Secret, Streamed};

/// The transport, told what kind of request each one is.
#[derive(Clone)]
struct Marking(Client);

impl Service<Request<Bytes>> for Marking {
    type Response = <Client as Service<Request<Bytes>>>::Response;
    type Error = transport::Error;
    type Future = <Client as Service<Request<Bytes>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), transport::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let nature = request.extensions().get::<Nature>().copied().unwrap_or_default();
        if let Some(limit) = nature.lasts {
            request.extensions_mut().insert(Marks::default().lasting(limit));
        }
        if let Some(outgoing) = request.extensions_mut().remove::<Outgoing>() {
            let streamed = Streamed::new(outgoing.length(), move || outgoing.open());
            request.extensions_mut().insert(streamed);
        }
        self.0.call(request)
    }
}

/// A client that acts for whatever mailbox it is asked about; its own calls may take `deadline`.
pub(crate) fn connect(url: &str, user: &str, password: &str, deadline: Duration) -> EwsClient {
    connect_with(url, user, password, deadline, |_| {})
}

/// The same with another configuration.
#[allow(dead_code, reason = "every test file uses a part of this")]
pub(crate) fn connect_with(
    url: &str,
    user: &str,
    password: &str,
    deadline: Duration,
    change: impl FnOnce(&mut Config),
) -> EwsClient {
    let url: http::Uri = url.parse().unwrap();
    let client = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(user, Secret::new(password)))
        .deadline(deadline)
        .build()
        .unwrap();
    let mut config = Config::new(url, Access::Impersonation);
    config.streams_requests = true;
    change(&mut config);
    EwsClient::new(Marking(client), config, |error: &transport::Error| error.may_have_left())
}
