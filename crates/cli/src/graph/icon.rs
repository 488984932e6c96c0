//! Pictures of 14 by 14 pixels, one per kind of step: shapes tell effects apart where colours cannot.

use std::fmt::Write;

use super::chart::Kind;

/// Draws the picture of a kind with its top left corner at a place.
pub(super) fn draw(out: &mut String, kind: Kind, (x, y): (f64, f64)) {
    let _ = write!(out, "<path class=\"icon\" transform=\"translate({x:.1} {y:.1})\" d=\"{}\"/>", path(kind));
}

const fn path(kind: Kind) -> &'static str {
    match kind {
        // A magnifying glass.
        Kind::Enrichment => "M10 6A4 4 0 1 1 2 6A4 4 0 1 1 10 6ZM9 9L13 13",
        // A stop sign with a bar.
        Kind::Containment => "M4.5 1H9.5L13 4.5V9.5L9.5 13H4.5L1 9.5V4.5ZM4 7H10",
        // An envelope.
        Kind::Notification => "M1 3H13V11.5H1ZM1 3L7 8L13 3",
        // A tray.
        Kind::Internal => "M1 8L3 2H11L13 8V12H1ZM1 8H4.5L5.5 10H8.5L9.5 8H13",
        // An equals sign.
        Kind::Compute => "M2.5 5H11.5M2.5 9H11.5",
        // Head and shoulders.
        Kind::Person => "M9.5 4A2.5 2.5 0 1 1 4.5 4A2.5 2.5 0 1 1 9.5 4ZM2 13C2 9 12 9 12 13",
        // A clock.
        Kind::Wait => "M13 7A6 6 0 1 1 1 7A6 6 0 1 1 13 7ZM7 3.5V7L9.5 8.5",
        // A tick.
        Kind::Assert => "M2 7.5L5.5 11L12 3",
        // A round stop.
        Kind::Return | Kind::End => "M13 7A6 6 0 1 1 1 7A6 6 0 1 1 13 7ZM5 5H9V9H5Z",
        // A cross.
        Kind::Fail => "M3 3L11 11M11 3L3 11",
        // A book.
        Kind::Playbook => "M2 2H6Q7 2 7 3V13Q7 12 6 12H2ZM12 2H8Q7 2 7 3V13Q7 12 8 12H12Z",
        // An arrow in a circle.
        Kind::Loop => "M12 7A5 5 0 1 1 9.5 2.7M9.5 0.5V3H7",
        // A fork in the road.
        Kind::Switch => "M7 1L13 7L7 13L1 7ZM7 4.5V7.5M7 9.5V9.6",
        // Three lines.
        Kind::Parallel => "M3 2V12M7 2V12M11 2V12",
        // A small net.
        Kind::Dag => {
            "M3 3L7 11L11 3M3 3H11M4.2 3A1.2 1.2 0 1 1 1.8 3A1.2 1.2 0 1 1 4.2 3ZM12.2 3A1.2 1.2 0 1 1 9.8 3A1.2 1.2 0 1 1 12.2 3ZM8.2 11A1.2 1.2 0 1 1 5.8 11A1.2 1.2 0 1 1 8.2 11Z"
        }
        // A shield.
        Kind::Try => "M7 1L12.5 3V7C12.5 10.5 10 12.3 7 13.3C4 12.3 1.5 10.5 1.5 7V3Z",
        Kind::Start | Kind::Lane => "M4 2L11 7L4 12Z",
    }
}
