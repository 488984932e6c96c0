//! Small values that items have, as the words of the schema.

/// How important a sender says an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Importance {
    /// Low.
    Low,
    /// Normal.
    Normal,
    /// High.
    High,
}

/// How private a sender says an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sensitivity {
    /// Not at all.
    Normal,
    /// Personal.
    Personal,
    /// Private.
    Private,
    /// Confidential.
    Confidential,
}

/// What somebody's calendar shows to others at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FreeBusy {
    /// Free.
    Free,
    /// Perhaps busy.
    Tentative,
    /// Busy.
    Busy,
    /// Out of office.
    OutOfOffice,
    /// Working, but not at the usual place.
    WorkingElsewhere,
    /// Nothing is known.
    NoData,
}

/// A body as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Body {
    /// Whether it is HTML rather than text.
    pub is_html: bool,
    /// The words.
    pub text: String,
    /// Whether the server cut it off.
    pub is_truncated: bool,
}

/// A value with a word of the schema.
pub(crate) trait Word: Sized + Copy + 'static {
    /// All of them with their words.
    const WORDS: &'static [(Self, &'static str)];

    /// The value of a word; `None` for a word of a later version.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word.trim()).map(|(value, _)| *value)
    }
}

/// The word of a value.
pub(crate) fn word<W: Word + PartialEq>(value: W) -> &'static str {
    W::WORDS.iter().find(|(known, _)| *known == value).map_or("", |(_, word)| word)
}

impl Word for Importance {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Importance::Low, "Low"), (Importance::Normal, "Normal"), (Importance::High, "High")];
}

impl Word for Sensitivity {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Sensitivity::Normal, "Normal"),
        (Sensitivity::Personal, "Personal"),
        (Sensitivity::Private, "Private"),
        (Sensitivity::Confidential, "Confidential"),
    ];
}

impl Word for FreeBusy {
    const WORDS: &'static [(Self, &'static str)] = &[
        (FreeBusy::Free, "Free"),
        (FreeBusy::Tentative, "Tentative"),
        (FreeBusy::Busy, "Busy"),
        (FreeBusy::OutOfOffice, "OOF"),
        (FreeBusy::WorkingElsewhere, "WorkingElsewhere"),
        (FreeBusy::NoData, "NoData"),
    ];
}
