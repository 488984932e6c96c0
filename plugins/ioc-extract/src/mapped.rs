//! A text that was made from another one, and knows for each place where it came from.
//!
//! Entities, tags and tricks are taken out of a text before it is searched, but what is found has to be shown where
//! it stands in the mail.

/// A text with a way back to its source.
#[derive(Debug, Default)]
pub struct Mapped {
    /// The text.
    pub text: String,
    /// Where a run begins: offset in `text`, offset in the source. Sorted.
    marks: Vec<(usize, usize)>,
    /// Offsets in `text` at which something was rewritten. Sorted.
    rewritten: Vec<usize>,
}

impl Mapped {
    /// Appends what stands in the source at `source`, unchanged.
    pub fn push_str(&mut self, text: &str, source: usize) {
        let at = self.text.len();
        let contiguous = self
            .marks
            .last()
            .is_some_and(|(here, there)| at.checked_sub(*here) == source.checked_sub(*there));
        if !contiguous {
            self.marks.push((at, source));
        }
        self.text.push_str(text);
    }

    /// Appends one character that stands for something else in the source.
    pub fn push(&mut self, letter: char, source: usize) {
        self.marks.push((self.text.len(), source));
        self.text.push(letter);
    }

    /// Notes that what comes next was hidden or written differently.
    pub fn note_rewritten(&mut self) {
        self.rewritten.push(self.text.len());
    }

    /// Offset in the source of an offset in the text.
    pub fn source(&self, at: usize) -> usize {
        let index = self.marks.partition_point(|(here, _)| *here <= at);
        match index.checked_sub(1).and_then(|index| self.marks.get(index)) {
            Some((here, there)) => there + (at - here),
            None => at,
        }
    }

    /// Whether something in this range was rewritten.
    pub fn is_rewritten(&self, start: usize, end: usize) -> bool {
        let index = self.rewritten.partition_point(|at| *at < start);
        self.rewritten.get(index).is_some_and(|at| *at < end)
    }
}
