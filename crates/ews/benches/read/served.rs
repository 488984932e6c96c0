//! A server that knows one list of answers by heart and gives the next at each request, on a thread of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;

/// A server, and how many bytes the body of the last request had.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<AtomicU64>,
}

/// Starts it on loopback. It ends with the process.
pub(crate) fn serve(answers: Vec<Bytes>) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (answers, turn) = (Arc::new(answers), Arc::new(AtomicUsize::new(0)));
    let asked = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Otherwise the end of every answer waits until the client has acknowledged its beginning.
            stream.set_nodelay(true).unwrap();
            let (answers, turn, seen) = (Arc::clone(&answers), Arc::clone(&turn), Arc::clone(&seen));
            // A client that goes away in the middle is no matter of the server's.
            thread::spawn(move || while answer(&stream, &answers, &turn, &seen).is_some() {});
        }
    });
    Served { address, asked }
}

/// Answers one request; nothing if there is no other.
fn answer(mut stream: &TcpStream, answers: &[Bytes], turn: &AtomicUsize, asked: &AtomicU64) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).ok()? > 2 {
        let lower = line.to_ascii_lowercase();
        length = lower.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
        line.clear();
    }
    if line.is_empty() {
        return None;
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    asked.store(length, Ordering::Relaxed);
    let body = &answers[turn.fetch_add(1, Ordering::Relaxed) % answers.len()];
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml; charset=utf-8\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()
}
