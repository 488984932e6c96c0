//! Inbox rules as [XML](https://learn.microsoft.com/exchange/client-developer/web-service-reference/rule-ruletype).
//!
//! The tables of `exchange::rule` are in the order of the schema, and so are the names here. An element that is in
//! neither makes the rule incomplete: it can be shown and removed, and is never written back.

use exchange::rule::{ACTIONS, CONDITIONS, Clause, Kind, Rule};

use crate::failure::Failure;
use crate::malformed::Reason;
use crate::time;
use crate::xml::{Pull, Reader, Writer};

const CONDITION_ELEMENTS: [&str; CONDITIONS.len()] = [
    "t:Categories",
    "t:ContainsBodyStrings",
    "t:ContainsHeaderStrings",
    "t:ContainsRecipientStrings",
    "t:ContainsSenderStrings",
    "t:ContainsSubjectOrBodyStrings",
    "t:ContainsSubjectStrings",
    "t:FlaggedForAction",
    "t:FromAddresses",
    "t:FromConnectedAccounts",
    "t:HasAttachments",
    "t:Importance",
    "t:IsApprovalRequest",
    "t:IsAutomaticForward",
    "t:IsAutomaticReply",
    "t:IsEncrypted",
    "t:IsMeetingRequest",
    "t:IsMeetingResponse",
    "t:IsNDR",
    "t:IsPermissionControlled",
    "t:IsReadReceipt",
    "t:IsSigned",
    "t:IsVoicemail",
    "t:ItemClasses",
    "t:MessageClassifications",
    "t:NotSentToMe",
    "t:SentCcMe",
    "t:SentOnlyToMe",
    "t:SentToAddresses",
    "t:SentToMe",
    "t:SentToOrCcMe",
    "t:Sensitivity",
    "t:WithinDateRange",
    "t:WithinSizeRange",
];

const ACTION_ELEMENTS: [&str; ACTIONS.len()] = [
    "t:AssignCategories",
    "t:CopyToFolder",
    "t:Delete",
    "t:ForwardAsAttachmentToRecipients",
    "t:ForwardToRecipients",
    "t:MarkImportance",
    "t:MarkAsRead",
    "t:MoveToFolder",
    "t:PermanentDelete",
    "t:RedirectToRecipients",
    "t:SendSMSAlertToRecipients",
    "t:ServerReplyWithMessage",
    "t:StopProcessingRules",
];

/// How many rules and values of one clause are read; a server keeps far fewer.
pub(crate) const MOST: usize = 10_000;

type Table<'t> = (&'t [(&'static str, Kind)], &'t [&'static str]);

/// Reads one rule, to its end.
pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Rule, Failure> {
    let mut rule = Rule {
        id: String::new(),
        name: String::new(),
        priority: 0,
        enabled: false,
        in_error: false,
        complete: true,
        conditions: Vec::new(),
        exceptions: Vec::new(),
        actions: Vec::new(),
    };
    while reader.child().await? {
        match reader.name() {
            b"RuleId" => rule.id = reader.text().await?,
            b"DisplayName" => rule.name = reader.text().await?,
            b"Priority" => {
                let text = reader.text().await?;
                rule.priority = text.trim().parse().map_err(|_| reader.error(Reason::Value("Priority")))?;
            }
            b"IsEnabled" => rule.enabled = reader.boolean("IsEnabled").await?,
            b"IsInError" => rule.in_error = reader.boolean("IsInError").await?,
            b"IsNotSupported" => rule.complete &= !reader.boolean("IsNotSupported").await?,
            b"Conditions" => {
                let known = clauses(reader, (&CONDITIONS, &CONDITION_ELEMENTS), &mut rule.conditions).await?;
                rule.complete &= known;
            }
            b"Exceptions" => {
                let known = clauses(reader, (&CONDITIONS, &CONDITION_ELEMENTS), &mut rule.exceptions).await?;
                rule.complete &= known;
            }
            b"Actions" => {
                let known = clauses(reader, (&ACTIONS, &ACTION_ELEMENTS), &mut rule.actions).await?;
                rule.complete &= known;
            }
            _ => {
                rule.complete = false;
                reader.skip().await?;
            }
        }
    }
    if rule.id.is_empty() {
        return Err(reader.error(Reason::Missing("RuleId")));
    }
    Ok(rule)
}

/// Reads clauses; says whether all of them are known.
async fn clauses<P: Pull>(
    reader: &mut Reader<P>,
    (names, elements): Table<'_>,
    out: &mut Vec<Clause>,
) -> Result<bool, Failure> {
    let mut complete = true;
    while reader.child().await? {
        let element = reader.name();
        let place = elements.iter().position(|known| known.as_bytes().strip_prefix(b"t:") == Some(element));
        match place.and_then(|place| names.get(place)) {
            Some((name, kind)) => {
                let (values, known) = values(reader, *kind).await?;
                complete &= known;
                out.push(Clause { name: (*name).to_owned(), values });
            }
            None => {
                complete = false;
                reader.skip().await?;
            }
        }
    }
    Ok(complete)
}

/// Reads the values of one clause, and whether that was all of it.
async fn values<P: Pull>(reader: &mut Reader<P>, kind: Kind) -> Result<(Vec<String>, bool), Failure> {
    let mut values = Vec::new();
    let mut known = true;
    match kind {
        Kind::Flag => values.push(if reader.boolean("a rule").await? { "true" } else { "false" }.to_owned()),
        Kind::Word => values.push(reader.text().await?.trim().to_owned()),
        Kind::Item => {
            values.extend(reader.attribute("Id"));
            values.extend(reader.attribute("ChangeKey"));
            reader.skip().await?;
        }
        Kind::Texts => {
            while reader.child().await? {
                values.push(reader.text().await?);
            }
        }
        Kind::People => {
            while reader.child().await? {
                values.push(person(reader).await?);
            }
        }
        Kind::Folder => {
            while reader.child().await? {
                let id = reader.attribute("Id").unwrap_or_default();
                match reader.name() {
                    b"FolderId" => values.push(format!("id:{id}")),
                    b"DistinguishedFolderId" => values.push(id),
                    _ => known = false,
                }
                reader.skip().await?;
            }
        }
        Kind::Times | Kind::Sizes => {
            let (mut from, mut to) = (String::new(), String::new());
            while reader.child().await? {
                let is_start = matches!(reader.name(), b"StartDateTime" | b"MinimumSize");
                let text = reader.text().await?;
                let text = if kind == Kind::Times { time::utc(&text).unwrap_or_default() } else { text };
                *(if is_start { &mut from } else { &mut to }) = text.trim().to_owned();
            }
            values.extend([from, to]);
        }
    }
    if values.len() > MOST {
        return Err(reader.error(Reason::Count { asked: MOST, got: values.len() }));
    }
    Ok((values, known))
}

/// Reads one address.
async fn person<P: Pull>(reader: &mut Reader<P>) -> Result<String, Failure> {
    let (mut name, mut address, mut routing) = (String::new(), String::new(), String::new());
    while reader.child().await? {
        match reader.name() {
            b"Name" => name = reader.text().await?,
            b"EmailAddress" => address = reader.text().await?,
            b"RoutingType" => routing = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    if address.trim().is_empty() {
        // Somebody who has left the directory: the name is all there is.
        return Ok(name);
    }
    let smtp = routing.is_empty() || routing.eq_ignore_ascii_case("SMTP");
    Ok(if smtp { address } else { format!("{routing}:{address}") })
}

/// Writes a rule. What only the server says of it is left out.
pub(crate) fn write(out: &mut Writer, rule: &Rule) {
    out.open("t:Rule", &[]);
    if !rule.id.is_empty() {
        out.exact("t:RuleId", &rule.id);
    }
    out.text("t:DisplayName", &rule.name);
    out.word("t:Priority", &rule.priority.to_string());
    out.word("t:IsEnabled", if rule.enabled { "true" } else { "false" });
    for (name, clauses, table) in [
        ("t:Conditions", &rule.conditions, (CONDITIONS.as_slice(), CONDITION_ELEMENTS.as_slice())),
        ("t:Exceptions", &rule.exceptions, (CONDITIONS.as_slice(), CONDITION_ELEMENTS.as_slice())),
        ("t:Actions", &rule.actions, (ACTIONS.as_slice(), ACTION_ELEMENTS.as_slice())),
    ] {
        if !clauses.is_empty() {
            out.open(name, &[]);
            write_clauses(out, clauses, table);
            out.close(name);
        }
    }
    out.close("t:Rule");
}

/// Writes clauses in the order of the schema, whatever order they are in.
fn write_clauses(out: &mut Writer, clauses: &[Clause], (names, elements): Table<'_>) {
    for ((name, kind), element) in names.iter().zip(elements) {
        for clause in clauses.iter().filter(|clause| clause.name == *name) {
            write_values(out, element, *kind, &clause.values);
        }
    }
}

fn write_values(out: &mut Writer, element: &'static str, kind: Kind, values: &[String]) {
    let first = values.first().map(String::as_str).unwrap_or_default();
    let second = values.get(1).map(String::as_str).unwrap_or_default();
    if matches!(kind, Kind::Flag | Kind::Word) {
        return out.exact(element, first);
    }
    if kind == Kind::Item {
        let version = (!second.is_empty()).then_some(("ChangeKey", second));
        let attributes: Vec<(&'static str, &str)> = [("Id", first)].into_iter().chain(version).collect();
        return out.empty(element, &attributes);
    }
    out.open(element, &[]);
    match kind {
        Kind::Texts => values.iter().for_each(|value| out.exact("t:String", value)),
        Kind::People => values.iter().for_each(|value| write_person(out, value)),
        Kind::Folder => match first.strip_prefix("id:") {
            Some(id) => out.empty("t:FolderId", &[("Id", id)]),
            None => out.empty("t:DistinguishedFolderId", &[("Id", first)]),
        },
        _ => {
            let [from, to] = if kind == Kind::Times {
                ["t:StartDateTime", "t:EndDateTime"]
            } else {
                ["t:MinimumSize", "t:MaximumSize"]
            };
            for (name, value) in [(from, first), (to, second)] {
                if !value.is_empty() {
                    out.exact(name, value);
                }
            }
        }
    }
    out.close(element);
}

fn write_person(out: &mut Writer, value: &str) {
    // A type in front is upper case and short, which the local part before a colon never is.
    let typed = value.split_once(':').filter(|(routing, _)| {
        (1..=8).contains(&routing.len()) && routing.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    let (routing, address) = typed.unwrap_or(("SMTP", value));
    out.open("t:Address", &[]);
    out.exact("t:EmailAddress", address);
    out.exact("t:RoutingType", routing);
    out.close("t:Address");
}
