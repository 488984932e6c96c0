//! Requests with a token: what is asked of its source, when, and where the token goes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use portcullis_transport::{Bearer, Client, Credentials, Error, Kind, NoToken, Origin, Secret, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower_service::Service;

/// A server that takes one token only, and the heads of all requests it got.
async fn serve(good: &'static str, challenge: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/EWS/Exchange.asmx", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            let mut buffer = [0; 4096];
            while !text.ends_with("<hi/>") {
                let Ok(n @ 1..) = stream.read(&mut buffer).await else { break };
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            let answer = if text.contains(&format!("authorization: Bearer {good}\r\n")) {
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned()
            } else {
                format!("HTTP/1.1 401 No\r\n{challenge}Connection: close\r\nContent-Length: 0\r\n\r\n")
            };
            log.lock().unwrap().push(text);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, heard)
}

/// Gives `first`, then `then`, and keeps what it was asked.
struct Tokens {
    first: Result<&'static str, &'static str>,
    then: Result<&'static str, &'static str>,
    asked: Mutex<Vec<String>>,
}

impl Tokens {
    fn new(first: Result<&'static str, &'static str>, then: Result<&'static str, &'static str>) -> Arc<Self> {
        Arc::new(Tokens { first, then, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Bearer for Tokens {
    fn token(&self) -> Token<'_> {
        self.asked.lock().unwrap().push("token".to_owned());
        Box::pin(async { self.first.map(Secret::new).map_err(NoToken::new) })
    }

    fn another<'a>(&'a self, refused: &'a Secret, claims: Option<&'a str>) -> Token<'a> {
        self.asked.lock().unwrap().push(format!("another for {} with {claims:?}", refused.reveal()));
        Box::pin(async { self.then.map(Secret::new).map_err(NoToken::new) })
    }
}

fn client(url: &str, tokens: &Arc<Tokens>) -> Client {
    let origin = Origin::of(&url.parse().unwrap()).unwrap();
    let tokens: Arc<dyn Bearer> = tokens.clone();
    Client::builder().credentials(origin, Credentials::bearer(tokens)).build().unwrap()
}

async fn status(client: &Client, url: &str) -> Result<u16, Error> {
    let request = Request::post(url).body(Bytes::from_static(b"<hi/>")).unwrap();
    client.clone().call(request).await.map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn the_token_goes_to_its_own_origin_only_and_its_source_is_asked_for_each_request() {
    let (ours, _) = serve("good", "").await;
    let (other, other_heard) = serve("good", "").await;
    let tokens = Tokens::new(Ok("good"), Err("not asked"));
    let client = client(&ours, &tokens);
    assert_eq!(status(&client, &ours).await, Ok(200));
    assert_eq!(status(&client, &ours).await, Ok(200));
    assert_eq!(status(&client, &other).await, Ok(401));
    assert_eq!(tokens.asked(), ["token", "token"]);
    assert!(!other_heard.lock().unwrap().concat().to_lowercase().contains("authorization"));
    let shown = format!("{client:?} {:?}", Credentials::bearer(tokens));
    assert!(!shown.contains("good"), "{shown}");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_request_sent_again_whole() {
    let challenge =
        "WWW-Authenticate: Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"\r\n";
    let (url, heard) = serve("good", challenge).await;
    let tokens = Tokens::new(Ok("stale"), Ok("good"));
    assert_eq!(status(&client(&url, &tokens), &url).await, Ok(200));
    assert_eq!(tokens.asked(), ["token", "another for stale with Some(\"eyJhIjoxfQ==\")"]);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|request| request.ends_with("<hi/>")), "{heard:?}");
}

#[tokio::test]
async fn a_server_that_refuses_every_token_hears_two_requests() {
    let (url, heard) = serve("good", "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Bearer\r\n").await;
    let tokens = Tokens::new(Ok("bad"), Ok("worse"));
    assert_eq!(status(&client(&url, &tokens), &url).await, Ok(401));
    assert_eq!(tokens.asked(), ["token", "another for bad with None"]);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2);
    assert!(!heard.concat().contains("Negotiate"), "{heard:?}");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (url, heard) = serve("good", "").await;
    for token in [Err("the secret has expired"), Ok("two\nlines")] {
        let error = status(&client(&url, &Tokens::new(token, token)), &url).await.unwrap_err();
        assert_eq!(error.kind(), Kind::LogIn);
        assert!(!error.may_have_left());
        assert_eq!(error.retry_after(), None);
        assert!(!error.to_string().contains("lines"), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
    assert!(heard.lock().unwrap().is_empty());
}
