//! The innermost layer: the one place that names reqwest.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame};
use reqwest::redirect::Policy;
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::tls;

/// An answer that is under way.
pub(crate) type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// The layer.
#[derive(Clone)]
pub(crate) struct Wire {
    client: reqwest::Client,
}

impl Wire {
    pub(crate) fn new(connect: Duration, proxy: Option<&Uri>, roots: &[Vec<u8>]) -> Result<Self, Error> {
        let setup = |why: reqwest::Error| Error::before(Kind::Setup, "", words(why));
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(roots)?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .no_proxy()
            .connect_timeout(connect)
            .pool_idle_timeout(Duration::from_secs(30));
        if let Some(proxy) = proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.to_string()).map_err(setup)?);
        }
        Ok(Wire { client: builder.build().map_err(setup)? })
    }
}

impl Service<Request<Bytes>> for Wire {
    type Response = Response<Arriving>;
    type Error = Error;
    type Future = Answering<Response<Arriving>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let client = self.client.clone();
        let host = host(request.uri());
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)
                .map_err(|why| Error::before(Kind::Refused, host.as_str(), words(why)))?;
            let answer = client.execute(request).await.map_err(|why| {
                if why.is_connect() {
                    Error::before(Kind::Connect, host.as_str(), words(why))
                } else {
                    Error::after(Kind::Broken, host.as_str(), words(why))
                }
            })?;
            Ok(Response::from(answer).map(|inner| Arriving { inner, host }))
        })
    }
}

/// A body as it arrives.
pub(crate) struct Arriving {
    inner: reqwest::Body,
    host: String,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(
            frame
                .map(|frame| frame.map_err(|why| Error::after(Kind::Broken, self.host.as_str(), words(why)))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// An error with its causes as one line, without the address, which may hold secrets.
fn words(error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}
