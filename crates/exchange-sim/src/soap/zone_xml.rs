//! Time zones in requests and answers: as `GetServerTimeZones` defines them, and in the older form of
//! `GetUserAvailability`, which says when clocks are changed in the year that is looked at.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/timezone-availability>

use jiff::tz::{Offset, TimeZone};

use super::fault::SoapFault;
use super::out::Out;
use super::xml::Element;
use crate::model::zone::{self, Change, Rule, Zone};

/// Writes `t:TimeZoneDefinition`; without `whole` only its names.
pub(crate) fn define(out: &mut Out, zone: &Zone, rule: &Rule, whole: bool) {
    out.raw("<t:TimeZoneDefinition Id=\"");
    out.text(zone.id);
    out.raw("\" Name=\"");
    out.text(&zone.title(rule));
    out.raw("\">");
    if whole {
        let period = |name: &str| format!("trule:Microsoft/Registry/{}/1-{name}", zone.id);
        let (winter, summer) = (period("Standard"), period("Daylight"));
        out.raw("<t:Periods>");
        define_period(out, "Standard", &winter, rule.standard);
        if let Some(summer_time) = &rule.summer {
            define_period(out, "Daylight", &summer, summer_time.ahead);
        }
        out.raw("</t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\">");
        match &rule.summer {
            None => out.raw(&format!("<t:Transition><t:To Kind=\"Period\">{winter}</t:To></t:Transition>")),
            Some(summer_time) => {
                define_change(out, &winter, &summer_time.ends);
                define_change(out, &summer, &summer_time.begins);
            }
        }
        out.raw("</t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind=\"Group\">0</t:To></t:Transition></t:Transitions>");
    }
    out.raw("</t:TimeZoneDefinition>");
}

fn define_period(out: &mut Out, name: &str, id: &str, ahead: i32) {
    let bias = duration(-ahead);
    out.raw(&format!("<t:Period Bias=\"{bias}\" Name=\"{name}\" Id=\"{id}\"/>"));
}

fn define_change(out: &mut Out, to: &str, change: &Change) {
    out.raw(&format!("<t:RecurringDayTransition><t:To Kind=\"Period\">{to}</t:To>"));
    out.element("t:TimeOffset", &duration(change.minutes));
    out.element("t:Month", &change.month.to_string());
    out.element("t:DayOfWeek", zone::day_name(change.day));
    let week = if change.week == 5 { -1 } else { change.week };
    out.element("t:Occurrence", &week.to_string());
    out.raw("</t:RecurringDayTransition>");
}

/// Minutes as an `xs:duration`.
fn duration(minutes: i32) -> String {
    match minutes {
        0 => String::from("P0D"),
        _ if minutes < 0 => format!("-PT{}M", -minutes),
        _ => format!("PT{minutes}M"),
    }
}

/// Writes `t:TimeZone` in the older form.
pub(crate) fn write(out: &mut Out, rule: &Rule) {
    out.raw("<t:TimeZone>");
    out.element("t:Bias", &(-rule.standard).to_string());
    let summer = rule.summer.as_ref();
    write_change(out, "t:StandardTime", 0, summer.map(|summer| &summer.ends));
    let bias = summer.map_or(0, |summer| rule.standard - summer.ahead);
    write_change(out, "t:DaylightTime", bias, summer.map(|summer| &summer.begins));
    out.raw("</t:TimeZone>");
}

fn write_change(out: &mut Out, name: &str, bias: i32, change: Option<&Change>) {
    let at = change.map_or(0, |change| change.minutes);
    out.raw(&format!("<{name}>"));
    out.element("t:Bias", &bias.to_string());
    out.element("t:Time", &format!("{:02}:{:02}:00", at / 60, at % 60));
    out.element("t:DayOrder", &change.map_or(0, |change| change.week).to_string());
    out.element("t:Month", &change.map_or(0, |change| change.month).to_string());
    out.element("t:DayOfWeek", change.map_or("Sunday", |change| zone::day_name(change.day)));
    out.raw(&format!("</{name}>"));
}

/// Reads `t:TimeZone` in the older form.
pub(crate) fn read(element: Element<'_>) -> Result<TimeZone, SoapFault> {
    element.sequence(&["Bias", "StandardTime", "DaylightTime"])?;
    let bias = number(element, "Bias")?;
    let (winter, ends) = read_change(element.required("StandardTime")?)?;
    let (summer, begins) = read_change(element.required("DaylightTime")?)?;
    // The older form counts from the zone to UTC, as POSIX does.
    let (winter, summer) = (bias.saturating_add(winter), bias.saturating_add(summer));
    let wrong = || {
        let text =
            "The time zone of the request is none: its times or their differences from UTC are impossible.";
        SoapFault::new("ErrorTimeZone", text)
    };
    let (Some(begins), Some(ends), true) = (begins, ends, winter != summer) else {
        let seconds = winter.saturating_mul(-60);
        return Offset::from_seconds(seconds).map(TimeZone::fixed).map_err(|_| wrong());
    };
    let west = |minutes: i32| {
        let sign = if minutes < 0 { "-" } else { "" };
        format!("{sign}{}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
    };
    let rule = format!("WIN{}SUM{},{begins},{ends}", west(winter), west(summer));
    TimeZone::posix(&rule).map_err(|_| wrong())
}

/// The difference that a part of a zone says, and when it begins, as POSIX writes it; `None` if it never does.
fn read_change(element: Element<'_>) -> Result<(i32, Option<String>), SoapFault> {
    element.sequence(&["Bias", "Time", "DayOrder", "Month", "DayOfWeek", "Year"])?;
    let (bias, month) = (number(element, "Bias")?, number(element, "Month")?);
    let week = number(element, "DayOrder")?;
    let time = element.required("Time")?.text();
    let day = element.required("DayOfWeek")?;
    if element.child("Year").is_some_and(|year| !matches!(year.text().trim(), "" | "0")) {
        let text = "The simulator does not support time zones that change in one year only.";
        return Err(SoapFault::new("ErrorInvalidOperation", text));
    }
    let names = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let wanted = day.text();
    let number = names.iter().position(|name| *name == wanted.trim());
    let number = number.ok_or_else(|| day.violation(&format!("'{wanted}' is no day of the week.")))?;
    let when = format!("M{month}.{week}.{number}/{}", time.trim());
    Ok((bias, (month != 0).then_some(when)))
}

fn number(element: Element<'_>, name: &str) -> Result<i32, SoapFault> {
    let child = element.required(name)?;
    let text = child.text();
    let wrong = || child.violation(&format!("The '{name}' element is invalid - The value '{text}'."));
    text.trim().parse().map_err(|_| wrong())
}
