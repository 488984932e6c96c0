//! A line for each exchange: method, origin, path unless that is a secret, status, time. No query, no header, no
//! body: those hold secrets and mail. Sits outside the layer with the credentials and never sees them.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::error::Error;
use crate::marks::Marks;
use crate::wire::Answering;

/// The layer.
#[derive(Clone)]
pub(crate) struct Record<S> {
    pub(crate) inner: S,
}

impl<S, B> Service<Request<Bytes>> for Record<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = Answering<Response<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let method = request.method().clone();
        let host = crate::error::host(request.uri());
        let hidden = Marks::of(&request).secret_path;
        let path = if hidden { "(hidden)" } else { request.uri().path() }.to_owned();
        let sent = request.body().len();
        let began = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let millis = began.elapsed().as_millis();
            match &answer {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    tracing::debug!(%method, host, path, sent, status, millis, "http");
                }
                Err(error) => tracing::debug!(%method, host, path, sent, %error, millis, "http"),
            }
            answer
        })
    }
}
