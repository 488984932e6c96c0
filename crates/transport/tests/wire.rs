//! The client against servers that were written byte by byte to misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use portcullis_transport::{Body, Builder, Client, Credentials, Error, Kind, Origin, Proxy, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

const PASSWORD: &str = "s3cret-horse";
/// What the header carries: the base64 of `svc:s3cret-horse`.
const ENCODED: &str = "c3ZjOnMzY3JldC1ob3JzZQ==";

/// What a server does with a connection after the request's head was read.
type Answer = fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server on a free port, and every byte it was sent.
async fn serve(answer: Answer) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/EWS/Exchange.asmx", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let mut all = Vec::new();
                while !all.windows(4).any(|window| window == b"\r\n\r\n") {
                    let Ok(n @ 1..) = stream.read(&mut buffer).await else { return };
                    all.extend_from_slice(&buffer[..n]);
                    log.lock().unwrap().extend_from_slice(&buffer[..n]);
                }
                answer(stream).await;
            });
        }
    });
    (url, heard)
}

fn builder(url: &str) -> Builder {
    let origin = Origin::of(&url.parse().unwrap()).unwrap();
    Client::builder()
        .credentials(origin, Credentials::basic("svc", Secret::new(PASSWORD)))
        .deadline(Duration::from_secs(2))
        .connect_timeout(Duration::from_secs(1))
}

async fn send(client: &Client, url: &str) -> Result<Response<Body>, Error> {
    let request = Request::post(url)
        .header("x-anchormailbox", "a@b.example")
        .body(Bytes::from_static(b"<hi/>"))
        .unwrap();
    client.clone().call(request).await
}

async fn whole(client: &Client, url: &str) -> Result<(u16, Bytes), Error> {
    let answer = send(client, url).await?;
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

macro_rules! answers {
    ($bytes:expr) => {
        |mut stream: TcpStream| {
            Box::pin(async move {
                let _ = stream.write_all($bytes).await;
            })
        }
    };
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    // The HTTP server of Windows answers 411 to one that does not, whoever logs in.
    let (ours, heard) = serve(answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).await;
    let request = Request::post(&ours).body(Bytes::new()).unwrap();
    assert_eq!(builder(&ours).build().unwrap().call(request).await.unwrap().status(), 200);
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).to_lowercase();
    assert_eq!(heard.matches("content-length: 0\r\n").count(), 1, "{heard}");
}

#[tokio::test]
async fn credentials_go_to_their_own_origin_and_to_no_other() {
    let (ours, heard) = serve(answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).await;
    let (other, other_heard) = serve(answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).await;
    let client = builder(&ours).build().unwrap();
    assert_eq!(whole(&client, &ours).await.unwrap(), (200, Bytes::from_static(b"ok")));
    assert!(String::from_utf8_lossy(&heard.lock().unwrap()).contains(ENCODED));
    whole(&client, &other).await.unwrap();
    whole(&client, &ours.replace("127.0.0.1", "localhost")).await.ok();
    let heard_by_other = String::from_utf8_lossy(&other_heard.lock().unwrap()).to_lowercase();
    assert!(heard_by_other.contains("post /ews/exchange.asmx"), "the request came");
    assert!(!heard_by_other.contains("authorization"), "another port gets no credentials");
    let times = String::from_utf8_lossy(&heard.lock().unwrap()).matches(ENCODED).count();
    assert_eq!(times, 1, "another name for the same machine is another origin");
}

#[tokio::test]
async fn redirects_are_handed_over_and_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (evil, heard) = serve(answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).await;
        let evil_copy = evil.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let head =
                format!("HTTP/1.1 {status} Moved\r\nLocation: {evil_copy}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        });
        let client = builder(&ours).build().unwrap();
        assert_eq!(send(&client, &ours).await.unwrap().status(), status);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(heard.lock().unwrap().is_empty(), "the other server heard of it");
    }
}

#[tokio::test]
async fn a_401_is_handed_over_once_and_no_other_way_to_log_in_is_tried() {
    let (url, heard) = serve(answers!(
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    let client = builder(&url).build().unwrap();
    assert_eq!(whole(&client, &url).await.unwrap().0, 401);
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert_eq!(heard.matches("POST ").count(), 1, "{heard}");
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline() {
    let (url, _) = serve(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    })
    .await;
    let client = builder(&url).deadline(Duration::from_millis(400)).build().unwrap();
    let began = Instant::now();
    let error = whole(&client, &url).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Deadline, "{error}");
    assert!(error.may_have_left());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_never_ends_ends_at_the_deadline() {
    for answer in [
        (|mut stream: TcpStream| {
            Box::pin(async move {
                let mut byte = [0];
                while stream.read(&mut byte).await.is_ok_and(|n| n > 0) {}
            }) as _
        }) as Answer,
        |mut stream| {
            Box::pin(async move {
                while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        },
    ] {
        let (url, _) = serve(answer).await;
        let client = builder(&url).deadline(Duration::from_millis(300)).build().unwrap();
        let began = Instant::now();
        let error = whole(&client, &url).await.unwrap_err();
        assert!(error.may_have_left(), "{error}");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn broken_answers_are_errors_that_say_the_request_left() {
    let cases: [Answer; 6] = [
        answers!(b""),
        answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
        answers!(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        answers!(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
        answers!(b"what is this\r\n\r\n"),
        |mut stream| {
            Box::pin(async move {
                let head = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"X-A: aaaaaaaaaaaaaaaa\r\n".repeat(500_000)]
                    .concat();
                let _ = stream.write_all(&head).await;
            })
        },
    ];
    for (number, answer) in cases.into_iter().enumerate() {
        let (url, _) = serve(answer).await;
        let client = builder(&url).build().unwrap();
        let error = whole(&client, &url).await.unwrap_err();
        assert!(error.may_have_left(), "case {number}: {error}");
        assert!(matches!(error.kind(), Kind::Broken), "case {number}: {error}");
        assert!(error.to_string().contains("127.0.0.1"), "case {number}: {error}");
    }
}

#[tokio::test]
async fn extra_bytes_do_not_become_the_next_answer() {
    let (url, _) = serve(|mut stream| {
        Box::pin(async move {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
                .await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        })
    })
    .await;
    let client = builder(&url).build().unwrap();
    for _ in 0..3 {
        assert_eq!(whole(&client, &url).await.unwrap().1, "first");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_cut() {
    let (url, _) = serve(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        })
    })
    .await;
    let client = builder(&url).max_body(100_000).build().unwrap();
    let error = whole(&client, &url).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge, "{error}");
}

#[tokio::test]
async fn a_connection_that_is_refused_shows_that_nothing_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = builder(&url).build().unwrap();
    let error = send(&client, &url).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert!(!error.may_have_left());
}

#[tokio::test]
async fn tls_to_a_server_without_it_shows_that_nothing_left() {
    let (url, heard) = serve(answers!(b"HTTP/1.1 200 OK\r\n\r\n")).await;
    let url = url.replace("http:", "https:");
    let client = builder(&url).build().unwrap();
    let error = send(&client, &url).await.unwrap_err();
    assert!(!error.may_have_left(), "{error}");
    assert!(!String::from_utf8_lossy(&heard.lock().unwrap()).contains("POST"));
}

#[tokio::test]
async fn plain_http_goes_to_this_machine_or_where_it_was_allowed() {
    let client = Client::builder().build().unwrap();
    for url in ["http://mail.corp.example/", "http://user:pw@127.0.0.1/", "http://127.0.0.1.evil.example/"] {
        let error = send(&client, url).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{url}: {error}");
        assert!(!error.may_have_left() && !error.to_string().contains("pw"), "{error}");
    }
    let origin = Origin::of(&"http://mail.corp.example/".parse().unwrap()).unwrap();
    let credentials = Credentials::basic("svc", Secret::new(PASSWORD));
    let refused = Client::builder().credentials(origin.clone(), credentials.clone()).build().unwrap_err();
    assert_eq!(refused.kind(), Kind::Setup);
    assert!(
        Client::builder()
            .credentials(origin, credentials)
            .allow_plain_http("mail.corp.example")
            .build()
            .is_ok()
    );
}

#[tokio::test]
async fn the_environment_chooses_no_proxy_and_the_configuration_does() {
    let (proxy, heard) = serve(answers!(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")).await;
    let proxy = Proxy::parse(proxy.trim_end_matches("/EWS/Exchange.asmx")).unwrap();
    let client = Client::builder().proxy(proxy).allow_plain_http("mail.corp.example").build().unwrap();
    assert_eq!(whole(&client, "http://mail.corp.example/").await.unwrap().1, "proxy");
    assert!(String::from_utf8_lossy(&heard.lock().unwrap()).starts_with("POST http://mail.corp.example/"));
}

#[test]
fn a_secret_is_in_no_message() {
    let credentials = Credentials::basic("svc", Secret::new(PASSWORD));
    let builder = builder("https://mail.corp.example/").credentials(
        Origin::of(&"https://b.example/".parse().unwrap()).unwrap(),
        Credentials::basic("with:colon", Secret::new(PASSWORD)),
    );
    let shown = format!("{credentials:?} {builder:?} {:?}", builder.clone().build().unwrap_err());
    assert!(!shown.contains(PASSWORD) && !shown.contains("horse"), "{shown}");
    assert!(shown.contains("colon"), "{shown}");
    let bad = Client::builder().root_certificates(b"nothing".to_vec()).build().unwrap_err();
    assert!(bad.to_string().contains("CERTIFICATE"), "{bad}");
}
