//! Bodies out of RTF: the HTML or the text that Outlook packed into it (MS-OXRTFEX), else its words.
//!
//! One pass over the tokens with a stack of groups. Nothing of the look is kept, but where a link leads is: RTF hides
//! that in a field.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

/// Groups inside one another; what is deeper is left out.
const DEPTH: usize = 500;
/// Fonts whose code page is kept.
const FONTS: usize = 2_000;

/// What was in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It was made from HTML, which is this.
    Html(String),
    /// It was made from text, or was written as RTF; its text.
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Html,
    Text,
    Words,
}

/// What a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Its text is shown.
    Shown,
    /// A piece of the HTML itself.
    Tag,
    /// Nothing in it is shown.
    Hidden,
    /// The list of fonts.
    Fonts,
    /// The instruction of a field.
    Field,
}

#[derive(Debug, Clone, Copy)]
struct State {
    group: Group,
    /// Only for readers of RTF, not part of the HTML.
    rtf_only: bool,
    /// Characters after a Unicode character that stand for it.
    skip: usize,
    encoding: &'static Encoding,
}

enum Token<'a> {
    Open,
    Close,
    Word(&'a str, Option<i32>),
    /// A control symbol.
    Symbol(u8),
    /// A character by its two hex digits.
    Hex(u8),
    Text(&'a [u8]),
}

struct Reader<'a> {
    rest: &'a [u8],
    mode: Mode,
    default: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
    font: i32,
    out: String,
    /// Bytes that wait for what follows them: a character may have two.
    pending: Vec<u8>,
    instruction: String,
    /// Substitutes still to be left out.
    skipping: usize,
    /// `\*` was just read.
    optional: bool,
    surrogate: Option<u16>,
}

/// Reads the body of an RTF document; nothing if it is none.
pub fn body(rtf: &[u8]) -> Option<Body> {
    if !rtf.starts_with(b"{\\rtf") {
        return None;
    }
    let mut reader = Reader {
        rest: rtf,
        mode: Mode::Words,
        default: WINDOWS_1252,
        fonts: HashMap::new(),
        font: 0,
        out: String::new(),
        pending: Vec::new(),
        instruction: String::new(),
        skipping: 0,
        optional: false,
        surrogate: None,
    };
    reader.run();
    Some(if reader.mode == Mode::Html { Body::Html(reader.out) } else { Body::Text(reader.out) })
}

impl<'a> Reader<'a> {
    fn run(&mut self) {
        let mut stack: Vec<State> = Vec::new();
        let mut state = State { group: Group::Shown, rtf_only: false, skip: 1, encoding: self.default };
        let mut too_deep = 0_usize;
        while let Some(token) = self.token() {
            match token {
                Token::Open if stack.len() >= DEPTH => too_deep += 1,
                Token::Close if too_deep > 0 => too_deep -= 1,
                _ if too_deep > 0 => {}
                Token::Open => {
                    self.flush(state);
                    self.skipping = 0;
                    stack.push(state);
                }
                Token::Close => {
                    self.flush(state);
                    self.skipping = 0;
                    let Some(outer) = stack.pop() else { break };
                    if state.group == Group::Field && outer.group != Group::Field {
                        self.link();
                    }
                    state = outer;
                }
                Token::Word(word, number) => {
                    let optional = std::mem::take(&mut self.optional);
                    self.word(word, number, optional, &mut state);
                }
                Token::Symbol(symbol) => self.symbol(symbol, state),
                Token::Hex(byte) => self.bytes(&[byte], state),
                Token::Text(text) => self.bytes(text, state),
            }
        }
        self.flush(state);
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let (first, tail) = self.rest.split_first()?;
        match first {
            b'{' | b'}' => {
                self.rest = tail;
                Some(if *first == b'{' { Token::Open } else { Token::Close })
            }
            b'\\' => {
                let (next, after) = tail.split_first()?;
                if next.is_ascii_alphabetic() {
                    return Some(self.control(tail));
                }
                if let (b'\'', [high, low, after @ ..]) = (next, after)
                    && let (Some(high), Some(low)) = (crate::transfer::hex(*high), crate::transfer::hex(*low))
                {
                    self.rest = after;
                    return Some(Token::Hex(high * 16 + low));
                }
                self.rest = after;
                Some(Token::Symbol(*next))
            }
            _ => {
                let end = self.rest.iter().position(|byte| matches!(byte, b'{' | b'}' | b'\\'));
                let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                Some(Token::Text(text))
            }
        }
    }

    fn control(&mut self, tail: &'a [u8]) -> Token<'a> {
        let letters = tail.iter().take(40).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = tail.split_at(letters);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.iter().skip(sign).take(12).take_while(|byte| byte.is_ascii_digit()).count();
        let number = rest.get(..sign + digits).filter(|_| digits > 0);
        let rest = if number.is_some() { rest.get(sign + digits..).unwrap_or_default() } else { rest };
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let number = number.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        Token::Word(std::str::from_utf8(word).unwrap_or_default(), number)
    }

    fn word(&mut self, word: &str, number: Option<i32>, optional: bool, state: &mut State) {
        self.flush(*state);
        match word {
            "fromhtml" if number != Some(0) && self.out.is_empty() => self.mode = Mode::Html,
            "fromtext" if self.out.is_empty() => self.mode = Mode::Text,
            "ansicpg" => {
                if let Some(encoding) = number.and_then(code_page) {
                    self.default = encoding;
                    state.encoding = encoding;
                }
            }
            "uc" => state.skip = usize::try_from(number.unwrap_or(1)).unwrap_or_default().min(10),
            "u" => self.unicode(number, *state),
            "f" => {
                self.font = number.unwrap_or_default();
                if state.group != Group::Fonts {
                    state.encoding = self.fonts.get(&self.font).copied().unwrap_or(self.default);
                }
            }
            "fcharset" if state.group == Group::Fonts && self.fonts.len() < FONTS => {
                if let Some(encoding) = number.and_then(font_charset) {
                    self.fonts.entry(self.font).or_insert(encoding);
                }
            }
            "plain" => state.encoding = self.default,
            "fonttbl" => state.group = Group::Fonts,
            "htmlrtf" => state.rtf_only = number != Some(0),
            "htmltag" if self.mode == Mode::Html && state.group != Group::Hidden => state.group = Group::Tag,
            "fldinst" if state.group == Group::Shown => {
                // HTML has its links itself.
                let mine = self.mode != Mode::Html;
                state.group = if mine { Group::Field } else { Group::Hidden };
                self.instruction.clear();
            }
            "colortbl" | "stylesheet" | "info" | "pict" | "object" | "header" | "footer" | "mhtmltag"
            | "filetbl" | "listtable" | "listoverridetable" | "themedata" => state.group = Group::Hidden,
            "bin" => {
                let length = usize::try_from(number.unwrap_or_default()).unwrap_or_default();
                self.rest = self.rest.get(length..).unwrap_or_default();
            }
            _ if optional => state.group = Group::Hidden,
            _ => {
                if let Some(text) = spoken(word, self.mode, state.group) {
                    self.push(text, *state);
                }
            }
        }
    }

    fn unicode(&mut self, number: Option<i32>, state: State) {
        let unit = (number.unwrap_or_default() & 0xFFFF) as u16;
        self.skipping = state.skip;
        let units = match self.surrogate.take() {
            Some(high) => vec![high, unit],
            None if (0xD800..0xDC00).contains(&unit) => {
                self.surrogate = Some(unit);
                return;
            }
            None => vec![unit],
        };
        for letter in char::decode_utf16(units) {
            self.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]), state);
        }
    }

    fn symbol(&mut self, symbol: u8, state: State) {
        match symbol {
            b'*' => self.optional = true,
            b'{' | b'}' | b'\\' => self.bytes(&[symbol], state),
            b'~' | b'_' | b'\r' | b'\n' => {
                self.flush(state);
                let text = match symbol {
                    b'~' if self.mode == Mode::Html => "&nbsp;",
                    b'~' => "\u{a0}",
                    b'_' => "-",
                    _ => "\r\n",
                };
                self.push(text, state);
            }
            _ => {}
        }
    }

    fn bytes(&mut self, bytes: &[u8], state: State) {
        self.optional = false;
        if state.group == Group::Hidden || state.group == Group::Fonts {
            return;
        }
        for byte in bytes.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
            if self.skipping > 0 {
                self.skipping -= 1;
            } else {
                self.pending.push(*byte);
            }
        }
    }

    fn flush(&mut self, state: State) {
        if !self.pending.is_empty() {
            let bytes = std::mem::take(&mut self.pending);
            let (text, _) = state.encoding.decode_without_bom_handling(&bytes);
            self.push(&text, state);
        }
    }

    fn push(&mut self, text: &str, state: State) {
        match state.group {
            Group::Tag => self.out.push_str(text),
            Group::Shown if !state.rtf_only || self.mode == Mode::Words => self.out.push_str(text),
            Group::Field if self.instruction.len() < 10_000 => self.instruction.push_str(text),
            _ => {}
        }
    }

    /// Where a link leads, before the words that hide it.
    fn link(&mut self) {
        let instruction = std::mem::take(&mut self.instruction);
        let Some(target) = instruction.trim().strip_prefix("HYPERLINK") else { return };
        let target = target.trim().trim_matches('"').trim();
        if !target.is_empty() {
            self.out.push('<');
            self.out.push_str(target);
            self.out.push_str("> ");
        }
    }
}

/// Words that stand for characters.
fn spoken(word: &str, mode: Mode, group: Group) -> Option<&'static str> {
    let html = mode == Mode::Html && group != Group::Tag;
    Some(match word {
        "par" | "line" | "sect" | "page" | "row" => "\r\n",
        "tab" | "cell" if html => "&#9;",
        "tab" | "cell" => "\t",
        "lquote" if html => "&lsquo;",
        "lquote" => "\u{2018}",
        "rquote" if html => "&rsquo;",
        "rquote" => "\u{2019}",
        "ldblquote" if html => "&ldquo;",
        "ldblquote" => "\u{201c}",
        "rdblquote" if html => "&rdquo;",
        "rdblquote" => "\u{201d}",
        "bullet" if html => "&bull;",
        "bullet" => "\u{2022}",
        "endash" if html => "&ndash;",
        "endash" => "\u{2013}",
        "emdash" if html => "&mdash;",
        "emdash" => "\u{2014}",
        _ => return None,
    })
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    codepage::to_encoding_no_replacement(u16::try_from(number).ok()?)
}

/// Charset numbers of Windows fonts.
fn font_charset(number: i32) -> Option<&'static Encoding> {
    code_page(match number {
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}
