//! Source text to tokens with byte ranges.
//!
//! One token at a time and by hand, so that the template reader can use the same code to find the `}}` that
//! really ends an expression, whatever strings and map literals stand inside. The whole text is never copied;
//! only string literals are, because of their escapes. Bytes literals and unsigned numbers of CEL are left
//! out: JSON has neither.

use crate::source::{Span, SyntaxError, is_deceptive};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'s> {
    Ident(&'s str),
    /// The magnitude; the parser folds the sign, because `-9223372036854775808` is a number and its positive is not.
    Int(u64),
    Double(f64),
    Str(String),
    Punct(&'static str),
    End,
}

pub(crate) struct Lexer<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(text: &'s str) -> Lexer<'s> {
        Lexer { text, at: 0 }
    }

    /// Byte offset of what has not been read yet.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// The next token and where it stands.
    pub(crate) fn next(&mut self) -> Result<(Token<'s>, Span), SyntaxError> {
        self.skip_blank();
        let start = self.at;
        let Some(first) = self.peek() else { return Ok((Token::End, Span::new(start, start))) };
        let token = if first == '"' || first == '\'' {
            self.string(start, false)?
        } else if first.is_ascii_digit() || (first == '.' && self.digit_follows()) {
            self.number(start)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            self.word(start)?
        } else if first == '!' {
            let mark = if self.rest().starts_with("!=") { "!=" } else { "!" };
            self.at += mark.len();
            Token::Punct(mark)
        } else if let Some(mark) = self.punctuation() {
            self.at += mark.len();
            Token::Punct(mark)
        } else {
            return Err(unexpected(first, start));
        };
        Ok((token, Span::new(start, self.at)))
    }

    /// The longest mark that stands here.
    fn punctuation(&self) -> Option<&'static str> {
        let rest = self.rest().as_bytes();
        Some(match (rest.first()?, rest.get(1)) {
            (b'&', Some(b'&')) => "&&",
            (b'|', Some(b'|')) => "||",
            (b'=', Some(b'=')) => "==",
            (b'<', Some(b'=')) => "<=",
            (b'>', Some(b'=')) => ">=",
            (b'.', Some(b'?')) => ".?",
            (b'[', Some(b'?')) => "[?",
            (b'(', _) => "(",
            (b')', _) => ")",
            (b'[', _) => "[",
            (b']', _) => "]",
            (b'{', _) => "{",
            (b'}', _) => "}",
            (b',', _) => ",",
            (b'.', _) => ".",
            (b':', _) => ":",
            (b'?', _) => "?",
            (b'+', _) => "+",
            (b'-', _) => "-",
            (b'*', _) => "*",
            (b'/', _) => "/",
            (b'%', _) => "%",
            (b'<', _) => "<",
            (b'>', _) => ">",
            _ => return None,
        })
    }

    fn digit_follows(&self) -> bool {
        self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit())
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    fn word(&mut self, start: usize) -> Result<Token<'s>, SyntaxError> {
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if matches!(self.peek(), Some('"' | '\'')) {
            return match word {
                "r" | "R" => self.string(start, true),
                _ => Err(SyntaxError::new(
                    format!("`{word}` cannot stand in front of a string"),
                    Span::new(start, self.at),
                )
                .help("only `r\"...\"` (no escapes) is known; bytes literals are not part of this language")),
            };
        }
        Ok(Token::Ident(word))
    }

    fn number(&mut self, start: usize) -> Result<Token<'s>, SyntaxError> {
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            let digits = self.take_while(|c| c.is_ascii_alphanumeric());
            return u64::from_str_radix(digits, 16)
                .map(Token::Int)
                .map_err(|_| SyntaxError::new("not a hexadecimal number", Span::new(start, self.at)));
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut fraction = false;
        if self.peek() == Some('.') && self.digit_follows() {
            fraction = true;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            fraction = true;
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Err(SyntaxError::new(
                "a number and a name run into each other",
                Span::new(start, self.at),
            )
            .help("numbers have no suffix here: write `10` or `10.0`; times are `duration(\"10m\")`"));
        }
        let span = Span::new(start, self.at);
        let text = self.text.get(start..self.at).unwrap_or("");
        if fraction {
            return match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Token::Double(number)),
                _ => Err(SyntaxError::new("not a number that can be held", span)),
            };
        }
        text.parse().map(Token::Int).map_err(|_| {
            SyntaxError::new("the whole number is too large", span)
                .help("whole numbers have 64 bits; write `1e20` for a double")
        })
    }

    fn string(&mut self, start: usize, raw: bool) -> Result<Token<'s>, SyntaxError> {
        let quote = self.peek().unwrap_or('"');
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let long = self.rest().starts_with(triple);
        self.at += if long { 3 } else { 1 };
        let mut out = String::new();
        loop {
            let here = self.at;
            let Some(c) = self.peek() else {
                return Err(SyntaxError::new("the string does not end", Span::new(start, self.at)).help(
                    format!(
                        "close it with {}",
                        if long {
                            triple
                        } else if quote == '"' {
                            "\""
                        } else {
                            "'"
                        }
                    ),
                ));
            };
            if is_deceptive(c) {
                return Err(unexpected(c, here));
            }
            if c == quote && (!long || self.rest().starts_with(triple)) {
                self.at += if long { 3 } else { 1 };
                return Ok(Token::Str(out));
            }
            if c == '\n' && !long {
                return Err(SyntaxError::new("the string does not end on its line", Span::new(start, here))
                    .help("write `\\n` for a line break, or use three quotes"));
            }
            self.at += c.len_utf8();
            if c == '\\' && !raw {
                out.push(self.escape(here)?);
            } else {
                out.push(c);
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let bad = |end: usize| {
            SyntaxError::new("unknown escape in a string", Span::new(start, end))
                .help("known: \\\\ \\\" \\' \\` \\? \\a \\b \\f \\n \\r \\t \\v \\xHH \\uHHHH \\UHHHHHHHH \\OOO; `r\"...\"` has none")
        };
        let Some(kind) = self.peek() else { return Err(bad(self.at)) };
        self.at += kind.len_utf8();
        let (radix, digits, first) = match kind {
            '\\' | '"' | '\'' | '`' | '?' => return Ok(kind),
            'a' => return Ok('\u{7}'),
            'b' => return Ok('\u{8}'),
            'f' => return Ok('\u{c}'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\u{b}'),
            'x' | 'X' => (16, 2, self.at),
            'u' => (16, 4, self.at),
            'U' => (16, 8, self.at),
            '0'..='3' => (8, 3, self.at - 1),
            _ => return Err(bad(self.at)),
        };
        let code = self.text.get(first..first + digits).filter(|t| t.chars().all(|c| c.is_digit(radix)));
        let found = code.and_then(|t| u32::from_str_radix(t, radix).ok()).and_then(char::from_u32);
        match found {
            Some(c) => {
                self.at = first + digits;
                Ok(c)
            }
            None => Err(bad(self.at)),
        }
    }
}

fn unexpected(c: char, at: usize) -> SyntaxError {
    let span = Span::new(at, at + c.len_utf8());
    if is_deceptive(c) {
        return SyntaxError::new(format!("the invisible character U+{:04X} is not allowed", c as u32), span)
            .help("it can make an expression read differently from what it does; remove it, or write it as an escape inside a string");
    }
    let error = SyntaxError::new(format!("unexpected character `{}`", c.escape_debug()), span);
    match c {
        '=' => error.help("write `==` to compare"),
        '&' => error.help("write `&&` for and"),
        '|' => error.help("write `||` for or; there are no pipes, call functions as `value.lower()`"),
        '“' | '”' | '‘' | '’' => error.help("use straight quotes: \" or '"),
        '$' => error.help("inside `${{ }}` names stand alone: `inputs.limit`"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Token<'_>>, SyntaxError> {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            match lexer.next()?.0 {
                Token::End => return Ok(out),
                token => out.push(token),
            }
        }
    }

    #[test]
    fn reads_every_kind_of_token() {
        let tokens = all("a.b1 <= 0x1F + 2.5e1 != 'x' // comment\n && !r'\\d'").unwrap();
        assert_eq!(
            tokens,
            vec![
                Token::Ident("a"),
                Token::Punct("."),
                Token::Ident("b1"),
                Token::Punct("<="),
                Token::Int(31),
                Token::Punct("+"),
                Token::Double(25.0),
                Token::Punct("!="),
                Token::Str("x".into()),
                Token::Punct("&&"),
                Token::Punct("!"),
                Token::Str("\\d".into()),
            ]
        );
    }

    #[test]
    fn escapes_are_those_of_cel() {
        let tokens = all(r#""\x41\u00e4\U0001F600\101\n\"" '''a'b"c'''"#).unwrap();
        assert_eq!(tokens, vec![Token::Str("Aä😀A\n\"".into()), Token::Str("a'b\"c".into())]);
        for bad in [r#""\q""#, r#""\x4""#, r#""\ud800""#, r#""\9""#, "\"a", "'a\nb'", "b'x'"] {
            assert!(all(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn invisible_characters_are_refused_everywhere() {
        for c in ['\u{202e}', '\u{200b}', '\u{2066}', '\u{feff}'] {
            for text in [format!("a {c} b"), format!("'a{c}b'"), format!("a{c}")] {
                let error = all(&text).unwrap_err();
                assert!(error.message.contains("invisible"), "{error:?}");
            }
        }
    }
}
