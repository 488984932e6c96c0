//! Answers that arrive compressed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use portcullis_transport::Kind;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{builder, plain, post, say, send};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What a client makes of a body with this encoding.
async fn read(
    coding: &'static str,
    body: Vec<u8>,
    limit: u64,
) -> Result<bytes::Bytes, portcullis_transport::Error> {
    let (at, seen) = plain(move |_| say("200 OK", &format!("Content-Encoding: {coding}\r\n"), &body)).await;
    let client = builder().max_body(limit).build().unwrap();
    let (status, body) = send(&client, post(&format!("http://{at}/"), "<body/>")).await?;
    assert_eq!(status, 200);
    assert_eq!(seen.asked()[0].header("accept-encoding").as_deref(), Some("gzip, deflate"));
    Ok(body)
}

#[tokio::test]
async fn what_was_compressed_is_as_it_was() {
    let text: Vec<u8> = (0..300_000_u32).flat_map(|n| (n % 7919).to_le_bytes()).collect();
    for (coding, body) in [
        ("gzip", gzip(&text)),
        ("X-GZIP", gzip(&text)),
        ("gzip", [gzip(&text[..1000]), gzip(&text[1000..])].concat()),
        ("deflate", zlib(&text)),
        ("deflate", bare(&text)),
        ("identity", text.clone()),
    ] {
        let read = read(coding, body, 2 << 20).await.unwrap();
        assert!(read == text, "{coding}: {} bytes", read.len());
    }
    for (coding, body) in [("gzip", gzip(b"")), ("deflate", zlib(b""))] {
        assert!(read(coding, body, 100).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_bomb_ends_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for (coding, body) in [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("deflate", bare(&zeros))] {
        let error = read(coding, body, 1 << 20).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{error}");
    }
    // Nothing comes out of this one, however much goes in.
    let hollow = gzip(b"").repeat(100_000);
    assert_eq!(read("gzip", hollow, 1 << 20).await.unwrap_err().kind(), Kind::TooLarge);
}

#[tokio::test]
async fn what_is_cut_or_broken_is_an_error_and_never_a_shorter_answer() {
    let text = b"a longer text that does not fit into one byte".repeat(20);
    for (coding, body) in [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", bare(&text))] {
        for cut in [0, 1, 5, body.len() / 2, body.len() - 1] {
            let error = read(coding, body[..cut].to_vec(), 1 << 20).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Broken, "{coding} cut at {cut}: {error}");
        }
        let error = read(coding, [body.as_slice(), b"more"].concat(), 1 << 20).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Broken, "{coding} with more");
    }
    let error = read("br", text, 1 << 20).await.unwrap_err();
    assert!(error.kind() == Kind::Broken && error.to_string().contains("nobody asked for"), "{error}");
}

#[tokio::test]
async fn who_asks_for_an_encoding_itself_gets_it_as_it_came() {
    let body = gzip(b"text");
    let (at, _) = plain(move |_| say("200 OK", "Content-Encoding: gzip\r\n", &body)).await;
    let mut request = post(&format!("http://{at}/"), "<body/>");
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    assert_eq!(send(&builder().build().unwrap(), request).await.unwrap().1, gzip(b"text"));
}

#[test]
fn hostile_bytes_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let next = Arc::new(Mutex::new((String::new(), Vec::new())));
    let theirs = Arc::clone(&next);
    let (at, _) = runtime.block_on(plain(move |_| {
        let (coding, body) = theirs.lock().unwrap().clone();
        say("200 OK", &format!("Content-Encoding: {coding}\r\n"), body)
    }));
    let client = builder().max_body(1 << 20).build().unwrap();
    let url = format!("http://{at}/");
    let cases = (any::<Vec<u8>>(), any::<bool>(), prop::sample::select(vec!["gzip", "deflate"]));
    let mut runner = TestRunner::new(ProptestConfig { cases: 128, ..ProptestConfig::default() });
    let result = runner.run(&cases, |(mut body, real, coding)| {
        if real {
            let mut good = if coding == "gzip" { gzip(b"some text") } else { zlib(b"some text") };
            let at = body.len() % good.len();
            good.splice(at..at, body);
            body = good;
        }
        *next.lock().unwrap() = (coding.to_owned(), body);
        if let Err(error) = runtime.block_on(send(&client, post(&url, "<body/>"))) {
            prop_assert!(matches!(error.kind(), Kind::Broken | Kind::TooLarge), "{error}");
        }
        Ok(())
    });
    result.unwrap();
}
