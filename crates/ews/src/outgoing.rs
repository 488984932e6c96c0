//! Requests that are sent as they are read: the few whose content may be larger than what should be in memory.
//!
//! A request is text around one value in base64. The text is written as always; the value is named by where it comes
//! from, and encoded while the request goes out. Services carry requests with bytes, so such a request is in the
//! extensions of one without a body, for a service that is known to look there
//! ([`Config::streams_requests`](crate::Config::streams_requests)); any other gets the whole in memory.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange::{Content, Error, ErrorKind};

use crate::envelope::Written;

/// How many bytes are encoded at a time; divisible by three, so that the pieces join.
const PIECE: usize = 48 * 1024;

/// A value of known length.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) content: Arc<dyn Content>,
    pub(crate) size: u64,
}

/// A request that is sent as it is read, in the extensions of one that has no body of its own.
#[derive(Clone)]
pub struct Outgoing {
    before: Bytes,
    payload: Payload,
    after: Bytes,
}

impl Outgoing {
    /// A text, and where in it the value goes.
    pub(crate) fn new(text: String, cut: usize, payload: Payload) -> Self {
        let mut before = Bytes::from(text);
        let after = before.split_off(cut.min(before.len()));
        Outgoing { before, payload, after }
    }

    /// How many bytes the whole request has.
    pub fn length(&self) -> u64 {
        let encoded = self.payload.size.div_ceil(3).saturating_mul(4);
        encoded.saturating_add((self.before.len() + self.after.len()) as u64)
    }

    /// The whole request from its beginning. The reader holds one piece of the value at a time.
    ///
    /// # Errors
    /// Where the value cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let encoded = Encoded {
            source: self.payload.content.open()?,
            left: self.payload.size,
            ready: Vec::new(),
            at: 0,
        };
        let (before, after) = (Cursor::new(self.before.clone()), Cursor::new(self.after.clone()));
        Ok(Box::new(before.chain(encoded).chain(after)))
    }

    /// The whole request in memory.
    pub(crate) fn whole(&self) -> Result<Bytes, Error> {
        let unreadable = |why: io::Error| {
            Error::new(ErrorKind::Invalid, format!("what was to be sent cannot be read: {why}"))
        };
        let mut all = Vec::with_capacity(usize::try_from(self.length()).unwrap_or_default());
        self.open().and_then(|mut reader| reader.read_to_end(&mut all)).map_err(unreadable)?;
        Ok(Bytes::from(all))
    }
}

/// A request as its body and what is read while it is sent.
pub(crate) fn parts(
    written: Written,
    payload: Option<Payload>,
    streams: bool,
) -> Result<(Bytes, Option<Outgoing>), Error> {
    let (Some(cut), Some(payload)) = (written.cut, payload) else {
        return Ok((Bytes::from(written.text), None));
    };
    let outgoing = Outgoing::new(written.text, cut, payload);
    match streams {
        true => Ok((Bytes::new(), Some(outgoing))),
        false => Ok((outgoing.whole()?, None)),
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("length", &self.length()).finish_non_exhaustive()
    }
}

/// A source in base64.
struct Encoded {
    source: Box<dyn Read + Send>,
    left: u64,
    ready: Vec<u8>,
    at: usize,
}

impl Encoded {
    fn fill(&mut self) -> io::Result<()> {
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; most];
        self.source.read_exact(&mut piece)?;
        self.left -= most as u64;
        let mut text = std::mem::take(&mut self.ready);
        text.resize(most.div_ceil(3) * 4, 0);
        let written = STANDARD.encode_slice(&piece, &mut text).map_err(io::Error::other)?;
        text.truncate(written);
        (self.ready, self.at) = (text, 0);
        Ok(())
    }
}

impl Read for Encoded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.ready.len() && self.left > 0 {
            self.fill()?;
        }
        let ready = self.ready.get(self.at..).unwrap_or_default();
        let take = ready.len().min(out.len());
        let (Some(to), Some(from)) = (out.get_mut(..take), ready.get(..take)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.at += take;
        Ok(take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: Vec<u8>, size: u64) -> Payload {
        Payload { content: Arc::new(bytes), size }
    }

    #[test]
    fn a_request_is_the_same_read_as_whole() {
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let outgoing = Outgoing::new("<a></a>".to_owned(), 3, payload(bytes.clone(), length as u64));
            let whole = outgoing.whole().unwrap();
            assert_eq!(whole.len() as u64, outgoing.length());
            assert_eq!(whole, format!("<a>{}</a>", STANDARD.encode(&bytes)));
            // Whatever the reader is asked for at a time.
            let mut reader = outgoing.open().unwrap();
            let mut read = Vec::new();
            let mut few = [0; 7];
            loop {
                match reader.read(&mut few).unwrap() {
                    0 => break,
                    got => read.extend_from_slice(&few[..got]),
                }
            }
            assert_eq!(read, whole);
        }
    }

    #[test]
    fn a_source_that_is_shorter_than_it_said_is_an_error() {
        let short = payload(b"short".to_vec(), 10);
        let error = Outgoing::new(String::new(), 0, short).whole().unwrap_err();
        assert!(error.message.contains("cannot be read"), "{error}");
    }
}
