//! A wire between a client and the simulator on which one request, or its answer, gets lost.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// How much of an exchange takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The server never sees the request.
    Before,
    /// The server has done it; the answer breaks off in the middle of its body.
    Half,
    /// The server has done it; nothing of the answer comes back.
    After,
}

/// Which request gets lost, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) request: u32,
    pub(crate) stage: Stage,
}

/// Called when it happens, before the client can notice.
type Hook = Arc<dyn Fn() + Send + Sync>;

/// The wire.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicU32>,
    fault: Arc<Mutex<Option<(Lost, Hook)>>>,
}

impl Wire {
    /// A wire to a server.
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire =
            Wire { address: listener.local_addr().unwrap(), requests: Arc::default(), fault: Arc::default() };
        let shared = wire.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let wire = shared.clone();
                std::thread::spawn(move || wire.serve(server, client));
            }
        });
        wire
    }

    /// The address of EWS at its other end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/EWS/Exchange.asmx", self.address)
    }

    /// Loses a request, counted from now on, and calls `hook` then.
    pub(crate) fn lose(&self, lost: Lost, hook: impl Fn() + Send + Sync + 'static) {
        self.requests.store(0, Ordering::SeqCst);
        *self.fault.lock().unwrap() = Some((lost, Arc::new(hook)));
    }

    /// Loses nothing any more. Gives whether nothing was lost so far.
    pub(crate) fn mend(&self) -> bool {
        self.fault.lock().unwrap().take().is_some()
    }

    fn serve(&self, server: SocketAddr, client: TcpStream) {
        let mut client = BufReader::new(client);
        while let Some(request) = read_message(&mut client) {
            let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let fault = self.fault.lock().unwrap().take_if(|(lost, _)| lost.request == number);
            if let Some((Lost { stage: Stage::Before, .. }, hook)) = &fault {
                return hook();
            }
            let Ok(mut upstream) = TcpStream::connect(server) else { return };
            upstream.write_all(&request).unwrap();
            let Some(answer) = read_message(&mut BufReader::new(upstream)) else { return };
            if let Some((lost, hook)) = fault {
                if lost.stage == Stage::Half {
                    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
                    let _ = client.get_mut().write_all(&answer[..head + (answer.len() - head) / 2]);
                }
                return hook();
            }
            if client.get_mut().write_all(&answer).is_err() {
                return;
            }
        }
    }
}

/// One HTTP message: head, and a body by its Content-Length or in chunks.
pub(crate) fn read_message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut message, mut length, mut chunked) = (Vec::new(), 0, false);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        message.extend_from_slice(&line);
        let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        if line.trim().is_empty() {
            break;
        }
    }
    while chunked {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line).ok()?;
        let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
        message.extend_from_slice(&line);
        let mut chunk = vec![0; size + 2];
        from.read_exact(&mut chunk).ok()?;
        message.extend_from_slice(&chunk);
        chunked = size > 0;
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    message.extend_from_slice(&body);
    Some(message)
}
