//! What can be put into a new item or changed in an old one: one property with its value.

use exchange::{Address, BodyText, Recurrence};
use jiff::Timestamp;

use super::path::ExtendedName;
use super::value::{FreeBusy, Importance, Sensitivity, Word};

/// A property with a value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// The class, e.g. `IPM.Note`.
    Class(String),
    /// The subject.
    Subject(String),
    /// How private it is.
    Sensitivity(Sensitivity),
    /// The body.
    Body(BodyText),
    /// Categories.
    Categories(Vec<String>),
    /// How important it is.
    Importance(Importance),
    /// The `In-Reply-To` header.
    InReplyTo(String),
    /// Whether to remind the owner.
    Reminder(bool),
    /// How many minutes before it begins; at most 2,629,800.
    ReminderMinutes(u32),
    /// A MAPI property; several values only of an array.
    Extended(ExtendedName, Vec<String>),
    /// A header of a mail to be sent. Servers take names that begin with `X-`.
    Header {
        /// Its name.
        name: String,
        /// Its value, on one line.
        value: String,
    },
    /// The mark for following up.
    Flag(Flag),
    /// Who sends it for the author.
    Sender(Address),
    /// The author.
    From(Address),
    /// Recipients.
    To(Vec<Address>),
    /// Copies.
    Cc(Vec<Address>),
    /// Blind copies.
    Bcc(Vec<Address>),
    /// Where answers are to go.
    ReplyTo(Vec<Address>),
    /// Whether to ask for a receipt when it is read.
    ReadReceipt(bool),
    /// Whether to ask for a receipt when it arrives.
    DeliveryReceipt(bool),
    /// The `Message-ID` header.
    MessageId(String),
    /// The `References` header.
    References(String),
    /// Whether it was read.
    IsRead(bool),
    /// When it begins.
    Start(Timestamp),
    /// When it ends.
    End(Timestamp),
    /// Whether it lasts whole days.
    AllDay(bool),
    /// What the calendar shows to others.
    FreeBusy(FreeBusy),
    /// Where.
    Location(String),
    /// Who is to come.
    Required(Vec<Address>),
    /// Who may come.
    Optional(Vec<Address>),
    /// Rooms and things.
    Resources(Vec<Address>),
    /// How it repeats.
    Recurrence(Recurrence),
    /// The time zone it begins in, by its Windows name, e.g. `W. Europe Standard Time`.
    StartTimeZone(String),
    /// The time zone it ends in.
    EndTimeZone(String),
    /// Its id in every mailbox that has it.
    Uid(String),
    /// One of the texts of a contact.
    Contact(ContactText, String),
    /// A mail address of a contact: number 1 to 3.
    Email(u8, String),
    /// A telephone number of a contact.
    Phone(PhoneKind, String),
    /// An address for instant messages of a contact: number 1 to 3.
    ImAddress(u8, String),
    /// A part of a postal address of a contact.
    Postal(PostalKind, PostalPart, String),
    /// The birthday of a contact.
    Birthday(Timestamp),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($value:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "a value says what it is by its name")]
        pub enum $name { $($value),+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [$name] = &[$($name::$value),+];
        }

        impl Word for $name {
            const WORDS: &'static [(Self, &'static str)] = &[$(($name::$value, $word)),+];
        }
    };
}

words! {
    /// The mark for following up.
    Flag { NotFlagged => "NotFlagged", Flagged => "Flagged", Complete => "Complete" }
}

words! {
    /// A text of a contact, in the order of the schema.
    ContactText {
        FileAs => "FileAs",
        DisplayName => "DisplayName",
        GivenName => "GivenName",
        Initials => "Initials",
        MiddleName => "MiddleName",
        Nickname => "Nickname",
        CompanyName => "CompanyName",
        AssistantName => "AssistantName",
        BusinessHomePage => "BusinessHomePage",
        Department => "Department",
        Generation => "Generation",
        JobTitle => "JobTitle",
        Manager => "Manager",
        Mileage => "Mileage",
        OfficeLocation => "OfficeLocation",
        Profession => "Profession",
        SpouseName => "SpouseName",
        Surname => "Surname",
    }
}

words! {
    /// A kind of telephone number.
    PhoneKind {
        Assistant => "AssistantPhone",
        BusinessFax => "BusinessFax",
        Business => "BusinessPhone",
        Business2 => "BusinessPhone2",
        Callback => "Callback",
        Car => "CarPhone",
        CompanyMain => "CompanyMainPhone",
        HomeFax => "HomeFax",
        Home => "HomePhone",
        Home2 => "HomePhone2",
        Isdn => "Isdn",
        Mobile => "MobilePhone",
        OtherFax => "OtherFax",
        Other => "OtherTelephone",
        Pager => "Pager",
        Primary => "PrimaryPhone",
        Radio => "RadioPhone",
        Telex => "Telex",
        TtyTdd => "TtyTddPhone",
    }
}

words! {
    /// A kind of postal address.
    PostalKind { Business => "Business", Home => "Home", Other => "Other" }
}

words! {
    /// A part of a postal address, in the order of the schema.
    PostalPart {
        Street => "Street",
        City => "City",
        State => "State",
        Country => "CountryOrRegion",
        PostalCode => "PostalCode",
    }
}
