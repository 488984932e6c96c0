//! A connection that sends something else than HTTP would: for faults below the protocol.
//!
//! A handler leaves a script and answers with anything; that answer is swallowed, the script is played instead, and
//! the connection ends. So the HTTP library stays in charge of everything that is in order.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// One thing that happens on the wire.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Bytes),
    Pause(Duration),
    /// Nothing more is sent, but the other side may go on, for so long.
    HalfClose(Duration),
}

/// What is sent instead of the next answer, if anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Option<VecDeque<Step>>>>);

impl Script {
    pub(crate) fn set(&self, steps: impl IntoIterator<Item = Step>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(steps.into_iter().collect());
    }

    fn take(&self) -> Option<VecDeque<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A stream that plays the script when there is one.
pub(crate) struct Tampered {
    stream: TcpStream,
    script: Script,
    playing: Option<VecDeque<Step>>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Tampered {
    pub(crate) fn new(stream: TcpStream, script: Script) -> Self {
        Tampered { stream, script, playing: None, waiting: None }
    }

    /// Plays the script to its end.
    fn play(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Tampered { stream, playing: Some(steps), waiting, .. } = self else {
            return Poll::Ready(Ok(()));
        };
        while let Some(step) = steps.front_mut() {
            match step {
                Step::Send(bytes) => {
                    while bytes.has_remaining() {
                        let sent = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
                        bytes.advance(sent);
                    }
                }
                Step::Pause(time) => {
                    let time = *time;
                    ready!(waiting.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx));
                    *waiting = None;
                }
                Step::HalfClose(time) => {
                    let time = *time;
                    ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                    let timer = waiting.get_or_insert_with(|| Box::pin(sleep(time)));
                    if timer.as_mut().poll(cx).is_pending() {
                        ready!(until_closed(stream, cx));
                    }
                    *waiting = None;
                }
            }
            steps.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads and forgets until the other side closes.
fn until_closed(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
    let mut space = [0; 1024];
    loop {
        let mut read = ReadBuf::new(&mut space);
        match ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)) {
            Ok(()) if !read.filled().is_empty() => {}
            _ => return Poll::Ready(()),
        }
    }
}

impl AsyncRead for Tampered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tampered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.playing.is_none() {
            self.playing = self.script.take();
        }
        match self.playing {
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
            Some(_) => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.play(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.play(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
