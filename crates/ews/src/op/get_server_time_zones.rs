//! [GetServerTimeZones](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getservertimezones-operation):
//! the time zones a server knows, by the names that its other operations take.
//!
//! A zone is a list of transitions: from each on, a period or a group of yearly changes between periods counts. What
//! that comes to on a day is not worked out here: every time of this crate is in UTC.

use exchange::{Error, Mailbox, Weekday};
use jiff::civil::DateTime;

use crate::answer::Message;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTimeZone {
    /// Its Windows name, e.g. `W. Europe Standard Time`.
    pub id: String,
    /// Its name for people, in the server's language.
    pub name: String,
    /// The times it knows, where that was asked for.
    pub periods: Vec<ZonePeriod>,
    /// The changes between them that come every year, group by group.
    pub groups: Vec<ZoneGroup>,
    /// What counts from when on; the first always did.
    pub transitions: Vec<ZoneTransition>,
}

/// Changes that come every year while the group counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneGroup {
    /// Its id within the zone.
    pub id: String,
    /// The changes.
    pub transitions: Vec<ZoneTransition>,
}

/// A change to another time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneTransition {
    /// What counts from then on.
    pub to: ZoneTarget,
    /// From when on.
    pub when: ZoneWhen,
}

/// What counts after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoneTarget {
    /// The period with this id.
    Period(String),
    /// The group with this id.
    Group(String),
}

/// When a change comes. Times are those of the zone before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZoneWhen {
    /// From the beginning.
    Always,
    /// Once.
    At(DateTime),
    /// Every year on a day such as the last Sunday in March.
    YearlyOnDay {
        /// The month, 1 to 12.
        month: u8,
        /// Which day.
        day: Weekday,
        /// Which of them in the month: 1 to 4, or -1 for the last.
        week: i8,
        /// Minutes after midnight.
        minutes: i32,
    },
    /// Every year on a date.
    YearlyOnDate {
        /// The month, 1 to 12.
        month: u8,
        /// The day of the month.
        day: u8,
        /// Minutes after midnight.
        minutes: i32,
    },
}

/// A time of a zone: standard, daylight, or one of an earlier year.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZonePeriod {
    /// Its id within the zone.
    pub id: String,
    /// `Standard` or `Daylight`.
    pub name: String,
    /// Minutes to add to it to get UTC: -60 in Berlin's winter.
    pub bias_minutes: i32,
}

struct GetServerTimeZones<'a> {
    ids: &'a [&'a str],
    full: bool,
}

impl Operation for GetServerTimeZones<'_> {
    const NAME: &'static str = "GetServerTimeZones";
    const ANSWER: &'static str = "GetServerTimeZonesResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<ServerTimeZone>;

    fn write(&self, out: &mut Writer) {
        let full = if self.full { "true" } else { "false" };
        out.open("m:GetServerTimeZones", &[("ReturnFullTimeZoneData", full)]);
        if !self.ids.is_empty() {
            out.open("m:Ids", &[]);
            self.ids.iter().for_each(|id| out.exact("t:Id", id));
            out.close("m:Ids");
        }
        out.close("m:GetServerTimeZones");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut all = None;
        while reader.child().await? {
            if all.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut zones = Vec::new();
            while reader.child().await? {
                match reader.name() {
                    b"TimeZoneDefinitions" => {
                        while reader.child().await? {
                            zones.push(zone(reader).await?);
                        }
                    }
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            all = Some(zones);
        }
        all.ok_or_else(|| reader.error(Reason::Missing("GetServerTimeZonesResponseMessage")))
    }
}

async fn zone<P: Pull>(reader: &mut Reader<P>) -> Result<ServerTimeZone, Failure> {
    let mut zone = ServerTimeZone {
        id: reader.attribute("Id").unwrap_or_default(),
        name: reader.attribute("Name").unwrap_or_default(),
        ..ServerTimeZone::default()
    };
    while reader.child().await? {
        match reader.name() {
            b"Periods" => {
                while reader.child().await? {
                    zone.periods.push(period(reader).await?);
                }
            }
            b"TransitionsGroups" => {
                while reader.child().await? {
                    let id = reader.attribute("Id").unwrap_or_default();
                    zone.groups.push(ZoneGroup { id, transitions: transitions(reader).await? });
                }
            }
            b"Transitions" => zone.transitions = transitions(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(zone)
}

async fn period<P: Pull>(reader: &mut Reader<P>) -> Result<ZonePeriod, Failure> {
    let bias = minutes(&reader.attribute("Bias").unwrap_or_default());
    let period = ZonePeriod {
        id: reader.attribute("Id").unwrap_or_default(),
        name: reader.attribute("Name").unwrap_or_default(),
        bias_minutes: bias.ok_or_else(|| reader.error(Reason::Value("Bias")))?,
    };
    reader.skip().await?;
    Ok(period)
}

/// Reads the transitions inside the current element.
async fn transitions<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<ZoneTransition>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        match reader.name() {
            b"Transition"
            | b"AbsoluteDateTransition"
            | b"RecurringDayTransition"
            | b"RecurringDateTransition" => all.push(transition(reader).await?),
            _ => reader.skip().await?,
        }
    }
    Ok(all)
}

async fn transition<P: Pull>(reader: &mut Reader<P>) -> Result<ZoneTransition, Failure> {
    let kind = reader.name().to_vec();
    let (mut to, mut at, mut offset, mut month) = (None, None, None, None);
    let (mut weekday, mut week, mut day) = (None, None, None);
    while reader.child().await? {
        let is_group = reader.attribute("Kind").as_deref() == Some("Group");
        let name = reader.name().to_vec();
        let text = reader.text().await?;
        let text = text.trim();
        match name.as_slice() {
            b"To" if is_group => to = Some(ZoneTarget::Group(text.to_owned())),
            b"To" => to = Some(ZoneTarget::Period(text.to_owned())),
            b"DateTime" => at = text.get(..19).and_then(|civil| civil.parse::<DateTime>().ok()),
            b"TimeOffset" => offset = minutes(text),
            b"Month" => month = text.parse::<u8>().ok(),
            b"DayOfWeek" => weekday = Weekday::of(text),
            b"Occurrence" => week = text.parse::<i8>().ok(),
            b"Day" => day = text.parse::<u8>().ok(),
            _ => {}
        }
    }
    let to = to.ok_or_else(|| reader.error(Reason::Missing("To")))?;
    let when = match kind.as_slice() {
        b"AbsoluteDateTransition" => at.map(ZoneWhen::At),
        b"RecurringDayTransition" => match (month, weekday, week, offset) {
            (Some(month), Some(day), Some(week), Some(minutes)) => {
                Some(ZoneWhen::YearlyOnDay { month, day, week, minutes })
            }
            _ => None,
        },
        b"RecurringDateTransition" => match (month, day, offset) {
            (Some(month), Some(day), Some(minutes)) => Some(ZoneWhen::YearlyOnDate { month, day, minutes }),
            _ => None,
        },
        _ => Some(ZoneWhen::Always),
    };
    let when = when.ok_or_else(|| reader.error(Reason::Value("Transition")))?;
    Ok(ZoneTransition { to, when })
}

/// An `xs:duration` of less than some days, in whole minutes.
fn minutes(text: &str) -> Option<i32> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    let mut seconds = 0_f64;
    let mut number = String::new();
    let mut in_time = false;
    for c in rest.strip_prefix('P')?.chars() {
        let unit = match c {
            '0'..='9' | '.' => {
                number.push(c);
                continue;
            }
            'T' => {
                in_time = true;
                continue;
            }
            'D' if !in_time => 86_400.0,
            'H' if in_time => 3_600.0,
            'M' if in_time => 60.0,
            'S' if in_time => 1.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    let whole = format!("{:.0}", seconds / 60.0).parse::<i32>().ok()?;
    number.is_empty().then_some(sign * whole)
}

impl EwsClient {
    /// The time zones of these ids, or all; with `full` also the times they know. A server leaves out an id it does
    /// not know.
    ///
    /// # Errors
    /// What the wire says.
    pub async fn server_time_zones(
        &self,
        mailbox: &Mailbox,
        ids: &[&str],
        full: bool,
    ) -> Result<Vec<ServerTimeZone>, Error> {
        self.call(mailbox, GetServerTimeZones { ids, full }).await
    }
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn durations_are_read_as_servers_write_them() {
        let cases = [
            ("P0D", Some(0)),
            ("PT0S", Some(0)),
            ("-PT1H", Some(-60)),
            ("P0DT8H0M0.0S", Some(480)),
            ("-P0DT5H30M0.0S", Some(-330)),
            ("PT12H", Some(720)),
            ("", None),
            ("PT", Some(0)),
            ("P1M", None),
            ("PT5", None),
            ("PT1..5H", None),
            ("PT99999999999999999999H", None),
        ];
        for (text, expected) in cases {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }
}
