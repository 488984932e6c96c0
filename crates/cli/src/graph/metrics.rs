//! How wide a text is, without a font: tables of the faces that drawings ask for.
//!
//! Sans-serif text uses the advance widths of Helvetica (Arial and Liberation Sans have the same), widened by
//! what the widest usual substitute (DejaVu Sans) needs, so that text stays in its box whatever the reader has.
//! Code uses a monospaced face; every usual one has 0.6 em, and some renderers round that up to whole pixels.
//! East Asian characters count as full width.

/// A face and its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Face {
    /// Font size in pixels.
    pub(crate) size: f64,
    /// From baseline to baseline.
    pub(crate) leading: f64,
    mono: bool,
    bold: bool,
}

/// Titles.
pub(crate) const TITLE: Face = Face { size: 13.0, leading: 17.0, mono: false, bold: true };
/// Our words.
pub(crate) const NOTE: Face = Face { size: 11.0, leading: 15.0, mono: false, bold: false };
/// The playbook's own text.
pub(crate) const CODE: Face = Face { size: 11.0, leading: 15.0, mono: true, bold: false };

/// The widest usual substitute against Helvetica.
const SUBSTITUTE: f64 = 1.16;
/// Bold faces against regular ones.
const BOLD: f64 = 1.14;

/// Thousandths of an em for ` ` to `~`.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

impl Face {
    /// The width of a text in pixels, never too small for the usual faces.
    pub(crate) fn width(self, text: &str) -> f64 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    fn advance(self, c: char) -> f64 {
        let wide = matches!(c,
            '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}');
        if wide {
            return self.size * 1.25;
        }
        if self.mono {
            return self.size * 0.64;
        }
        let thousandths = u32::from(c)
            .checked_sub(0x20)
            .and_then(|index| WIDTHS.get(index as usize))
            .map_or(880.0, |&width| f64::from(width));
        self.size * thousandths / 1000.0 * SUBSTITUTE * if self.bold { BOLD } else { 1.0 }
    }

    /// Breaks a text into at most `lines` lines of at most `width` pixels: between words, inside a word that is
    /// longer than a line, and with an ellipsis where something is left out.
    pub(crate) fn wrap(self, text: &str, width: f64, lines: usize) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut current = String::new();
        let mut used = 0.0;
        for word in text.split_inclusive([' ', ',', '.', '/', '@', '_']) {
            let wide = self.width(word.trim_end());
            if used + wide > width && !current.trim().is_empty() {
                out.push(std::mem::take(&mut current));
                used = 0.0;
            }
            if out.len() > lines {
                break;
            }
            for c in word.chars() {
                let advance = self.advance(c);
                if used + advance > width && !current.is_empty() && c != ' ' {
                    out.push(std::mem::take(&mut current));
                    used = 0.0;
                }
                if !(c == ' ' && current.is_empty()) {
                    current.push(c);
                    used += advance;
                }
            }
        }
        if !current.trim().is_empty() {
            out.push(current);
        }
        let mut out: Vec<String> = out.into_iter().map(|line| line.trim_end().to_owned()).collect();
        if out.len() > lines {
            out.truncate(lines);
            if let Some(last) = out.last_mut() {
                *last = self.cut(last, width);
            }
        }
        out
    }

    /// The text with an ellipsis at its end, as much of it as there is room for.
    fn cut(self, text: &str, width: f64) -> String {
        let mut used = self.advance('…');
        let mut cut = String::new();
        for c in text.chars() {
            used += self.advance(c);
            if used > width {
                break;
            }
            cut.push(c);
        }
        cut.truncate(cut.trim_end().len());
        cut.push('…');
        cut
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wraps_between_words_and_says_what_it_left_out() {
        let lines = NOTE.wrap("Take the copies out of the mailboxes", 120.0, 2);
        assert_eq!(lines, ["Take the copies out", "of the mailboxes"]);
        let one = NOTE.wrap("Take the copies out of the mailboxes", 120.0, 1);
        assert!(one[0].ends_with('…') && one[0].starts_with("Take the copies"), "{one:?}");
        let long = CODE.wrap(&"x".repeat(100), 100.0, 3);
        assert_eq!(long.len(), 3);
        assert!(long[2].ends_with('…'), "{long:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,200}", width in 30.0..400.0_f64, lines in 1..4_usize) {
            for face in [TITLE, NOTE, CODE] {
                let wrapped = face.wrap(&text, width, lines);
                prop_assert!(wrapped.len() <= lines);
                for line in &wrapped {
                    prop_assert!(face.width(line) <= width + 0.001, "{line:?}");
                }
                if !text.trim().is_empty() {
                    prop_assert!(!wrapped.is_empty());
                }
            }
        }
    }
}
