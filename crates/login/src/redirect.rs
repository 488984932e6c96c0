//! Listens on this machine for the one request that brings a browser back.
//!
//! Anything may connect to a port: other programs, and pages in the same browser. So only a request with the
//! state of this log-in counts, once; everything else gets a page that says nothing, and the log-in goes on.

use std::net::Ipv4Addr;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transport::Secret;
use url::form_urlencoded;

/// The longest head of a request. A code of Entra ID has about 1 KB; browsers add headers.
const LONGEST: usize = 32 << 10;
/// A connection without a whole request by then is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A port that is listened at.
pub(crate) struct Redirect {
    listener: TcpListener,
    port: u16,
}

/// What a browser brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// The code.
    Code(Secret),
    /// There is none.
    Refused {
        /// The error.
        error: String,
        /// What the authority says about it.
        description: Option<String>,
    },
}

/// What a request is.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Ours(Returned),
    Strange,
}

impl Redirect {
    /// Listens at this port, or at a free one; never on the network.
    pub(crate) async fn listen(port: Option<u16>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let port = listener.local_addr()?.port();
        Ok(Redirect { listener, port })
    }

    /// What is registered as `http://localhost`: Entra ID ignores the port, but not a path.
    pub(crate) fn uri(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Waits for the browser with this state.
    pub(crate) async fn returned(&self, state: &Secret) -> Returned {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        loop {
            let stream = tokio::select! {
                Some(returned) = receiver.recv() => return returned,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // Out of file handles, perhaps: not faster than a person.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let (sender, state) = (sender.clone(), state.clone());
            tokio::spawn(async move {
                if let Ok(Some(returned)) = tokio::time::timeout(PATIENCE, serve(stream, &state)).await {
                    // Whoever comes second finds nobody who listens.
                    let _ = sender.try_send(returned);
                }
            });
        }
    }
}

/// Answers one request.
async fn serve(mut stream: TcpStream, state: &Secret) -> Option<Returned> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > LONGEST || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let (answer, returned) = match read(&head, state) {
        Request::Ours(returned @ Returned::Code(_)) => {
            (page("200 OK", "You can close this window and go on where you began."), Some(returned))
        }
        Request::Ours(returned) => {
            let words =
                "The log-in did not succeed. You can close this window; the reason is shown where you began.";
            (page("200 OK", words), Some(returned))
        }
        Request::Strange => (page("404 Not Found", "There is nothing here."), None),
    };
    // That the page could not be shown does not take the code away.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    returned
}

/// What a request brings. Of those that are not ours nothing is taken.
fn read(head: &[u8], state: &Secret) -> Request {
    let Some(query) = query(head) else { return Request::Strange };
    let (mut code, mut error, mut description, mut said) = (None, None, None, Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "code" => code = Some(value.into_owned()),
            "error" => error = Some(value.into_owned()),
            "error_description" => description = Some(value.into_owned()),
            "state" => said.push(value.into_owned()),
            _ => {}
        }
    }
    // Digests, so that the time it takes to compare says nothing about the state.
    let hash = |text: &str| digest(&SHA256, text.as_bytes()).as_ref().to_vec();
    match said.as_slice() {
        [one] if hash(one) == hash(state.reveal()) => {}
        _ => return Request::Strange,
    }
    match (code, error) {
        (Some(code), None) if !code.is_empty() => Request::Ours(Returned::Code(Secret::new(code))),
        (None, Some(error)) => Request::Ours(Returned::Refused { error, description }),
        _ => Request::Strange,
    }
}

/// The query of a GET for `/`.
fn query(head: &[u8]) -> Option<&str> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let target = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    target.strip_prefix("/?")
}

/// A page without anything in it but a sentence.
fn page(status: &str, sentence: &str) -> String {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Portcullis</title><p>{sentence}</p></html>\n"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_line(line: &str) -> Request {
        read(format!("{line}\r\nHost: localhost\r\n\r\n").as_bytes(), &Secret::new("right"))
    }

    #[test]
    fn only_a_get_with_the_state_brings_a_code() {
        let code = Request::Ours(Returned::Code(Secret::new("a b")));
        assert_eq!(read_line("GET /?code=a+b&state=right HTTP/1.1"), code);
        assert_eq!(read_line("GET /?state=right&session_state=x&code=a%20b HTTP/1.1"), code);
        for strange in [
            "GET /?code=a&state=wrong HTTP/1.1",
            "GET /?code=a&state= HTTP/1.1",
            "GET /?code=a HTTP/1.1",
            "GET /?code=a&state=wrong&state=right HTTP/1.1",
            "GET /?state=right HTTP/1.1",
            "GET /?code=&state=right HTTP/1.1",
            "GET /?code=a&error=b&state=right HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "POST /?code=a&state=right HTTP/1.1",
            "GET /x?code=a&state=right HTTP/1.1",
            "GET http://localhost/?code=a&state=right HTTP/1.1",
            "",
        ] {
            assert_eq!(read_line(strange), Request::Strange, "{strange}");
        }
        assert_eq!(
            read_line("GET /?error=access_denied&error_description=AADSTS65004%3A+no&state=right HTTP/1.1"),
            Request::Ours(Returned::Refused {
                error: "access_denied".to_owned(),
                description: Some("AADSTS65004: no".to_owned()),
            })
        );
    }

    proptest! {
        #[test]
        fn no_request_without_the_state_counts(head in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(read(&head, &Secret::new("a-state-that-nobody-guesses")), Request::Strange);
        }
    }
}
