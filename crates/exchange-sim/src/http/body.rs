//! Response bodies: one that encodes base64 while it is sent, so that a large attachment is never held twice, and
//! one that hangs.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::soap::out::Piece;

/// About how much goes out at a time.
const FRAME: usize = 64 * 1024;
/// How many bytes are encoded at a time: a multiple of three, so that pieces join without padding.
const CHUNK: usize = 48 * 1024;

/// A body out of pieces, and then whatever comes later.
pub(crate) struct PiecesBody {
    pieces: VecDeque<Piece>,
    left: u64,
    later: Option<mpsc::Receiver<Bytes>>,
}

impl PiecesBody {
    pub(crate) fn new(pieces: VecDeque<Piece>) -> Self {
        let left = pieces.iter().map(length).sum();
        PiecesBody { pieces, left, later: None }
    }

    /// The same, and it stays open for what comes through `later` until the sender is gone.
    pub(crate) fn followed_by(self, later: mpsc::Receiver<Bytes>) -> Self {
        PiecesBody { later: Some(later), ..self }
    }

    /// What is there already, without what comes later.
    pub(crate) fn now(self) -> Self {
        PiecesBody { later: None, ..self }
    }

    /// One text.
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        PiecesBody::new(VecDeque::from([Piece::Text(text.into())]))
    }

    fn next_frame(&mut self) -> Option<Bytes> {
        // A large text goes out as it is; small pieces are put together.
        if let Some(Piece::Text(text)) = self.pieces.front()
            && text.len() >= FRAME
        {
            let Some(Piece::Text(text)) = self.pieces.pop_front() else { return None };
            return Some(text);
        }
        let mut frame = BytesMut::new();
        while frame.len() < FRAME {
            match self.pieces.front_mut() {
                None => break,
                Some(Piece::Text(text)) => {
                    frame.extend_from_slice(text);
                    self.pieces.pop_front();
                }
                Some(Piece::Base64(bytes)) => {
                    let chunk = bytes.split_to(bytes.len().min(CHUNK));
                    frame.extend_from_slice(STANDARD.encode(&chunk).as_bytes());
                    if bytes.is_empty() {
                        self.pieces.pop_front();
                    }
                }
            }
        }
        (!frame.is_empty()).then(|| frame.freeze())
    }
}

fn length(piece: &Piece) -> u64 {
    match piece {
        Piece::Text(text) => text.len() as u64,
        Piece::Base64(bytes) => (bytes.len() as u64).div_ceil(3) * 4,
    }
}

impl Body for PiecesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = self.next_frame();
        if let Some(frame) = &frame {
            self.left = self.left.saturating_sub(frame.len() as u64);
        }
        match (frame, &mut self.later) {
            (None, Some(later)) => later.poll_recv(cx).map(|more| more.map(|more| Ok(Frame::data(more)))),
            (frame, _) => Poll::Ready(frame.map(|frame| Ok(Frame::data(frame)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.later {
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.left),
        }
    }
}
