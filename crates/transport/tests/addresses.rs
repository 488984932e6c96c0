//! Which servers a client reaches when only some addresses are allowed. Whether one was reached is what it saw.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use portcullis_transport::{Addresses, Builder, Client, Error, Kind, Proxy, ProxyKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower_service::Service;

/// A server that answers everything alike, its port, and how many connections it got.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(1..) = stream.read(&mut bytes).await {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            });
        }
    });
    (port, opened)
}

async fn get(builder: Builder, url: &str) -> Result<u16, Error> {
    let mut client: Client = builder.build().unwrap();
    let answer = client.call(Request::get(url).body(Bytes::new()).unwrap()).await?;
    Ok(answer.status().as_u16())
}

#[tokio::test]
async fn an_address_that_is_not_allowed_gets_no_connection() {
    let (port, opened) = server().await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/");
        let builder = Client::builder().addresses(Addresses::public()).allow_plain_http(host);
        let error = get(builder, &url).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_left()), (Kind::Refused, false), "{error}");
        assert!(error.to_string().contains("this very machine"), "{error}");
    }
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn private_addresses_are_reached_when_that_is_said() {
    let (port, opened) = server().await;
    let url = format!("http://localhost:{port}/");
    let private = Client::builder().addresses(Addresses::public().and_private());
    assert_eq!(get(private, &url).await.unwrap(), 204);
    let listed = Client::builder().addresses(Addresses::public().and("127.0.0.0/8".parse().unwrap()));
    assert_eq!(get(listed, &url).await.unwrap(), 204);
    assert_eq!(get(Client::builder(), &url).await.unwrap(), 204);
    assert_eq!(opened.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn metadata_stay_out_of_reach_of_what_is_private() {
    let builder =
        Client::builder().addresses(Addresses::public().and_private()).allow_plain_http("169.254.169.254");
    let error = get(builder, "http://169.254.169.254/latest/meta-data/").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("metadata"), "{error}");
}

#[tokio::test]
async fn a_proxy_may_be_private_and_is_no_way_around() {
    let (port, opened) = server().await;
    for kind in [ProxyKind::Http, ProxyKind::Socks5h, ProxyKind::Socks5] {
        let proxy = Proxy::new(kind, "127.0.0.1", port);
        let builder = Client::builder().addresses(Addresses::public()).proxy(proxy);
        let error = get(builder, "https://10.0.0.5/").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
    }
    assert_eq!(opened.load(Ordering::SeqCst), 0);
    // A name that the proxy resolves is the proxy's matter: it is reached and answers.
    let proxy = Proxy::new(ProxyKind::Http, "127.0.0.1", port);
    let builder =
        Client::builder().addresses(Addresses::public()).proxy(proxy).allow_plain_http("intranet.example");
    assert_eq!(get(builder, "http://intranet.example/").await.unwrap(), 204);
}

#[tokio::test]
async fn a_name_that_socks_resolves_here_is_judged() {
    let (port, _) = server().await;
    let proxy = Proxy::new(ProxyKind::Socks4, "127.0.0.1", port);
    let builder = Client::builder().addresses(Addresses::public()).proxy(proxy);
    let error = get(builder, "https://localhost/").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
}
