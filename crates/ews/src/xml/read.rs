//! Reads an answer element by element while it arrives.
//!
//! The readers of the operations are written top down like the schema: `child` steps to the next element
//! inside the current one, and every element is consumed by exactly one of `child` to its end, `text`,
//! `base64` or `skip`.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use super::clean;
use super::token::{Kind, Tokenizer};
use crate::base64_stream::{Decoder, Stop};
use crate::busy::OnBusy;
use crate::failure::Failure;
use crate::malformed::Reason;
use crate::request_id::RequestId;

/// Where the bytes come from.
pub(crate) trait Pull: Send {
    /// The next piece; `None` at the end.
    fn pull(&mut self) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;
}

/// How much of a large piece is looked at at a time, so that memory does not depend on the pieces.
const PIECE: usize = 32 * 1024;

/// An answer being read.
pub(crate) struct Reader<P> {
    tokens: Tokenizer,
    source: P,
    piece: Bytes,
    id: RequestId,
    on_busy: OnBusy,
}

impl<P: Pull> Reader<P> {
    /// Reads the answer to the request `id` from `source`, and not more than `limit` bytes.
    pub(crate) fn new(source: P, limit: u64, id: RequestId) -> Self {
        Reader { tokens: Tokenizer::new(limit), source, piece: Bytes::new(), id, on_busy: OnBusy::default() }
    }

    /// With somebody who wants to know when the server asks to be left alone.
    pub(crate) fn telling(mut self, on_busy: OnBusy) -> Self {
        self.on_busy = on_busy;
        self
    }

    /// The server asks to be left alone.
    pub(crate) fn asked_to_wait(&self, wait: Duration) {
        self.on_busy.busy(wait);
    }

    /// The request this is the answer to.
    pub(crate) fn id(&self) -> RequestId {
        self.id
    }

    /// The next token.
    #[inline]
    pub(crate) async fn next(&mut self) -> Result<Kind, Failure> {
        loop {
            if let Some(kind) = self.tokens.next()? {
                return Ok(kind);
            }
            self.more().await?;
        }
    }

    /// Reads to the end of the document and no further: more may follow it, and may take its time.
    pub(crate) async fn end_document(&mut self) -> Result<(), Failure> {
        while self.tokens.depth() > 0 {
            self.next().await?;
        }
        Ok(())
    }

    /// Steps to another document that follows the one that was read; false where the bytes end.
    pub(crate) async fn next_document(&mut self) -> Result<bool, Failure> {
        self.tokens.restart();
        while !self.tokens.skip_blank() {
            if self.piece.is_empty() {
                match self.source.pull().await? {
                    Some(bytes) => self.piece = bytes,
                    None => return Ok(false),
                }
            }
            let part = self.piece.split_to(PIECE.min(self.piece.len()));
            self.tokens.feed(&part)?;
        }
        Ok(true)
    }

    /// Steps to the next element inside the current one; false at the end of the current one.
    pub(crate) async fn child(&mut self) -> Result<bool, Failure> {
        loop {
            match self.next().await? {
                Kind::Start => return Ok(true),
                Kind::End | Kind::Eof => return Ok(false),
                Kind::Text => {}
            }
        }
    }

    /// The current element's local name. Only right after it began.
    pub(crate) fn name(&self) -> &[u8] {
        self.tokens.name()
    }

    /// An attribute of the current element. Only right after it began.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.tokens.attribute(name.as_bytes())
    }

    /// Whether the current element declares one of these namespaces for itself.
    pub(crate) fn has_namespace(&self, allowed: &[&str]) -> bool {
        self.tokens.has_namespace(allowed)
    }

    /// The text of the current element to its end; elements inside it are passed over.
    pub(crate) async fn text(&mut self) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        let depth = self.tokens.depth();
        loop {
            match self.next().await? {
                Kind::Text if self.tokens.depth() == depth => bytes.extend_from_slice(self.tokens.text()),
                Kind::End if self.tokens.depth() < depth => return Ok(clean::text(bytes)),
                _ => {}
            }
        }
    }

    /// Decodes the base64 text of the current element, to its end.
    pub(crate) async fn base64(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Failure> {
        let depth = self.tokens.depth();
        loop {
            match self.next().await? {
                Kind::Text if self.tokens.depth() == depth => {
                    let taken = decoder.take(self.tokens.text());
                    taken.map_err(|stop| self.stopped(stop))?;
                }
                Kind::End if self.tokens.depth() < depth => {
                    return decoder.finish().map_err(|stop| self.stopped(stop));
                }
                _ => {}
            }
        }
    }

    /// Passes over the current element to its end.
    pub(crate) async fn skip(&mut self) -> Result<(), Failure> {
        let depth = self.tokens.depth();
        while !(self.next().await? == Kind::End && self.tokens.depth() < depth) {}
        Ok(())
    }

    /// `true` or `false`.
    pub(crate) async fn boolean(&mut self, what: &'static str) -> Result<bool, Failure> {
        match self.text().await?.trim() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.error(Reason::Value(what))),
        }
    }

    /// A number, or nothing where the element is empty.
    pub(crate) async fn number<T: std::str::FromStr>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, Failure> {
        let text = self.text().await?;
        match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| self.error(Reason::Value(what))),
        }
    }

    /// A size. Exchange's sizes are signed 32-bit numbers; a negative one is one that overflowed.
    pub(crate) async fn size(&mut self, what: &'static str) -> Result<u64, Failure> {
        let text = self.text().await?;
        match text.trim().parse::<i64>() {
            Ok(size) => Ok(u64::try_from(size).unwrap_or(0)),
            Err(_) => Err(self.error(Reason::Value(what))),
        }
    }

    /// An error at this place.
    pub(crate) fn error(&self, reason: Reason) -> Failure {
        Failure::Malformed(self.tokens.error(reason))
    }

    fn stopped(&self, stop: Stop) -> Failure {
        match stop {
            Stop::Invalid => self.error(Reason::Base64),
            Stop::Sink(error) => Failure::Sink(error),
        }
    }

    async fn more(&mut self) -> Result<(), Failure> {
        while self.piece.is_empty() {
            match self.source.pull().await? {
                Some(bytes) => self.piece = bytes,
                None => {
                    self.tokens.close();
                    return Ok(());
                }
            }
        }
        let part = self.piece.split_to(PIECE.min(self.piece.len()));
        Ok(self.tokens.feed(&part)?)
    }
}
