//! [GetServerTimeZones](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getservertimezones-operation):
//! the time zones a server knows, by the names that its other operations take.
//!
//! When a zone goes from one period to another is not read: every time here is in UTC, and what a zone means on a
//! day is the server's business.

use exchange::{Error, Mailbox};

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
        periods: Vec::new(),
    };
    while reader.child().await? {
        if reader.name() != b"Periods" {
            reader.skip().await?;
            continue;
        }
        while reader.child().await? {
            let bias = minutes(&reader.attribute("Bias").unwrap_or_default());
            zone.periods.push(ZonePeriod {
                id: reader.attribute("Id").unwrap_or_default(),
                name: reader.attribute("Name").unwrap_or_default(),
                bias_minutes: bias.ok_or_else(|| reader.error(Reason::Value("Bias")))?,
            });
            reader.skip().await?;
        }
    }
    Ok(zone)
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
