//! Reads a secret that nobody should see: from a terminal without showing it, or from whatever is piped in.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// What was typed, or all that was piped in but one line break at its end. Nothing where the person left.
pub(crate) fn secret(question: &str) -> io::Result<Option<String>> {
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()));
    }
    let mut error = io::stderr().lock();
    error.write_all(question.as_bytes())?;
    error.flush()?;
    let typed = {
        let _quiet = Quiet::begin()?;
        typed(&mut io::stdin().lock().take(LONGEST))
    };
    error.write_all(b"\n")?;
    typed
}

/// One line, key by key, as [`Quiet`] makes a terminal give it.
fn typed(keys: &mut impl io::BufRead) -> io::Result<Option<String>> {
    let mut line: Vec<u8> = Vec::new();
    for key in keys.bytes() {
        match key? {
            b'\r' | b'\n' => break,
            // Ctrl-C, and Ctrl-D before anything was typed.
            0x03 => return Ok(None),
            0x04 if line.is_empty() => return Ok(None),
            0x04 => break,
            // Backspace takes one character, which may be several bytes, and Ctrl-U all.
            0x08 | 0x7f => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            0x15 => line.clear(),
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map(Some).map_err(|_| io::Error::other("this is not UTF-8 text"))
}

/// A terminal that shows nothing and gives key by key, Ctrl-C too: whoever leaves gets the terminal back as it was.
#[cfg(unix)]
struct Quiet {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Quiet {
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet { before })
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // The terminal is gone, then.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn begin() -> io::Result<Self> {
        Err(io::Error::other("what is typed here would be shown; pipe the secret in"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_line() {
        let line = |keys: &[u8]| typed(&mut &*keys).unwrap();
        assert_eq!(line(b"secret\rnext").as_deref(), Some("secret"));
        assert_eq!(line("sü\u{7f}x\n".as_bytes()).as_deref(), Some("sx"));
        assert_eq!(line(b"\x7f\x7fwrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(line(b"end\x04").as_deref(), Some("end"));
        assert_eq!(line(b"sec\x03ret\n"), None);
        assert_eq!(line(b"\x04"), None);
        assert!(typed(&mut &b"\xff\n"[..]).is_err());
    }
}
