//! Any bytes as what a whole network answers to Autodiscover: no panic, the search ends, and the log-in goes only to
//! the hosts it belongs to.
#![no_main]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, header};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use portcullis_ews::{Autodiscover, AutodiscoverConfig};
use portcullis_exchange::Mailbox;
use tower_service::Service;

/// Gives the parts of the input as answers, one after the other and round again.
#[derive(Clone)]
struct Network {
    answers: Arc<Vec<Vec<u8>>>,
    next: Arc<Mutex<usize>>,
    login: bool,
}

impl Service<Request<Bytes>> for Network {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        if self.login {
            let uri = request.uri();
            assert_eq!(uri.scheme_str(), Some("https"), "{uri}");
            let host = uri.host().unwrap_or_default().to_ascii_lowercase();
            assert!(matches!(host.as_str(), "corp.example" | "autodiscover.corp.example"), "{uri}");
            assert!(matches!(uri.port_u16(), None | Some(443)), "{uri}");
        }
        let mut next = self.next.lock().expect("one thread");
        let answer = self.answers.get(*next % self.answers.len().max(1)).cloned().unwrap_or_default();
        *next += 1;
        let (status, body) = match answer.split_first() {
            Some((b'R', rest)) => (302, rest),
            Some((b'U', rest)) => (401, rest),
            _ => (200, answer.as_slice()),
        };
        let mut response = Response::new(Full::new(Bytes::copy_from_slice(body)));
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        if let Ok(value) = http::HeaderValue::from_bytes(body) {
            response.headers_mut().insert(header::LOCATION, value.clone());
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        ready(Ok(response))
    }
}

fuzz_target!(|input: &[u8]| {
    let answers: Arc<Vec<Vec<u8>>> =
        Arc::new(input.split(|byte| *byte == 0xFF).map(<[u8]>::to_vec).collect());
    let next = Arc::new(Mutex::new(0));
    let service = |login| Network { answers: Arc::clone(&answers), next: Arc::clone(&next), login };
    let client = Autodiscover::new(service(true), service(false), AutodiscoverConfig::default());
    let me = Mailbox::new("alice@corp.example").expect("an address");
    assert!(client.discover(&me).now_or_never().is_some(), "nothing here waits");
    assert!(*next.lock().expect("one thread") < 200, "the search goes on and on");
});
