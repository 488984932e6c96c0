//! Base64 that arrives in parts, decoded into a writer as it comes.

use std::io::Write;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Padding may be missing: some servers leave it out, and nothing is ambiguous without it.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How many characters are decoded at a time; divisible by four.
const BLOCK: usize = 32 * 1024;

/// What a decoder works in; from one to the next it can be passed on.
pub(crate) struct Buffers {
    pending: Vec<u8>,
    bytes: Vec<u8>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Buffers { pending: Vec::with_capacity(BLOCK), bytes: vec![0; BLOCK] }
    }
}

/// A decoder into a writer.
pub(crate) struct Decoder<'a> {
    out: Box<dyn Write + Send + 'a>,
    buffers: Buffers,
    written: u64,
    ended: bool,
}

/// Why decoding stopped.
pub(crate) enum Stop {
    /// Not base64.
    Invalid,
    /// The writer refused.
    Sink(std::io::Error),
}

impl<'a> Decoder<'a> {
    /// Decodes into `out`.
    pub(crate) fn new(out: impl Write + Send + 'a) -> Self {
        Decoder::within(Buffers::new(), out)
    }

    /// Decodes into `out`, in buffers of an earlier one.
    pub(crate) fn within(mut buffers: Buffers, out: impl Write + Send + 'a) -> Self {
        buffers.pending.clear();
        Decoder { out: Box::new(out), buffers, written: 0, ended: false }
    }

    /// The buffers, for the next one.
    pub(crate) fn into_buffers(self) -> Buffers {
        self.buffers
    }

    /// Takes the next characters; white space is passed over.
    pub(crate) fn take(&mut self, mut text: &[u8]) -> Result<(), Stop> {
        while !text.is_empty() {
            let pending = &mut self.buffers.pending;
            let (part, rest) = text.split_at((BLOCK - pending.len()).min(text.len()));
            text = rest;
            if memchr::memchr3(b'\n', b'\r', b' ', part).is_none() && memchr::memchr(b'\t', part).is_none() {
                pending.extend_from_slice(part);
            } else {
                pending.extend(part.iter().copied().filter(|b| !b.is_ascii_whitespace()));
            }
            if pending.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// No more characters will come.
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        self.flush()
    }

    /// How many bytes were written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    fn flush(&mut self) -> Result<(), Stop> {
        let Buffers { pending, bytes } = &mut self.buffers;
        if pending.is_empty() {
            return Ok(());
        }
        // Padding ends the text: whatever follows a block that had some is not base64.
        if self.ended {
            return Err(Stop::Invalid);
        }
        self.ended = pending.last() == Some(&b'=');
        let len = ENGINE.decode_slice(&*pending, bytes).map_err(|_| Stop::Invalid)?;
        pending.clear();
        self.out.write_all(bytes.get(..len).unwrap_or_default()).map_err(Stop::Sink)?;
        self.written += len as u64;
        Ok(())
    }
}
