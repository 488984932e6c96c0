//! Character references of HTML: all numeric ones, and those names that occur in mails or hide a link.
//!
//! The full table has 2,231 names, most of them mathematics. What is missing stays as it stands, which a reader of
//! the indicator can still see.

/// Names with their characters, sorted by name.
const NAMED: [(&str, char); 113] = [
    ("AMP", '&'),
    ("Aacute", 'Á'),
    ("Agrave", 'À'),
    ("Auml", 'Ä'),
    ("Ccedil", 'Ç'),
    ("Eacute", 'É'),
    ("GT", '>'),
    ("LT", '<'),
    ("NewLine", '\n'),
    ("NoBreak", '\u{2060}'),
    ("Ntilde", 'Ñ'),
    ("Ouml", 'Ö'),
    ("QUOT", '"'),
    ("Tab", '\t'),
    ("Uuml", 'Ü'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("aacute", 'á'),
    ("acirc", 'â'),
    ("acute", '´'),
    ("aelig", 'æ'),
    ("agrave", 'à'),
    ("amp", '&'),
    ("apos", '\''),
    ("aring", 'å'),
    ("ast", '*'),
    ("atilde", 'ã'),
    ("auml", 'ä'),
    ("bdquo", '„'),
    ("brvbar", '¦'),
    ("bsol", '\\'),
    ("bull", '•'),
    ("ccedil", 'ç'),
    ("cent", '¢'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("copy", '©'),
    ("darr", '↓'),
    ("deg", '°'),
    ("dollar", '$'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("egrave", 'è'),
    ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'),
    ("equals", '='),
    ("euml", 'ë'),
    ("euro", '€'),
    ("excl", '!'),
    ("frac12", '½'),
    ("ge", '≥'),
    ("gt", '>'),
    ("hellip", '…'),
    ("hyphen", '‐'),
    ("iacute", 'í'),
    ("icirc", 'î'),
    ("iexcl", '¡'),
    ("igrave", 'ì'),
    ("iquest", '¿'),
    ("iuml", 'ï'),
    ("laquo", '«'),
    ("larr", '←'),
    ("lbrace", '{'),
    ("lbrack", '['),
    ("lcub", '{'),
    ("ldquo", '“'),
    ("le", '≤'),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lrm", '\u{200e}'),
    ("lsqb", '['),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("middot", '·'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("ntilde", 'ñ'),
    ("num", '#'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("ograve", 'ò'),
    ("otilde", 'õ'),
    ("ouml", 'ö'),
    ("para", '¶'),
    ("percnt", '%'),
    ("period", '.'),
    ("plus", '+'),
    ("plusmn", '±'),
    ("pound", '£'),
    ("quest", '?'),
    ("quot", '"'),
    ("raquo", '»'),
    ("rarr", '→'),
    ("rbrack", ']'),
    ("rdquo", '”'),
    ("reg", '®'),
    ("rlm", '\u{200f}'),
    ("rpar", ')'),
    ("rsqb", ']'),
    ("rsquo", '’'),
    ("sect", '§'),
    ("semi", ';'),
    ("shy", '\u{ad}'),
    ("sol", '/'),
    ("szlig", 'ß'),
    ("thinsp", '\u{2009}'),
    ("times", '×'),
    ("trade", '™'),
    ("uuml", 'ü'),
    ("yen", '¥'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// Names that browsers accept without a semicolon, when no letter, digit or `=` follows.
const BARE: [&str; 8] = ["amp", "lt", "gt", "quot", "nbsp", "shy", "copy", "reg"];

/// The character at the start of `text` (which begins with `&`) and the length of its reference.
pub fn reference(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('&')?;
    if let Some(number) = rest.strip_prefix('#') {
        return numeric(number).map(|(letter, length)| (letter, length + 2));
    }
    let length = rest.bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    let name = rest.get(..length)?;
    let closed = rest.as_bytes().get(length) == Some(&b';');
    let next_equals = rest.as_bytes().get(length) == Some(&b'=');
    if !closed && (next_equals || !BARE.contains(&name)) {
        return None;
    }
    let index = NAMED.binary_search_by_key(&name, |(name, _)| name).ok()?;
    let (_, letter) = NAMED.get(index)?;
    Some((*letter, 1 + length + usize::from(closed)))
}

fn numeric(text: &str) -> Option<(char, usize)> {
    let (digits, radix, prefix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 1),
        None => (text, 10, 0),
    };
    // Leading zeros without end are an old way past filters; browsers accept them.
    let length = digits.bytes().take(4_000).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let significant = digits.get(..length)?.trim_start_matches('0');
    if length == 0 {
        return None;
    }
    let code =
        if significant.is_empty() { 0 } else { u32::from_str_radix(significant, radix).unwrap_or(u32::MAX) };
    let letter = match code {
        // Windows-1252 where C1 controls would be (WHATWG).
        0x91 | 0x92 => '\'',
        0x93 | 0x94 => '"',
        0x96 | 0x97 => '-',
        _ => char::from_u32(code).filter(|letter| *letter != '\0').unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let closed = digits.as_bytes().get(length) == Some(&b';');
    Some((letter, prefix + length + usize::from(closed)))
}

/// All references of a text decoded.
pub fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let (letter, length) = reference(tail).unwrap_or(('&', 1));
        out.push(letter);
        rest = tail.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
